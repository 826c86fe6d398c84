// Text that came from an image is hostile: it reaches a terminal or a JSON document only through these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hib {

// Control characters, escapes, bidirectional overrides and broken UTF-8 come out as \xNN; everything else
// unchanged.
std::string printable(std::string_view text);

// As much of the beginning as has room in so many bytes, without a part of a character at its end.
std::string_view characters_within(std::string_view text, std::size_t most_bytes);

// The bytes up to the first NUL.
std::string_view until_nul(std::string_view text);

std::string hex(std::uint64_t value);  // "0x1f3"

// 1536 MiB as "1.5 GiB"; exact below 1 KiB.
std::string human_bytes(std::uint64_t bytes);

// 1234567 as "1,234,567".
std::string grouped(std::uint64_t value);

// "1 page", "1,234 pages".
std::string counted(std::uint64_t count, std::string_view thing);

// "hib,raw": at least one item, which may be empty.
std::vector<std::string> split_list(std::string_view text);

// With line breaks in place of spaces, so that no line is longer than `columns` where its words allow that.
std::string wrapped(std::string_view text, std::size_t columns);

// As a shell takes it: quoted where it must be.
std::string shell_word(std::string_view text);

// "a, b, c"
std::string listed(const std::vector<std::string>& names);

// Of a column in /proc/swaps and its like: "\040" is a blank there (proc(5)).
std::string without_escapes(std::string_view text);

}  // namespace hib
