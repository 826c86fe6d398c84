// The archives of an initramfs as the kernel unpacks them (init/initramfs.c): "newc" archives, one after the
// other, with zeros between them. Fed in pieces, front to back.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib::diagnose::boot {

struct CpioEntry {
  std::string path;  // without "/" or "./" before it; hostile
  std::uint32_t mode = 0;
  std::uint64_t bytes = 0;
  std::string content;  // of a file that was asked for; the target of a link

  bool is_file() const { return (mode & 0170000) == 0100000; }
  bool is_link() const { return (mode & 0170000) == 0120000; }
};

class CpioStream {
 public:
  static constexpr std::size_t kMaxEntries = 200'000;
  static constexpr std::size_t kMaxName = 4096;             // the kernel's own limit
  static constexpr std::size_t kMaxContent = 256U << 10;    // of one file that is kept
  static constexpr std::size_t kMaxAllContent = 16U << 20;  // of all of them

  // `wanted` says whether a file's content is kept.
  CpioStream(std::function<bool(const std::string& path)> wanted, std::function<void(CpioEntry&&)> on_entry)
      : wanted_(std::move(wanted)), on_entry_(std::move(on_entry)) {}

  // Takes as much as belongs to archives, and says how much that was: all of it, or up to the first byte
  // between archives that is neither zero nor the beginning of the next one. The error's offset is one of
  // all that was fed.
  Result<std::size_t> feed(ByteView bytes);

  // Between two archives, before the first one or behind the last one: a good place to end.
  bool is_between() const { return state_ == State::Between && pending_.empty(); }
  std::size_t entries() const { return entries_; }

 private:
  enum class State : std::uint8_t { Between, Header, Name, Content, Padding };

  bool collect(ByteView& bytes, std::size_t wanted_bytes);
  Result<void> take_header();
  Result<void> take_name();
  void take_content(ByteView& bytes);
  void end_entry();
  Result<std::uint32_t> hex_field(std::size_t index, const char* field) const;
  Error wrong(ErrorKind kind, const char* field, std::string found, std::string allowed) const;

  std::function<bool(const std::string& path)> wanted_;
  std::function<void(CpioEntry&&)> on_entry_;
  State state_ = State::Between;
  std::string pending_;  // a header or a name of which a part is here
  std::uint64_t position_ = 0;
  CpioEntry entry_;
  std::size_t name_bytes_ = 0;  // with its NUL
  std::size_t padded_name_ = 0;
  std::uint64_t left_ = 0;  // of the content
  std::size_t padding_ = 0;
  bool is_kept_ = false;
  std::size_t entries_ = 0;
  std::size_t kept_bytes_ = 0;
};

}  // namespace hib::diagnose::boot
