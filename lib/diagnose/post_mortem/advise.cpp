// What several rules say in the same words.
#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/boot/command_line.h"
#include "lib/diagnose/post_mortem/rules.h"

namespace hib::diagnose {
namespace {

constexpr std::size_t kShownLastLines = 3;

void add_lines(const std::vector<LogLine>& lines, Cause& cause) {
  for (std::size_t i = lines.size() - std::min(lines.size(), kShownLastLines); i < lines.size(); ++i)
    cause.evidence.push_back(evidence_of(lines[i]));
}

// What the boot that hibernated was told.
std::string parameters_of_saving(const Story& story) {
  if (!story.saving) return "";
  const boot::CommandLine line = boot::parse_command_line(story.saving->boot->command_line);
  if (!line.resume) return "";
  return "resume=" + *line.resume + (line.resume_offset ? " resume_offset=" + *line.resume_offset : "");
}

// What the next boot has to be told: as the disk that was looked at says, the boot that hibernated, or the
// machine as it is now. Empty: not known.
std::string parameters_of_image(const Case& facts) {
  const std::string then = parameters_of_saving(facts.story);
  if (facts.setup == nullptr) return then;
  const boot::BlockDevice* device = facts.disk != nullptr && facts.disk->is_kernels()
                                        ? facts.setup->configuration.devices.by_path(facts.disk->path)
                                        : nullptr;
  if (device != nullptr && !device->fact("UUID").empty()) return "resume=UUID=" + device->fact("UUID");
  return then.empty() ? facts.setup->wanted_parameters : then;
}

}  // namespace

const boot::Remedies& remedies_of(const Case& facts) {
  static const boot::Remedies kOfNoSystem;
  return facts.setup != nullptr ? facts.setup->remedies : kOfNoSystem;
}

void append(std::vector<Advice>& all, std::vector<Advice> more) {
  for (Advice& advice : more) {
    const bool is_known = std::any_of(all.begin(), all.end(), [&](const Advice& one) {
      return one.text == advice.text && one.command == advice.command && one.file == advice.file;
    });
    if (!is_known) all.push_back(std::move(advice));
  }
}

std::vector<Advice> advise_place(const Case& facts) {
  const std::string parameters = parameters_of_image(facts);
  if (parameters.empty())
    return {{"let resume= (and resume_offset= of a swap file) name the place of the image", "",
             facts.setup != nullptr ? facts.setup->change_parameters.file : ""}};
  std::vector<Advice> advice = {remedies_of(facts).put(parameters)};
  if (facts.setup != nullptr && has_own_copy(*facts.setup)) advice.push_back(remedies_of(facts).rebuild());
  return advice;
}

Advice advise_preflight(std::string text) { return {std::move(text), "hibtool diagnose --preflight", ""}; }

Advice advise_kernel(const Case& facts) {
  std::string release =
      facts.disk != nullptr && !facts.disk->error ? facts.disk->info.kernel.release.value_or("") : "";
  if (release.empty() && facts.story.saving) release = facts.story.saving->boot->kernel;
  return remedies_of(facts).boot_once(release);
}

std::vector<Advice> advise_without(const Case& facts, const std::string& driver) {
  std::string module = driver;
  std::replace(module.begin(), module.end(), '-', '_');
  std::vector<Advice> advice = {
      {fmt::format("or for one boot: add module_blacklist={} to the kernel's line in the boot menu", module),
       "", ""}};
  if (facts.setup != nullptr) append(advice, remedies_of(facts).leave_out_module(module));
  return advice;
}

// How the boot ended, how the kernel in the image ended, and what the clock kept of a hang.
void add_last_words(const Case& facts, const BootLog& boot, Cause& cause) {
  add_lines(boot.last_lines, cause);
  if (facts.disk != nullptr && facts.disk->log) add_lines(facts.disk->log->last_lines, cause);
  for (const BootLog& any : facts.logs.boots) {
    if (const LogEvent* traced = find_event(any, 0, any.events.size(), Event::TraceMatched))
      cause.evidence.push_back(evidence_of(traced->line));
  }
}

const BootLog* boot_that_mounted(const Case& facts) {
  if (!facts.story.saving || facts.story.saving->has_come_back) return nullptr;
  const auto& later = facts.story.later_boots;
  const auto found = std::find_if(later.begin(), later.end(),
                                  [](const BootLog* boot) { return mounted_in(*boot) != nullptr; });
  return found == later.end() ? nullptr : *found;
}

Advice advise_rearm(const Case& facts, std::string text) {
  if (facts.disk == nullptr || facts.disk->error)
    return {text + "; then hibtool rearm says of the device whether the image can be tried again", "", ""};
  const auto& checks = facts.disk->rearm;
  const bool is_proven =
      std::all_of(checks.begin(), checks.end(), [](const RearmCheck& check) { return check.ok; });
  const bool is_written = std::any_of(checks.begin(), checks.end(), [](const RearmCheck& check) {
    return check.since == fs::Since::Written;
  });
  const bool can_be = facts.disk->info.state == ImageState::Consumed && facts.disk->damage.empty() &&
                      !is_written && (is_proven || boot_that_mounted(facts) == nullptr);
  if (!can_be) return {std::move(text), "", ""};
  return {text + ", then put the signature back", "hibtool rearm " + shell_word(facts.disk->path) + " --yes",
          ""};
}

}  // namespace hib::diagnose
