// What tells who somebody is, or which machine this is, known by its form and by the words before it: UUIDs,
// serial numbers, addresses of networks, names of hosts and of people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hib::diagnose {

enum class SecretKind : std::uint8_t { Uuid, Serial, Wwn, Mac, Ip, Host, User, Cursor, Password };

std::string_view name_of(SecretKind kind);  // "uuid", as in pseudonyms

struct Secret {
  SecretKind kind = SecretKind::Uuid;
  std::size_t size = 0;  // bytes of the text
};

// Whether a secret begins at `at`, which is the beginning of a word: there is no letter and no digit before
// it, but for an escape of systemd ("\x2d").
std::optional<Secret> secret_at(std::string_view text, std::size_t at);

// "uuid-1": what stands for a secret already. Its size, or 0.
std::size_t pseudonym_at(std::string_view text, std::size_t at);

// The same for all ways to write one secret: "8A1B-…" and "8a1b…".
std::string key_of(SecretKind kind, std::string_view secret);

// What an identity of a device has to be before it is looked for in all texts: "1" or the address of a host
// controller tell nobody anything, and stand in many places.
bool is_worth_hiding(std::string_view serial);
// The same of a host's name: "localhost" and "debian" are everybody's.
bool is_private_host(std::string_view name);

bool is_word_byte(char byte);  // a letter or a digit
// The size of an escape of systemd at `at`: 4 for "\x2d", otherwise 0.
std::size_t escape_at(std::string_view text, std::size_t at);

}  // namespace hib::diagnose
