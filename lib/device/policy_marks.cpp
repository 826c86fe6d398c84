// Whether a file system was written since the machine stood still.
#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "lib/device/policy.h"

namespace hib::device {
namespace {

constexpr std::uint64_t kNsPerSecond = 1000000000;
constexpr std::string_view kSaver = "saver";

// Marks that change only when somebody mounts or checks.
constexpr std::string_view kMountMarks[] = {"MARK_MOUNT_COUNT", "MARK_MOUNT_TIME", "MARK_CHECK_TIME"};
constexpr std::string_view kWriteTime = "MARK_WRITE_TIME";
constexpr std::string_view kCounters[] = {"MARK_GENERATION", "MARK_LOG_HEAD"};
constexpr std::string_view kDirectories = "MARK_DIRECTORIES";
constexpr std::size_t kShownBytes = 160;

std::optional<std::uint64_t> number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

MarksVerdict differs(Since since, std::string_view name, const std::string& expected,
                     const std::string& found) {
  return {since, fmt::format("{} {}", name, expected), fmt::format("{} {}", name, found)};
}

// Why a device has no mark: what the probe says, or that it says nothing.
std::string missing_mark(const Device& device, const char* otherwise) {
  for (const Value& value : device.state) {
    if (value.name == "MARK" && value.presence == Presence::Unreadable)
      return "not readable: " + value.text.substr(0, kShownBytes);
  }
  return otherwise;
}

// A hash says nothing to people.
MarksVerdict compare_directories(const Value& saved, const Value* now, const Device& here) {
  const std::string expected = "its directories as they were";
  if (now == nullptr)
    return {Since::Unproven, expected, missing_mark(here, "its directories are not readable here")};
  if (saved.from == kSaver) return {Since::Written, expected, "its directories have changed"};
  return {Since::Unproven, expected,
          "its directories have changed, which the machine itself may have done last"};
}

std::optional<MarksVerdict> compare_one(const Device& here, const Value& saved, std::uint64_t snapshot_ns) {
  const Value* now = here.find_state(saved.name);
  if (now != nullptr && now->text == saved.text) return std::nullopt;
  if (saved.name == kDirectories) return compare_directories(saved, now, here);
  if (now == nullptr)
    return differs(Since::Unproven, saved.name, saved.text, missing_mark(here, "not readable here"));
  if (saved.from == kSaver) return differs(Since::Written, saved.name, saved.text, now->text);
  for (const std::string_view name : kMountMarks) {
    if (saved.name == name) return differs(Since::Written, saved.name, saved.text, now->text);
  }
  const auto was = number(saved.text);
  const auto is = number(now->text);
  if (saved.name == kWriteTime && is && was && *is >= *was && snapshot_ns != 0) {
    // The superblock counts whole seconds.
    const std::uint64_t last = snapshot_ns / kNsPerSecond + 1;
    if (*is <= last) return std::nullopt;
    return differs(Since::Written, saved.name, fmt::format("{} to {}", *was, last), now->text);
  }
  for (const std::string_view name : kCounters) {
    if (saved.name == name && was && is && *is < *was)
      return differs(Since::Written, saved.name, saved.text, now->text);
  }
  return differs(Since::Unproven, saved.name, saved.text,
                 now->text + ", which the machine itself may have written last");
}

}  // namespace

MarksVerdict compare_marks(const Device& saved, const Device& here, std::uint64_t snapshot_ns) {
  bool any = false;
  std::optional<MarksVerdict> unproven;
  for (const Value& value : saved.state) {
    if (value.presence != Presence::Present || value.name.rfind("MARK_", 0) != 0 ||
        value.name == "MARK_UNREADABLE")
      continue;
    any = true;
    auto verdict = compare_one(here, value, snapshot_ns);
    if (!verdict) continue;
    if (verdict->since == Since::Written) return *verdict;
    if (!unproven) unproven = std::move(verdict);
  }
  if (unproven) return *unproven;
  if (!any)
    return {Since::Unproven, "a mark that tells when it was last written",
            missing_mark(saved, "none recorded")};
  return {};
}

}  // namespace hib::device
