#include "lib/diagnose/post_mortem/post_mortem.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/device/probe/probe.h"
#include "lib/diagnose/log/map_changes.h"
#include "lib/diagnose/post_mortem/candidates.h"
#include "lib/diagnose/post_mortem/log_for_image.h"
#include "lib/diagnose/post_mortem/rules.h"
#include "lib/diagnose/post_mortem/story.h"
#include "lib/os/cancel.h"

namespace hib::diagnose {
namespace {

constexpr Code kNoFailures[] = {Code::Never, Code::Armed, Code::Resumed, Code::Consumed, Code::Unknown};

// What explains most comes first: a reason why, then what has become of the image, then the state that it is
// in. A file system that was written is the reason only where no kernel has tried the image: the machine that
// came back from it writes, too.
unsigned rank(const Cause& cause, const Disk* disk) {
  const bool is_consumed = disk != nullptr && disk->info.state == ImageState::Consumed;
  const auto is = [&](std::initializer_list<Code> codes) {
    return std::find(codes.begin(), codes.end(), cause.code) != codes.end();
  };
  if (is({Code::Overwritten}) || (is_consumed && is({Code::Damaged}))) return 1;
  if (is({Code::Never, Code::Armed, Code::Consumed})) return 2;
  const bool is_of_disk =
      disk != nullptr && !cause.evidence.empty() && cause.evidence.front().source == disk->path;
  return is_consumed && is_of_disk && is({Code::FileSystemWritten}) ? 3 : 0;
}

void put_in_order(std::vector<Cause>& causes, const Disk* disk) {
  std::stable_sort(causes.begin(), causes.end(), [&](const Cause& a, const Cause& b) {
    return std::make_tuple(rank(a, disk), a.confidence) < std::make_tuple(rank(b, disk), b.confidence);
  });
}

void add_once(std::vector<Evidence>& all, Evidence evidence) {
  const bool is_known = std::any_of(all.begin(), all.end(), [&](const Evidence& one) {
    return one.source == evidence.source && one.offset == evidence.offset && one.cursor == evidence.cursor &&
           one.text == evidence.text;
  });
  if (!is_known) all.push_back(std::move(evidence));
}

// The same reason from two witnesses is one reason with more evidence.
void merge_same(std::vector<Cause>& causes) {
  std::vector<Cause> merged;
  for (Cause& cause : causes) {
    const auto twin =
        std::find_if(merged.begin(), merged.end(), [&](const Cause& one) { return one.code == cause.code; });
    if (twin == merged.end()) {
      merged.push_back(std::move(cause));
      continue;
    }
    for (Evidence& evidence : cause.evidence) add_once(twin->evidence, std::move(evidence));
    append(twin->advice, std::move(cause.advice));
  }
  causes = std::move(merged);
}

bool has_something_to_type(const Cause& cause) {
  return std::any_of(cause.advice.begin(), cause.advice.end(),
                     [](const Advice& advice) { return !advice.command.empty() || !advice.file.empty(); });
}

void add_hints(std::vector<Cause> hints, std::vector<Cause>& causes) {
  for (Cause& cause : causes) {
    if (has_something_to_type(cause)) continue;
    for (Cause& hint : hints) {
      if (hint.code == cause.code) append(cause.advice, std::move(hint.advice));
    }
  }
}

// Who has come back needs no reason why not. What the disk shows then is the work of the machine that came
// back; only a log can tell that somebody else wrote.
void drop_refuted(const Disk* disk, std::vector<Cause>& causes) {
  const auto is = [](const Cause& cause, Code code) { return cause.code == code; };
  // An image that is armed was not resumed from: what the logs tell is of another one.
  if (disk != nullptr && disk->info.state == ImageState::Armed)
    std::erase_if(causes, [&](const Cause& cause) { return is(cause, Code::Resumed); });
  if (std::none_of(causes.begin(), causes.end(),
                   [&](const Cause& cause) { return is(cause, Code::Resumed); }))
    return;
  const bool is_told_by_log = !causes.empty() && is(causes.front(), Code::FileSystemWritten);
  std::erase_if(causes, [&](const Cause& cause) {
    return !is(cause, Code::Resumed) && !is(cause, Code::BrokeAfter) &&
           !(is_told_by_log && is(cause, Code::FileSystemWritten));
  });
}

void drop_contradicted(std::vector<Exonerated>& exonerated, const std::vector<Cause>& causes) {
  std::erase_if(exonerated, [&](const Exonerated& one) {
    return std::any_of(causes.begin(), causes.end(),
                       [&](const Cause& cause) { return cause.code == one.code; });
  });
}

// A file that was named has to be there; the journal of a machine may not be.
Result<void> read_logs(const PostMortemRequest& request, LogSet& logs) {
  for (const std::string& path : request.logs) TRY_OK(read_log_file(path, logs));
  if (!request.journal) return {};
  const auto read = read_journal(*request.journal, logs);
  if (!read) logs.not_read.push_back(read.error().line());
  return {};
}

// Each has to be there: a file system that was not looked at is not proven.
Result<void> check_devices(const std::vector<std::string>& devices) {
  for (const std::string& path : devices) {
    TRY(const auto file, File::open(path));
  }
  return {};
}

// All that is known of the machine that is to resume.
struct MachineFacts {
  Machine machine;
  PreflightFacts setup;
  std::optional<device::DeviceSet> devices;
};

Result<std::optional<MachineFacts>> look_at_machine(const PostMortemRequest& request) {
  if (!request.machine) return std::optional<MachineFacts>();
  TRY(const device::Tree tree, boot::open_tree(*request.machine));
  MachineFacts facts{read_machine(request.machine->root),
                     read_preflight_facts(tree, request.machine->initramfs), std::nullopt};
  facts.devices = device::probe(tree).devices;
  return std::optional(std::move(facts));
}

std::vector<std::string> paths_of(const PostMortemRequest& request, const std::optional<MachineFacts>& here) {
  if (!request.image.empty()) return {request.image};
  // The devices of a captured machine are not here.
  return here && request.machine->root.empty() ? candidates_of(here->setup) : std::vector<std::string>();
}

// Those that were named, and every file system of this machine.
std::vector<std::string> file_systems_of(const PostMortemRequest& request,
                                         const std::optional<MachineFacts>& here) {
  std::vector<std::string> paths = request.devices;
  if (!here || !request.machine->root.empty()) return paths;
  for (const boot::BlockDevice& device : here->setup.configuration.devices.all()) {
    if (device.fact("USAGE") == "filesystem") paths.push_back("/dev/" + device.name);
  }
  return paths;
}

bool is_in_use(const MachineFacts& here, const Disk& disk) {
  const boot::BlockDevice* device = here.setup.configuration.devices.by_path(disk.path);
  const auto& areas = here.setup.configuration.swap.areas;
  return std::any_of(areas.begin(), areas.end(), [&](const boot::SwapArea& area) {
    if (!area.is_active) return false;
    return area.name == disk.path || (!area.is_file && device != nullptr && area.device == device->name);
  });
}

std::vector<Disk> look_at_disks(const Formats& formats, const PostMortemRequest& request,
                                const std::optional<MachineFacts>& here,
                                std::vector<std::string>& not_checked) {
  DiskRequest look;
  look.format = request.format;
  look.open = request.open;
  look.devices = file_systems_of(request, here);
  look.with_details = request.with_details;
  look.machine = here ? &here->machine : nullptr;
  look.threads = request.threads;
  look.progress = request.progress;
  std::vector<Disk> disks;
  for (const std::string& path : paths_of(request, here)) {
    look.path = path;
    disks.push_back(look_at_disk(formats, look));
    if (disks.back().error) not_checked.push_back(disks.back().error->line());
  }
  return disks;
}

// The firmware's map of the boot that hibernated: out of its memory, or what it has logged.
std::vector<MemoryMapEntry> map_before(const Disk* disk, const Story& story) {
  if (disk != nullptr && !disk->firmware_map.empty()) return disk->firmware_map;
  return story.saving ? story.saving->boot->memory_map : std::vector<MemoryMapEntry>();
}

// The firmware's map of the boot that was to resume: this machine's, or what a later boot has logged.
std::vector<MemoryMapEntry> map_here(const Machine* machine, const Story& story) {
  if (story.resuming && !story.resuming->boot->memory_map.empty()) return story.resuming->boot->memory_map;
  if (machine != nullptr && !machine->memory_map.empty()) return machine->memory_map;
  for (const BootLog* boot : story.later_boots) {
    if (!boot->memory_map.empty()) return boot->memory_map;
  }
  return {};
}

const device::DeviceSet* devices_of(const std::optional<MachineFacts>& here, const Disk* disk) {
  if (here && here->devices) return &*here->devices;
  return disk != nullptr && disk->devices ? &*disk->devices : nullptr;
}

bool is_all_seen(const PostMortemRequest& request, const std::vector<Disk>& disks) {
  const bool is_here = request.machine && request.machine->root.empty() && request.image.empty();
  return is_here &&
         std::none_of(disks.begin(), disks.end(), [](const Disk& disk) { return disk.error.has_value(); });
}

// Said by the verdict, or beside one that says what else is to be known of a machine that came back.
bool has_gone_on_by_logs(const PostMortem& report) {
  const auto tells = [](const Cause& cause) {
    return cause.code == Code::Resumed || cause.code == Code::BrokeAfter;
  };
  return tells(report.verdict) || std::any_of(report.others.begin(), report.others.end(), tells);
}

void conclude(Findings findings, const Disk* disk, PostMortem& report) {
  put_in_order(findings.causes, disk);
  merge_same(findings.causes);
  add_hints(std::move(findings.hints), findings.causes);
  drop_refuted(disk, findings.causes);
  drop_contradicted(findings.exonerated, findings.causes);
  report.exonerated = std::move(findings.exonerated);
  if (findings.causes.empty()) {
    report.verdict = {
        Code::Unknown, Confidence::Possible, "nothing that was looked at tells what happened", {}, {}};
    return;
  }
  report.verdict = std::move(findings.causes.front());
  report.others.assign(std::make_move_iterator(findings.causes.begin() + 1),
                       std::make_move_iterator(findings.causes.end()));
}

}  // namespace

bool PostMortem::is_failure() const {
  return std::find(std::begin(kNoFailures), std::end(kNoFailures), verdict.code) == std::end(kNoFailures);
}

std::vector<std::string> inputs_of(const PostMortemRequest& request) {
  std::vector<std::string> inputs = request.logs;
  inputs.insert(inputs.end(), request.devices.begin(), request.devices.end());
  inputs.push_back(request.image);
  if (request.journal) inputs.push_back(*request.journal);
  if (request.machine) {
    for (std::string& path : boot::inputs_of(*request.machine)) inputs.push_back(std::move(path));
  }
  std::erase(inputs, "");
  return inputs;
}

Result<PostMortem> post_mortem(const Formats& formats, const PostMortemRequest& request) {
  PostMortem report;
  TRY_OK(check_devices(request.devices));
  TRY(const auto here, look_at_machine(request));
  report.disks = look_at_disks(formats, request, here, report.not_checked);
  if (cancelled()) return fail(cancelled_error());
  const Disk* disk = best_of(report.disks);
  const bool has_only_image = !here && !request.image.empty() && request.logs.empty() && !request.journal;
  const bool is_missing =
      !request.image.empty() && disk != nullptr && disk->error && disk->error->kind == ErrorKind::NotFound;
  if (disk != nullptr && disk->error && (has_only_image || is_missing))
    return fail(with_hint_of_log(*disk->error));

  LogSet logs;
  if (disk != nullptr && disk->log) logs.boots.push_back(*disk->log);
  TRY_OK(read_logs(request, logs));
  if (!here && request.image.empty() && report.disks.empty() && logs.boots.empty() &&
      !logs.not_read.empty()) {
    return fail(
        make_error(ErrorKind::NotFound, "diagnose", "nothing that could be looked at", "a device, or a log")
            .advise(logs.not_read.front()));
  }
  std::move(logs.not_read.begin(), logs.not_read.end(), std::back_inserter(report.not_checked));

  const Story story = story_of(logs);
  const std::vector<MemoryMapEntry> before = map_before(disk, story);
  const std::vector<MemoryMapEntry> now = map_here(here ? &here->machine : nullptr, story);
  const Case facts{disk,
                   story,
                   logs,
                   here ? &here->setup : nullptr,
                   before,
                   now,
                   devices_of(here, disk),
                   is_all_seen(request, report.disks)};
  Findings findings;
  judge_command_lines(facts, findings);
  judge_resume(facts, findings);
  judge_saving(facts, findings);
  judge_setup(facts, findings);
  judge_machine(facts, findings);
  judge_disk(facts, findings);
  if (disk != nullptr) report.session = session_on(*disk);
  if (disk == nullptr)
    report.session.text = "not known: name the device or the file that the image was written to";
  if (!before.empty() && !now.empty()) report.map_changes = compare_maps(before, now).changes;
  if (here) report.devices = here->devices;
  report.timeline = timeline_of(logs);
  report.hosts.assign(logs.hosts.begin(), logs.hosts.end());
  std::move(findings.not_checked.begin(), findings.not_checked.end(), std::back_inserter(report.not_checked));
  conclude(std::move(findings), disk, report);
  settle_session(facts, report.verdict, has_gone_on_by_logs(report), report.session);
  const bool is_wanted =
      report.session.safe_to_rearm != false || report.session.state == SessionState::ConsumedPartly;
  if (here && disk != nullptr && is_wanted && is_in_use(*here, *disk)) warn_of_use(report.session);
  return report;
}

}  // namespace hib::diagnose
