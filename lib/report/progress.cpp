#include "lib/report/progress.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/os/cancel.h"
#include "lib/os/terminal.h"

namespace hib::report {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(500);
constexpr int kBarWidth = 24;
constexpr unsigned kLeastImportant = 4;

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
  struct Part {
    std::string text;
    unsigned rank = 0;  // 0 is the most important
  };
  using Parts = std::vector<Part>;
  Parts parts_of(const Progress& progress) const;
  static std::string fitted(const Parts& parts, std::size_t columns);

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
    if (asked) err_ << fitted(parts_of(progress), std::string::npos) << std::endl;
    return;
  }
  const auto now = Clock::now();
  if (now - last_draw_ < kRedraw && !asked) return;
  last_draw_ = now;
  is_shown_ = true;
  // A line that wraps could not be drawn over: the last column stays free.
  err_ << "\r\033[K" << fitted(parts_of(progress), terminal_columns(STDERR_FILENO) - 1) << std::flush;
}

ProgressLine::Parts ProgressLine::parts_of(const Progress& progress) const {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double share = progress.total_bytes == 0
                           ? 1.0
                           : std::min(1.0, static_cast<double>(progress.done_bytes) /
                                               static_cast<double>(progress.total_bytes));
  const double speed = seconds > 0 ? static_cast<double>(progress.done_bytes) / seconds : 0;
  const auto filled = static_cast<std::size_t>(share * kBarWidth);
  const bool has_end = share > 0 && share < 1 && seconds > 0.5;
  return {{what_, 0},
          {fmt::format(" [{}{}]", std::string(filled, '#'), std::string(kBarWidth - filled, '.')), 4},
          {fmt::format(" {:3.0f} %", share * 100), 1},
          {fmt::format("  {} of {}", human_bytes(progress.done_bytes), human_bytes(progress.total_bytes)), 2},
          {fmt::format("  {}/s", human_bytes(static_cast<std::uint64_t>(speed))), 3},
          {has_end ? "  " + clock_time(seconds / share - seconds) + " left" : "", 1}};
}

// As many of the parts as have room, the important ones first.
std::string ProgressLine::fitted(const Parts& parts, std::size_t columns) {
  std::string line;
  for (unsigned least = kLeastImportant;; --least) {
    line.clear();
    for (const Part& part : parts) line += part.rank <= least ? part.text : "";
    if (line.size() <= columns || least == 0) return line.substr(0, columns);
  }
}

}  // namespace

ProgressCallback progress_line(std::ostream& err, bool is_drawn, std::string what) {
  const auto line = std::make_shared<ProgressLine>(err, is_drawn, std::move(what));
  return [line](const Progress& progress) { line->update(progress); };
}

}  // namespace hib::report
