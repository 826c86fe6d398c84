#include "lib/fs/written_since.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace hib::fs {
namespace {

constexpr std::uint64_t kNsPerSecond = 1000000000;
constexpr std::size_t kShownBytes = 160;

// These change only when somebody mounts or checks.
bool is_mount_mark(std::string_view name) {
  return name == kMountCount || name == kMountTime || name == kCheckTime;
}

// A mark that only grows: "81", or "7:1024", where the first number counts more.
using Count = std::pair<std::uint64_t, std::uint64_t>;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::optional<Count> count(std::string_view text) {
  const auto colon = text.find(':');
  const auto first = number(text.substr(0, colon));
  const auto second =
      colon == std::string_view::npos ? std::optional<std::uint64_t>(0) : number(text.substr(colon + 1));
  return first && second ? std::optional(Count{*first, *second}) : std::nullopt;
}

WrittenSince differs(Since since, const SavedMark& was, std::string expected, std::string_view found) {
  return {since, since == Since::Written && is_mount_mark(was.name), fmt::format("{} {}", was.name, expected),
          fmt::format("{} {}", was.name, found)};
}

std::string why_missing(const Marks& here, const char* otherwise) {
  const auto it = here.find(kUnreadable);
  return it == here.end() ? otherwise : "not readable: " + it->second.substr(0, kShownBytes);
}

// People cannot read anything from a hash, so it is not shown.
WrittenSince compare_directories(const SavedMark& was, bool is_here, const Marks& here) {
  const std::string expected = "its directories as they were";
  if (!is_here)
    return {Since::Unproven, false, expected, why_missing(here, "its directories are not readable here")};
  if (was.read_by == ReadBy::Saver) return {Since::Written, false, expected, "its directories have changed"};
  return {Since::Unproven, false, expected,
          "its directories have changed, which the machine itself may have done last"};
}

// The machine's memory is ahead of its disk, never behind: only what is newer came from somebody else. A log
// ends where the newest record of the memory ends, or begins when that record was still to be written; any
// other place is another history.
std::optional<WrittenSince> compare_with_memory(const SavedMark& was, const std::string& is) {
  const auto before = count(was.value);
  const auto now = count(is);
  if (!before || !now) return differs(Since::Unproven, was, was.value, is);
  if (*now > *before) return differs(Since::Written, was, "up to " + was.value, is);
  if (was.name != kLogHead || is == was.or_value) return std::nullopt;
  return differs(Since::Unproven, was, was.value, is + ", which is older than what the memory holds of it");
}

// The machine may have written between reading the mark and standing still.
std::optional<WrittenSince> compare_with_machine(const SavedMark& was, const std::string& is,
                                                 std::uint64_t snapshot_ns) {
  const auto before = count(was.value);
  const auto now = count(is);
  if (was.name == kWriteTime && before && now && *now >= *before && snapshot_ns != 0) {
    const std::uint64_t last = snapshot_ns / kNsPerSecond + 1;  // the superblock counts whole seconds
    if (now->first <= last) return std::nullopt;
    return differs(Since::Written, was, fmt::format("{} to {}", before->first, last), is);
  }
  const bool only_grows = was.name == kGeneration || was.name == kLogHead;
  if (only_grows && before && now && *now < *before) return differs(Since::Written, was, was.value, is);
  return differs(Since::Unproven, was, was.value, is + ", which the machine itself may have written last");
}

std::optional<WrittenSince> compare_one(const SavedMark& was, const Marks& here, std::uint64_t snapshot_ns) {
  const auto it = here.find(was.name);
  const bool is_here = it != here.end();
  if (is_here && it->second == was.value) return std::nullopt;
  if (was.name == kDirectories) return compare_directories(was, is_here, here);
  if (!is_here) return differs(Since::Unproven, was, was.value, why_missing(here, "not readable here"));
  if (was.read_by == ReadBy::Saver || is_mount_mark(was.name))
    return differs(Since::Written, was, was.value, it->second);
  if (was.read_by == ReadBy::Memory) return compare_with_memory(was, it->second);
  return compare_with_machine(was, it->second, snapshot_ns);
}

}  // namespace

WrittenSince written_since(const SavedMarks& saved, const Marks& here, std::uint64_t snapshot_ns) {
  if (saved.marks.empty()) {
    return {Since::Unproven, false, "a mark that tells when it was last written", saved.missing};
  }
  std::optional<WrittenSince> unproven;
  for (const SavedMark& was : saved.marks) {
    auto difference = compare_one(was, here, snapshot_ns);
    if (!difference) continue;
    if (difference->since == Since::Written) return *difference;
    if (!unproven) unproven = std::move(difference);
  }
  return unproven.value_or(WrittenSince{});
}

}  // namespace hib::fs
