#include "cli/progress.h"

#include <memory>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/os/cancel.h"

namespace hib::cli {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(500);
constexpr int kBarWidth = 24;

std::string clock_time(double seconds) {
  const auto total = static_cast<long>(seconds + 0.5);
  if (total >= 3600) return fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60);
  return fmt::format("{}:{:02}", total / 60, total % 60);
}

}  // namespace

ProgressLine::ProgressLine(const Context& context, std::string what)
    : err_(context.streams.err), what_(std::move(what)), visible_(context.shows_progress()) {}

ProgressLine::~ProgressLine() {
  if (drawn_) err_ << "\r\033[K" << std::flush;
}

ProgressCallback ProgressLine::callback() {
  return [this](const Progress& progress) { update(progress); };
}

void ProgressLine::update(const Progress& progress) {
  const bool asked = take_progress_request();
  if (!visible_) {
    if (asked) err_ << what_ << " " << describe(progress) << std::endl;
    return;
  }
  const auto now = Clock::now();
  if (now - last_draw_ < kRedraw && !asked) return;
  last_draw_ = now;
  drawn_ = true;
  err_ << "\r\033[K" << what_ << " " << describe(progress) << std::flush;
}

ProgressCallback progress_of(const Context& context, const std::string& what) {
  auto line = std::make_shared<ProgressLine>(context, what);
  return [line, draw = line->callback()](const Progress& progress) { draw(progress); };
}

std::string ProgressLine::describe(const Progress& progress) const {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double share = progress.total_bytes == 0
                           ? 1.0
                           : std::min(1.0, static_cast<double>(progress.done_bytes) /
                                               static_cast<double>(progress.total_bytes));
  const double speed = seconds > 0 ? static_cast<double>(progress.done_bytes) / seconds : 0;
  const auto filled = static_cast<std::size_t>(share * kBarWidth);
  const std::string bar = std::string(filled, '#') + std::string(kBarWidth - filled, '.');
  std::string text =
      fmt::format("[{}] {:3.0f} %  {} of {}  {}/s", bar, share * 100, human_bytes(progress.done_bytes),
                  human_bytes(progress.total_bytes), human_bytes(static_cast<std::uint64_t>(speed)));
  if (share > 0 && share < 1 && seconds > 0.5) text += "  " + clock_time(seconds / share - seconds) + " left";
  return text;
}

}  // namespace hib::cli
