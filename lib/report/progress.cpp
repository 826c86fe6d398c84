#include "lib/report/progress.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/os/cancel.h"

namespace hib::report {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(500);
constexpr int kBarWidth = 24;

std::string clock_time(double seconds) {
  const auto total = static_cast<long>(seconds + 0.5);
  if (total >= 3600) return fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60);
  return fmt::format("{}:{:02}", total / 60, total % 60);
}

class ProgressLine {
 public:
  ProgressLine(std::ostream& err, bool is_drawn, std::string what)
      : err_(err), what_(std::move(what)), is_drawn_(is_drawn) {}
  ~ProgressLine() {
    if (is_shown_) err_ << "\r\033[K" << std::flush;
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void update(const Progress& progress);

 private:
  using Clock = std::chrono::steady_clock;
  std::string describe(const Progress& progress) const;

  std::ostream& err_;
  std::string what_;
  bool is_drawn_;
  bool is_shown_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_draw_ = start_;
};

void ProgressLine::update(const Progress& progress) {
  const bool asked = take_progress_request();
  if (!is_drawn_) {
    if (asked) err_ << what_ << " " << describe(progress) << std::endl;
    return;
  }
  const auto now = Clock::now();
  if (now - last_draw_ < kRedraw && !asked) return;
  last_draw_ = now;
  is_shown_ = true;
  err_ << "\r\033[K" << what_ << " " << describe(progress) << std::flush;
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

}  // namespace

ProgressCallback progress_line(std::ostream& err, bool is_drawn, std::string what) {
  const auto line = std::make_shared<ProgressLine>(err, is_drawn, std::move(what));
  return [line](const Progress& progress) { line->update(progress); };
}

}  // namespace hib::report
