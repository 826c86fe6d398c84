#include "lib/diagnose/mask.h"

#include <algorithm>

#include <fmt/format.h>

namespace hib::diagnose {
namespace {

constexpr std::size_t kMaxKnownBytes = 256;  // the rest of a longer secret is not compared
constexpr std::string_view kMacInName = "enx";

bool is_bounded(std::string_view text, std::size_t at, std::size_t size) {
  return at + size >= text.size() || !is_word_byte(text[at + size]);
}

// Names of interfaces by udev: "enx001122334455".
bool is_named_by_mac(std::string_view text, std::size_t at) {
  constexpr std::size_t kDigits = 12;
  if (text.substr(at, kMacInName.size()) != kMacInName) return false;
  const std::string_view digits = text.substr(at + kMacInName.size(), kDigits);
  return digits.size() == kDigits && is_bounded(text, at, kMacInName.size() + kDigits) &&
         std::all_of(digits.begin(), digits.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// As device-mapper spells a name of LVM.
std::string with_doubled_dashes(std::string_view text) {
  std::string doubled;
  for (const char c : text) doubled += c == '-' ? std::string("--") : std::string(1, c);
  return doubled;
}

bool is_unlike_a_number(std::string_view text) {
  constexpr std::size_t kLongNumber = 10;
  return text.size() >= kLongNumber || text.find_first_not_of("0123456789") != std::string_view::npos;
}

}  // namespace

void Mask::learn(SecretKind kind, std::string_view secret) {
  if (secret.empty() || secret.size() > kMaxKnownBytes || pseudonym_at(secret, 0) == secret.size()) return;
  if (kind == SecretKind::Host && (!is_private_host(secret) || secret.size() < 3)) return;
  if (!known_.emplace(std::string(secret), Known{kind, key_of(kind, secret)}).second) return;
  known_sizes_.insert(secret.size());
}

void Mask::learn_host(std::string_view name) {
  learn(SecretKind::Host, name);
  const std::string_view first = name.substr(0, name.find('.'));
  learn(SecretKind::Host, first);
  learn(SecretKind::Host, with_doubled_dashes(first));  // of a volume group that is named like the machine
}

// Of "MODEL_SERIAL", or a serial number alone: it may stand alone somewhere. A short number stands for other
// things as well.
void Mask::learn_serial(std::string_view text) {
  while (!text.empty()) {
    const std::size_t begin = text.rfind('_') == std::string_view::npos ? 0 : text.rfind('_') + 1;
    const std::string_view part = text.substr(begin, text.find(':', begin) - begin);
    if (is_worth_hiding(part)) {
      if (is_unlike_a_number(part)) learn(SecretKind::Serial, part);
      return;
    }
    text = text.substr(0, begin == 0 ? 0 : begin - 1);
  }
}

void Mask::learn_path(const std::string& path) {
  std::string bare = path;
  while (bare.size() > 1 && bare.back() == '/') bare.pop_back();
  const std::size_t slash = bare.rfind('/');
  if (slash == std::string::npos || bare.size() == 1 || bare.starts_with("/dev/")) return;
  const auto has = [&](const auto& is_it) { return std::any_of(paths_.begin(), paths_.end(), is_it); };
  if (has([&](const auto& one) { return one.first == bare; })) return;
  const std::string last = (*this)(bare.substr(slash + 1));
  std::string name = last;  // two files of one name stay two
  for (unsigned i = 2; has([&](const auto& one) { return one.second == name; }); ++i)
    name = fmt::format("{}#{}", last, i);
  paths_.emplace_back(std::move(bare), std::move(name));
  std::stable_sort(paths_.begin(), paths_.end(),
                   [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
}

std::string Mask::pseudonym(SecretKind kind, std::string_view secret) {
  const auto [place, is_new] =
      numbers_.emplace(std::make_pair(kind, key_of(kind, secret)), counts_[kind] + 1);
  if (is_new) ++counts_[kind];
  return fmt::format("{}-{}", name_of(kind), place->second);
}

std::size_t Mask::known_at(std::string_view text, std::size_t at, const Known*& known) const {
  for (const std::size_t size : known_sizes_) {
    if (at + size > text.size() || !is_bounded(text, at, size)) continue;
    const auto found = known_.find(std::string(text.substr(at, size)));
    if (found == known_.end()) continue;
    known = &found->second;
    return size;
  }
  return 0;
}

std::size_t Mask::path_at(std::string_view text, std::size_t at, std::string_view& last_part) const {
  for (const auto& [path, name] : paths_) {
    if (text.substr(at, path.size()) != path || !is_bounded(text, at, path.size())) continue;
    last_part = name;
    return path.size();
  }
  return 0;
}

std::string Mask::instead_of(const Secret& secret, std::string_view text) {
  if (secret.kind == SecretKind::Host) learn_host(text);
  if (secret.kind == SecretKind::Serial) {
    learn_serial(text);
    // udev's names have the model before the serial number
    for (std::size_t i = 0; i < text.size(); ++i) {
      const Known* known = nullptr;
      if ((i == 0 || !is_word_byte(text[i - 1])) && known_at(text, i, known) > 0)
        return pseudonym(known->kind, known->key);
    }
  }
  return pseudonym(secret.kind, text);
}

std::string Mask::operator()(std::string_view text) {
  std::string masked;
  bool begins_word = true;
  for (std::size_t at = 0; at < text.size();) {
    std::string_view last_part;
    const Known* known = nullptr;
    std::size_t size = 0;
    if (begins_word) {
      if ((size = pseudonym_at(text, at)) > 0) {
        masked += text.substr(at, size);
      } else if ((size = path_at(text, at, last_part)) > 0) {
        masked += last_part;
      } else if (const auto secret = secret_at(text, at)) {
        size = secret->size;
        masked += instead_of(*secret, text.substr(at, size));
      } else if ((size = known_at(text, at, known)) > 0) {
        masked += pseudonym(known->kind, known->key);
      } else if (is_named_by_mac(text, at)) {
        size = kMacInName.size() + 12;
        masked.append(kMacInName).append(pseudonym(SecretKind::Mac, text.substr(at + kMacInName.size(), 12)));
      }
    }
    if (size == 0) {
      size = std::max<std::size_t>(escape_at(text, at), 1);
      masked += text.substr(at, size);
      begins_word = size > 1 || !is_word_byte(text[at]);
    } else {
      begins_word = false;
    }
    at += size;
  }
  return masked;
}

void Mask::hide(Error& error) {
  for (std::string* text : {&error.file, &error.where, &error.found, &error.allowed, &error.advice})
    hide(*text);
}

void Mask::hide(Advice& advice) {
  for (std::string* text : {&advice.text, &advice.command, &advice.file}) hide(*text);
}

void Mask::hide(Evidence& evidence) {
  hide(evidence.source);
  hide(evidence.text);
  if (!evidence.cursor.empty() && pseudonym_at(evidence.cursor, 0) != evidence.cursor.size())
    evidence.cursor = pseudonym(SecretKind::Cursor, evidence.cursor);
}

void Mask::hide(Cause& cause) {
  hide(cause.text);
  for (Evidence& one : cause.evidence) hide(one);
  for (Advice& one : cause.advice) hide(one);
}

}  // namespace hib::diagnose
