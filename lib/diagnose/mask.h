// Pseudonyms for a report that goes to others. Within one run the same secret has the same pseudonym wherever
// it stands, so that two places that name one swap area still do.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lib/base/error.h"
#include "lib/diagnose/cause.h"
#include "lib/diagnose/secrets.h"

namespace hib::diagnose {

class Mask {
 public:
  // From now on this is hidden wherever it stands as words of their own.
  void learn(SecretKind kind, std::string_view secret);
  void learn_host(std::string_view name);  // and what stands before its first dot
  // A file or a folder that was named on the command line: of its path the last part stays.
  void learn_path(const std::string& path);

  // "UUID=8a1b…" as "UUID=uuid-1". A second pass changes nothing. Names of hosts that it comes across are
  // learned; to hide them in what was masked before, mask all of it twice.
  std::string operator()(std::string_view text);
  std::string pseudonym(SecretKind kind, std::string_view secret);

  // The same in place.
  void hide(std::string& text) { text = (*this)(text); }
  void hide(Error& error);
  void hide(Advice& advice);
  void hide(Evidence& evidence);
  void hide(Cause& cause);

 private:
  struct Known {
    SecretKind kind = SecretKind::Serial;
    std::string key;
  };
  // What stands at `at` as a word that was learned: its size, or 0.
  std::size_t known_at(std::string_view text, std::size_t at, const Known*& known) const;
  std::size_t path_at(std::string_view text, std::size_t at, std::string_view& last_part) const;
  void learn_serial(std::string_view text);
  std::string instead_of(const Secret& secret, std::string_view text);

  std::map<std::pair<SecretKind, std::string>, std::size_t> numbers_;
  std::map<SecretKind, std::size_t> counts_;
  std::unordered_map<std::string, Known> known_;
  std::set<std::size_t, std::greater<>> known_sizes_;
  std::vector<std::pair<std::string, std::string>> paths_;  // longest first; path, what stands for it
};

}  // namespace hib::diagnose
