#include "lib/diagnose/post_mortem/image_log.h"

#include <algorithm>

#include "lib/memory/kernel_log.h"
#include "lib/memory/wall_clock.h"

namespace hib::diagnose {
namespace {

LogLine line_of(const memory::LogLine& from, const std::string& source) {
  LogLine line;
  line.source = source;
  line.speaker = from.facility == 0 ? Speaker::Kernel : Speaker::UserSpace;
  line.monotonic_us = from.time_ns / 1000;
  line.text = from.text.substr(0, from.text.find('\n'));
  return line;
}

// The last line was written as good as when the snapshot was made.
void set_clock(const ImageReader& image, const memory::KernelLog& log, BootLog& boot) {
  const auto kernel = memory::Kernel::open(image);
  const auto now = kernel ? memory::wall_clock_us(*kernel) : Result<std::uint64_t>(fail(kernel.error()));
  if (!now || log.lines.empty()) return;
  const std::uint64_t last = log.lines.back().time_ns / 1000;
  const auto set = [&](LogLine& line) {
    line.wall_us = *now - last + std::min(line.monotonic_us.value_or(0), last);
  };
  if (last > *now) return;
  for (LogEvent& event : boot.events) set(event.line);
  for (LogLine& line : boot.last_lines) set(line);
  boot.first_us = *now - last;
  boot.last_us = *now;
}

}  // namespace

std::optional<BootLog> log_in_image(const ImageReader& image) {
  const auto log = memory::kernel_log(image);
  if (!log) return std::nullopt;
  BootLog boot;
  boot.source = image.info().path;
  boot.kernel = image.info().kernel.release.value_or("");
  for (const memory::LogLine& from : log->lines) {
    LogLine line = line_of(from, boot.source);
    if (auto message = understand(line.text, line.speaker))
      boot.events.push_back({std::move(*message), line});
  }
  const std::size_t first = log->lines.size() > kLastLines ? log->lines.size() - kLastLines : 0;
  for (std::size_t i = first; i < log->lines.size(); ++i)
    boot.last_lines.push_back(line_of(log->lines[i], boot.source));
  set_clock(image, *log, boot);
  return boot;
}

}  // namespace hib::diagnose
