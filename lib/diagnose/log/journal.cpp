#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/log/boots.h"
#include "lib/diagnose/log/journal_entry.h"
#include "lib/diagnose/log/log.h"
#include "lib/os/cancel.h"
#include "lib/os/shared_library.h"

namespace hib::diagnose {
namespace logs {
namespace {

constexpr std::size_t kMostJournalBoots = 40;        // the last ones
constexpr std::size_t kMostKnownBoots = 4096;        // to choose from
constexpr std::size_t kMostBeginningEntries = 500;   // of one boot, where no more is asked for
constexpr std::size_t kMostFirstEntries = 4'000;     // of one boot
constexpr std::size_t kMostLastEntries = 50'000;     // of one boot that has more
constexpr std::size_t kMostFilesLookedAt = 100'000;  // in a folder

// Who tells of hibernation beside the kernel.
constexpr std::string_view kIdentifiers[] = {"systemd",
                                             "systemd-sleep",
                                             "systemd-logind",
                                             "systemd-shutdown",
                                             "systemd-hibernate-resume",
                                             "systemd-hibernate-resume-generator",
                                             "systemd-fsck",
                                             "swapon",
                                             "dracut-initqueue",
                                             "gsd-power",
                                             "gnome-shell",
                                             "elogind-daemon",
                                             "org_kde_powerdevil"};

// libsystemd, loaded when a journal is asked for: not every system has it. It maps the files; one that
// somebody makes shorter meanwhile ends the program with SIGBUS.
struct JournalLibrary : SharedLibrary {
  JournalLibrary() : SharedLibrary("libsystemd.so.0") {}

  decltype(&::sd_journal_open) open = find("sd_journal_open");
  decltype(&::sd_journal_open_directory) open_directory = find("sd_journal_open_directory");
  decltype(&::sd_journal_open_files) open_files = find("sd_journal_open_files");
  decltype(&::sd_journal_close) close = find("sd_journal_close");
  decltype(&::sd_journal_set_data_threshold) set_data_threshold = find("sd_journal_set_data_threshold");
  decltype(&::sd_journal_query_unique) query_unique = find("sd_journal_query_unique");
  decltype(&::sd_journal_enumerate_unique) enumerate_unique = find("sd_journal_enumerate_unique");
  decltype(&::sd_journal_flush_matches) flush_matches = find("sd_journal_flush_matches");
  decltype(&::sd_journal_add_match) add_match = find("sd_journal_add_match");
  decltype(&::sd_journal_add_disjunction) add_disjunction = find("sd_journal_add_disjunction");
  decltype(&::sd_journal_add_conjunction) add_conjunction = find("sd_journal_add_conjunction");
  decltype(&::sd_journal_seek_head) seek_head = find("sd_journal_seek_head");
  decltype(&::sd_journal_seek_tail) seek_tail = find("sd_journal_seek_tail");
  decltype(&::sd_journal_next) next = find("sd_journal_next");
  decltype(&::sd_journal_previous) previous = find("sd_journal_previous");
  decltype(&::sd_journal_previous_skip) previous_skip = find("sd_journal_previous_skip");
  decltype(&::sd_journal_get_data) get_data = find("sd_journal_get_data");
  decltype(&::sd_journal_get_realtime_usec) get_realtime_usec = find("sd_journal_get_realtime_usec");
  decltype(&::sd_journal_get_monotonic_usec) get_monotonic_usec = find("sd_journal_get_monotonic_usec");
  decltype(&::sd_journal_get_cursor) get_cursor = find("sd_journal_get_cursor");
};

// Only where it is whole: behind read_journal().
const JournalLibrary& library() {
  static const JournalLibrary loaded;
  return loaded;
}

class Journal {
 public:
  Journal() = default;
  ~Journal() {
    if (journal_ != nullptr) library().close(journal_);
  }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // A folder, a file, or this machine's own. Negative: errno.
  int open(const std::string& place) {
    const int result = open_place(place);
    if (result >= 0) library().set_data_threshold(journal_, kMostTextBytes);
    return result;
  }
  sd_journal* get() const { return journal_; }

 private:
  int open_place(const std::string& place) {
    if (place.empty()) return library().open(&journal_, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
    std::error_code ignored;
    if (std::filesystem::is_directory(place, ignored)) {
      return library().open_directory(&journal_, place.c_str(), 0);
    }
    std::array<const char*, 2> paths = {place.c_str(), nullptr};
    return library().open_files(&journal_, paths.data(), 0);
  }

  sd_journal* journal_ = nullptr;
};

// The field of the current entry; empty where it has none.
std::string_view field_of(sd_journal* journal, const char* name) {
  const void* data = nullptr;
  std::size_t size = 0;
  if (library().get_data(journal, name, &data, &size) < 0) return {};
  const std::string_view text(static_cast<const char*>(data), size);
  const std::size_t equals = text.find('=');
  return equals == std::string_view::npos ? std::string_view() : text.substr(equals + 1);
}

std::optional<std::uint64_t> wall_of(sd_journal* journal) {
  std::uint64_t microseconds = 0;
  if (library().get_realtime_usec(journal, &microseconds) < 0) return std::nullopt;
  return microseconds;
}

JournalEntry current_entry(sd_journal* journal) {
  JournalEntry entry;
  for (const char* name :
       {"MESSAGE", "_TRANSPORT", "SYSLOG_FACILITY", "SYSLOG_IDENTIFIER", "_SOURCE_MONOTONIC_TIMESTAMP"}) {
    entry.set(name, field_of(journal, name));
  }
  if (const auto wall_us = wall_of(journal)) entry.set_wall(*wall_us);
  std::uint64_t microseconds = 0;
  sd_id128_t boot{};
  if (library().get_monotonic_usec(journal, &microseconds, &boot) >= 0) entry.set_monotonic(microseconds);
  char* cursor = nullptr;
  if (library().get_cursor(journal, &cursor) >= 0) {
    entry.set("__CURSOR", cursor);
    std::free(cursor);
  }
  return entry;
}

void add_journal_match(sd_journal* journal, std::string_view name, std::string_view value) {
  const std::string match = fmt::format("{}={}", name, value);
  library().add_match(journal, match.data(), match.size());
}

void match_boot(sd_journal* journal, const std::string& id) {
  library().flush_matches(journal);
  add_journal_match(journal, "_BOOT_ID", id);
}

// Of the boot, only who tells of hibernation.
void match_speakers(sd_journal* journal, const std::string& id) {
  match_boot(journal, id);
  library().add_conjunction(journal);
  add_journal_match(journal, "_TRANSPORT", "kernel");
  library().add_disjunction(journal);
  for (const std::string_view identifier : kIdentifiers) {
    add_journal_match(journal, "SYSLOG_IDENTIFIER", identifier);
  }
}

struct KnownBoot {
  std::string id;
  std::uint64_t first_us = 0;
  std::uint64_t last_us = 0;
};

// All boots of the journal, by their last entries.
std::vector<KnownBoot> known_boots(sd_journal* journal) {
  std::vector<KnownBoot> boots;
  const void* data = nullptr;
  std::size_t size = 0;
  if (library().query_unique(journal, "_BOOT_ID") < 0) return boots;
  while (boots.size() < kMostKnownBoots && library().enumerate_unique(journal, &data, &size) > 0) {
    std::string_view text(static_cast<const char*>(data), size);
    text.remove_prefix(std::min(text.find('=') + 1, text.size()));
    boots.push_back({std::string(text), 0, 0});
  }
  for (KnownBoot& boot : boots) {
    match_boot(journal, boot.id);
    library().seek_head(journal);
    if (library().next(journal) > 0) boot.first_us = wall_of(journal).value_or(0);
    library().seek_tail(journal);
    if (library().previous(journal) > 0) boot.last_us = wall_of(journal).value_or(0);
  }
  std::sort(boots.begin(), boots.end(),
            [](const KnownBoot& a, const KnownBoot& b) { return a.last_us < b.last_us; });
  return boots;
}

// Behind the current entry, at most so many.
Result<void> read_entries(sd_journal* journal, std::size_t most, BootCollector& boots,
                          bool remembers = false) {
  for (std::size_t i = 0; i < most; ++i) {
    if (cancelled()) return fail(cancelled_error());
    const int result = library().next(journal);
    if (result < 0) return fail(system_error("journal", -result));
    if (result == 0) break;
    const JournalEntry entry = current_entry(journal);
    if (entry.empty()) continue;
    if (remembers) boots.add(entry.line());
    if (!remembers) boots.understand_line(entry.line());
  }
  return {};
}

// To the place before the last `most` entries. Whether there are so many.
Result<bool> go_back_from_end(sd_journal* journal, std::size_t most) {
  library().seek_tail(journal);
  const int count = library().previous_skip(journal, most + 1);
  if (count < 0) return fail(system_error("journal", -count));
  return static_cast<std::size_t>(count) > most;
}

Result<void> read_boot(sd_journal* journal, const std::string& id, BootCollector& boots,
                       std::vector<std::string>& not_read) {
  boots.enter_boot(id);
  match_speakers(journal, id);
  TRY(const bool is_long, go_back_from_end(journal, kMostFirstEntries + kMostLastEntries));
  library().seek_head(journal);
  TRY_OK(read_entries(journal, kMostFirstEntries, boots));
  if (is_long) {
    not_read.push_back(fmt::format("boot {}: only its first {} and its last {} entries were read",
                                   printable(id), kMostFirstEntries, kMostLastEntries));
    TRY_OK(go_back_from_end(journal, kMostLastEntries));
  }
  TRY_OK(read_entries(journal, kMostLastEntries, boots));

  match_boot(journal, id);
  library().seek_tail(journal);
  std::vector<JournalEntry> last;
  while (last.size() < kLastLines && library().previous(journal) > 0) last.push_back(current_entry(journal));
  std::for_each(last.rbegin(), last.rend(), [&](const JournalEntry& entry) { boots.remember(entry.line()); });
  return {};
}

Result<void> read_beginning(sd_journal* journal, const std::string& id, BootCollector& boots) {
  boots.enter_boot(id);
  match_speakers(journal, id);
  library().seek_head(journal);
  return read_entries(journal, kMostBeginningEntries, boots, true);
}

struct JournalFiles {
  std::size_t readable = 0;
  std::size_t denied = 0;
};

bool is_denied(const std::filesystem::path& folder) {
  return ::access(folder.c_str(), R_OK | X_OK) != 0 && errno == EACCES;
}

// In the folder and in those of machines below it. A folder that cannot be read counts as a file.
void count_files(const std::filesystem::path& folder, JournalFiles& files) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  std::size_t looked_at = 0;
  if (is_denied(folder)) ++files.denied;
  fs::recursive_directory_iterator entries(folder, fs::directory_options::skip_permission_denied, ignored);
  for (; entries != fs::recursive_directory_iterator(); entries.increment(ignored)) {
    if (++looked_at > kMostFilesLookedAt) break;
    if (entries.depth() >= 1) entries.disable_recursion_pending();
    const fs::path& path = entries->path();
    if (entries->is_directory(ignored) && is_denied(path)) ++files.denied;
    const bool is_journal = path.extension() == ".journal" || path.extension() == ".journal~";
    if (!is_journal) continue;
    ++(::access(path.c_str(), R_OK) == 0 ? files.readable : files.denied);
  }
}

constexpr const char* kAdvice = "run as root, or as a member of the group systemd-journal";

Result<void> check_files(const std::string& place, LogSet& set) {
  std::error_code error;
  if (!place.empty() && !std::filesystem::exists(place, error)) {
    return fail(system_error("journal", error ? error.value() : ENOENT).of(place));
  }
  if (!place.empty() && !std::filesystem::is_directory(place, error)) return {};
  JournalFiles files;
  for (const char* folder : {"/var/log/journal", "/run/log/journal"}) {
    count_files(place.empty() ? folder : place, files);
    if (!place.empty()) break;
  }
  const std::string name = place.empty() ? "journal" : place;
  if (files.readable == 0 && files.denied > 0) {
    return fail(system_error("files of the journal", EACCES).of(name).advise(kAdvice));
  }
  if (files.readable == 0) {
    return fail(make_error(ErrorKind::NotFound, "files of the journal", "none")
                    .of(name)
                    .advise("a journal that outlives a boot needs the folder /var/log/journal"));
  }
  if (files.denied > 0) {
    set.not_read.push_back(fmt::format("{}: {} of the journal: no permission; {}", name,
                                       counted(files.denied, "file"), kAdvice));
  }
  return {};
}

Result<void> read_whole_or_beginnings(const std::string& folder, bool is_whole, LogSet& set) {
  if (!library().is_whole()) {
    return fail(make_error(ErrorKind::Unsupported, "journal", "no library for it here", "libsystemd")
                    .advise("apt install libsystemd0"));
  }
  TRY_OK(check_files(folder, set));
  const std::string source = folder.empty() ? "journal" : folder;
  Journal journal;
  const int opened = journal.open(folder);
  if (opened < 0) return fail(system_error("journal", -opened).of(source));

  auto known = known_boots(journal.get());
  if (known.empty()) {
    return fail(make_error(ErrorKind::Corrupt, "journal", "no entry that can be read").of(source));
  }
  if (known.size() > kMostJournalBoots) {
    set.not_read.push_back(fmt::format("{}: of {}, only the last {} were read", source,
                                       counted(known.size(), "boot"), kMostJournalBoots));
    known.erase(known.begin(), known.end() - kMostJournalBoots);
  }
  std::sort(known.begin(), known.end(),
            [](const KnownBoot& a, const KnownBoot& b) { return a.first_us < b.first_us; });
  BootCollector boots(source, set);
  for (const KnownBoot& boot : known) {
    std::vector<std::string> left_out;
    auto result = is_whole ? read_boot(journal.get(), boot.id, boots, left_out)
                           : read_beginning(journal.get(), boot.id, boots);
    if (cancelled()) return fail(cancelled_error());
    if (!result) left_out.push_back(fmt::format("boot {}: {}", printable(boot.id), result.error().text()));
    for (const std::string& line : left_out) set.not_read.push_back(fmt::format("{}: {}", source, line));
  }
  boots.finish();
  return {};
}

}  // namespace
}  // namespace logs

Result<void> read_journal(const std::string& folder, LogSet& set) {
  return logs::read_whole_or_beginnings(folder, true, set);
}

Result<void> read_journal_beginnings(const std::string& folder, LogSet& set) {
  return logs::read_whole_or_beginnings(folder, false, set);
}

}  // namespace hib::diagnose
