// The copy that a capturing tree makes of what is read.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "lib/base/error.h"
#include "lib/device/probe/tree.h"

namespace hib::device {

// Everything has mode 0600 or 0700. The first failure stops the copying, and is kept.
struct Tree::Capture {
  std::string folder;
  bool is_new = false;         // it was made for the copy
  std::set<std::string> done;  // paths that are there already
  std::optional<Error> failure;
  Facts unreadable;

  void file(const std::string& path, const std::string& text);
  void folder_at(const std::string& path);
  void link(const std::string& path, const std::string& target);
  // The machine said no: kept in hibtool/unreadable, so that the copy says no too.
  void no(const std::string& path, const std::string& why);
  void remove() const;  // half a copy would pass for a machine with fewer devices
};

// KEY=VALUE lines; a percent sign, control characters and an equals sign of a key are percent-encoded.
std::string text_of_facts(const Facts& facts);
Facts facts_from_text(const std::string& text);

inline constexpr const char* kUnreadableFacts = "/hibtool/unreadable";

}  // namespace hib::device
