// Lines of a log, sorted into boots.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/diagnose/log/log.h"

namespace hib::diagnose::logs {

// Of one source. When a log has more, the oldest go, and `not_read` says so.
inline constexpr std::size_t kMostBoots = 256;
inline constexpr std::size_t kMostEvents = 4096;           // of one boot
inline constexpr std::size_t kMostKeptBytes = 32U << 20U;  // of texts, in all boots
inline constexpr std::size_t kMostTextBytes = 4096;        // of one line
inline constexpr std::size_t kMostHosts = 64;              // a log that many machines write to has more

// A LogLine whose texts are somebody else's.
struct HeardLine {
  std::optional<std::uint64_t> offset;
  std::string_view cursor;
  Speaker speaker = Speaker::Unproven;
  std::string_view identifier;
  std::string_view host;  // where the line has a column for it
  std::optional<std::uint64_t> monotonic_us;
  std::optional<std::uint64_t> wall_us;
  std::string_view text;
};

class BootCollector {
 public:
  BootCollector(std::string source, LogSet& set) : source_(std::move(source)), set_(set) {}

  // What follows is of that boot; of one that the journal does not name, when `id` is empty. A journal comes
  // back to a boot: that of a machine which was resumed.
  void enter_boot(std::string_view id);
  // Takes the line for what it says, and remembers it as the boot's last one.
  void add(const HeardLine& line);
  void understand_line(const HeardLine& line);
  void remember(const HeardLine& line);
  // The boots into the set, in the order of their first lines. Boots without any line are left out; text that
  // is no log is none.
  void finish();

 private:
  struct Boot {
    BootLog log;
    std::array<LogLine, kLastLines> last;  // a ring
    std::size_t lines = 0;
    std::size_t kept_bytes = 0;
    std::size_t lost_events = 0;
    std::optional<std::uint64_t> monotonic_us;  // of the last line that has it
    // A snapshot stops the clock of the log, which then goes on from there: no line is of an earlier time.
    std::optional<std::uint64_t> snapshot_us;
    bool has_jumped = false;  // the clock will be that of the kernel in the image
  };

  Boot& current();
  bool begins_boot(const HeardLine& line);
  bool is_of_another_boot(const HeardLine& line);
  void note_host(std::string_view host);
  void note(Boot& boot, const HeardLine& line, Message message);
  void keep_within_limits();

  std::string source_;
  LogSet& set_;
  std::map<std::size_t, Boot> boots_;  // by the order in which they began
  std::map<std::string, std::size_t, std::less<>> by_id_;
  std::size_t current_ = 0;
  std::size_t begun_ = 0;
  std::size_t kept_bytes_ = 0;
  std::size_t lost_boots_ = 0;
  bool is_log_ = false;  // a line had a time, or was understood
};

}  // namespace hib::diagnose::logs
