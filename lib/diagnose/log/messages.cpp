#include "lib/diagnose/log/messages.h"

namespace hib::diagnose {
namespace {

// "{}" stands for what varies. A pattern begins where the line does, and ends where it does, unless it ends
// with "…".
struct Pattern {
  std::string_view text;
  Event event;
};

constexpr Pattern kPatterns[] = {
    {"Linux version {} …", Event::BootStarted},
    {"PM: hibernation: hibernation entry", Event::HibernationEntered},
    {"PM: hibernation entry", Event::HibernationEntered},  // before 5.10
    {"PM: hibernation: Image created ({} pages copied…", Event::SnapshotTaken},
    {"PM: Hibernation image created ({} pages copied)", Event::SnapshotTaken},
    {"PM: Compressing and saving image data ({} pages)...", Event::SavingStarted},
    {"PM: Saving image data pages ({} pages)...", Event::SavingStarted},
    {"PM: Image saving done", Event::SavingDone},
    {"PM: Not enough free swap", Event::NoSpaceForImage},
    {"PM: Cannot find swap device, try swapon -a", Event::NoSwapDevice},
    {"PM: Swap header not found!", Event::NoSwapDevice},
    {"PM: hibernation: Not enough free memory", Event::NoMemoryForCopy},
    {"PM: hibernation: Not enough memory", Event::NoMemoryForCopy},
    {"Freezing of tasks failed after {} seconds…", Event::TasksDidNotFreeze},
    {"Freezing user space processes failed after {} seconds…", Event::TasksDidNotFreeze},
    {"PM: hibernation: hibernation exit", Event::HibernationExited},
    {"PM: hibernation exit", Event::HibernationExited},
    {"Lockdown: {}: hibernation is restricted; see man kernel_lockdown.7", Event::ForbiddenByLockdown},

    {"PM: Image signature found, resuming", Event::ImageFound},
    {"PM: Image not found (code {})", Event::ImageNotFound},
    {"PM: Suspend image hardware signature mismatch ({} now {}); aborting resume.", Event::SignatureMismatch},
    {"PM: Loading and decompressing image data ({} pages)...", Event::LoadingStarted},
    {"PM: Loading image data pages ({} pages)...", Event::LoadingStarted},
    {"Hibernate inconsistent memory map detected!", Event::MemoryMapMoved},
    {"PM: hibernation: Image mismatch: {}", Event::ImageMismatch},
    {"PM: Image mismatch: {}", Event::ImageMismatch},
    {"Unrecognized hibernate image header format!", Event::ImageMismatch},
    {"PM: Memory map mismatch at {} after hibernation", Event::PfnOutsideMemory},
    {"PM: {} compression is not available", Event::CodecMissing},
    {"PM: Read-error on swap-device ({})", Event::ReadFailed},
    {"Read-error on swap-device ({})", Event::ReadFailed},
    {"PM: Invalid {} compressed length", Event::DecodingFailed},
    {"PM: {} decompression failed", Event::DecodingFailed},
    {"PM: Invalid {} uncompressed length", Event::DecodingFailed},
    {"PM: Invalid image CRC32!", Event::ChecksumWrong},
    {"PM: Image successfully loaded", Event::ImageLoaded},
    {"{} {}: PM: failed to quiesce async: error {}", Event::DriverRefused},
    {"{} {}: PM: failed to quiesce: error {}", Event::DriverRefused},
    {"{} {}: PM: failed to freeze async: error {}", Event::DriverRefused},
    {"{} {}: PM: failed to freeze: error {}", Event::DriverRefused},
    {"PM: hibernation: resume failed ({})", Event::ResumeFailed},
    {"PM: Error {} resuming", Event::ResumeFailed},

    {"{}: software suspend data detected. Rewriting the swap signature.", Event::SwapSignatureRewritten},
    {"HibernateLocation system identifier doesn't match currently running system…",
     Event::EfiVariableOfOther},
    {"Reported hibernation image: {} UUID={} offset={}", Event::EfiVariableFound},
    {"Timed out waiting for device {}.", Event::DeviceTimedOut},
    {"No resume device found, exiting.", Event::ResumeUnitSkipped},
};

constexpr std::string_view kHole = "{}";
constexpr std::string_view kAnyEnd = "…";

// What stands in the holes; nothing where the line is another one.
std::optional<std::vector<std::string>> holes_of(std::string_view pattern, std::string_view line) {
  const bool has_any_end = pattern.ends_with(kAnyEnd);
  if (has_any_end) pattern.remove_suffix(kAnyEnd.size());
  std::vector<std::string> holes;
  for (;;) {
    const std::size_t hole = pattern.find(kHole);
    const std::string_view fixed = pattern.substr(0, hole);
    if (!line.starts_with(fixed)) return std::nullopt;
    line.remove_prefix(fixed.size());
    if (hole == std::string_view::npos) break;
    pattern.remove_prefix(hole + kHole.size());
    const std::string_view after = pattern.substr(0, pattern.find(kHole));
    const std::size_t end = after.empty() ? line.size() : line.find(after);
    if (end == std::string_view::npos || end == 0) return std::nullopt;
    holes.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  if (!line.empty() && !has_any_end) return std::nullopt;
  return holes;
}

}  // namespace

std::optional<Message> understand(std::string_view line) {
  for (const Pattern& pattern : kPatterns) {
    if (auto holes = holes_of(pattern.text, line)) return Message{pattern.event, std::move(*holes)};
  }
  return std::nullopt;
}

}  // namespace hib::diagnose
