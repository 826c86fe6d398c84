#include "lib/report/progress.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/os/cancel.h"
#include "lib/os/terminal.h"
#include "lib/report/json.h"

namespace hib::report {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(500);
constexpr int kBarWidth = 24;
constexpr unsigned kLeastImportant = 4;
constexpr double kLeastSeconds = 0.5;  // before which nobody can tell how long it takes

std::string clock_time(double seconds) {
  const auto total = static_cast<long>(seconds + 0.5);
  if (total >= 3600) return fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60);
  return fmt::format("{}:{:02}", total / 60, total % 60);
}

double share_of(const Progress& progress) {
  if (progress.total_bytes == 0) return 1.0;
  return std::min(1.0, static_cast<double>(progress.done_bytes) / static_cast<double>(progress.total_bytes));
}

class Reporter {
 public:
  Reporter(std::ostream& err, ProgressForm form, std::string what)
      : err_(err), what_(std::move(what)), form_(form) {}
  ~Reporter() {
    if (is_shown_ && form_ == ProgressForm::Line) err_ << "\r\033[K" << std::flush;
    if (is_shown_ && form_ == ProgressForm::Documents) print_document(last_, true);
  }
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

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
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  std::uint64_t bytes_per_second(const Progress& progress) const;
  std::optional<double> seconds_left(const Progress& progress) const;
  void print_document(const Progress& progress, bool has_ended);

  std::ostream& err_;
  std::string what_;
  ProgressForm form_;
  bool is_shown_ = false;
  Progress last_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_time_ = start_;
};

void Reporter::update(const Progress& progress) {
  const bool asked = take_progress_request();
  last_ = progress;
  if (form_ == ProgressForm::Silent) {
    if (asked) err_ << fitted(parts_of(progress), std::string::npos) << std::endl;
    return;
  }
  const auto now = Clock::now();
  const bool is_first = form_ == ProgressForm::Documents && !is_shown_;
  if (now - last_time_ < kRedraw && !asked && !is_first) return;
  last_time_ = now;
  if (form_ == ProgressForm::Documents) {
    is_shown_ = true;
    print_document(progress, false);
  } else if (::isatty(STDERR_FILENO) != 0) {  // since it was asked a pager may have begun
    is_shown_ = true;
    // A line that wraps could not be drawn over: the last column stays free.
    err_ << "\r\033[K" << fitted(parts_of(progress), terminal_columns(STDERR_FILENO) - 1) << std::flush;
  }
}

std::uint64_t Reporter::bytes_per_second(const Progress& progress) const {
  const double passed = seconds();
  return passed > 0 ? static_cast<std::uint64_t>(static_cast<double>(progress.done_bytes) / passed) : 0;
}

// Nothing: it cannot be told yet.
std::optional<double> Reporter::seconds_left(const Progress& progress) const {
  const double share = share_of(progress);
  const double passed = seconds();
  if (share <= 0 || share >= 1 || passed <= kLeastSeconds) return std::nullopt;
  return passed / share - passed;
}

void Reporter::print_document(const Progress& progress, bool has_ended) {
  const auto left = seconds_left(progress);
  Json document = json_document("progress");
  document["what"] = what_;
  document["done_bytes"] = progress.done_bytes;
  document["total_bytes"] = progress.total_bytes;
  document["bytes_per_second"] = bytes_per_second(progress);
  document["seconds_left"] = left ? Json(static_cast<std::uint64_t>(*left + 0.5)) : Json(nullptr);
  document["ended"] = has_ended;
  err_ << document.dump() << std::endl;
}

Reporter::Parts Reporter::parts_of(const Progress& progress) const {
  const double share = share_of(progress);
  const auto filled = static_cast<std::size_t>(share * kBarWidth);
  const auto left = seconds_left(progress);
  return {{what_, 0},
          {fmt::format(" [{}{}]", std::string(filled, '#'), std::string(kBarWidth - filled, '.')), 4},
          {fmt::format(" {:3.0f} %", share * 100), 1},
          {fmt::format("  {} of {}", human_bytes(progress.done_bytes), human_bytes(progress.total_bytes)), 2},
          {fmt::format("  {}/s", human_bytes(bytes_per_second(progress))), 3},
          {left ? "  " + clock_time(*left) + " left" : "", 1}};
}

// As many of the parts as have room, the important ones first.
std::string Reporter::fitted(const Parts& parts, std::size_t columns) {
  std::string line;
  for (unsigned least = kLeastImportant;; --least) {
    line.clear();
    for (const Part& part : parts) line += part.rank <= least ? part.text : "";
    if (line.size() <= columns || least == 0) return line.substr(0, columns);
  }
}

}  // namespace

ProgressCallback progress_to(std::ostream& err, ProgressForm form, std::string what) {
  const auto reporter = std::make_shared<Reporter>(err, form, std::move(what));
  return [reporter](const Progress& progress) { reporter->update(progress); };
}

StepProgress progress_in_steps(std::function<ProgressCallback(std::string step)> begin) {
  struct Step {
    std::string name;
    ProgressCallback line;
  };
  return [begin = std::move(begin), now = std::make_shared<Step>()](std::string_view step, std::uint64_t done,
                                                                    std::uint64_t total) {
    if (!now->line || now->name != step) *now = {std::string(step), begin(std::string(step))};
    now->line({done, total});
    if (done >= total) now->line = {};
  };
}

}  // namespace hib::report
