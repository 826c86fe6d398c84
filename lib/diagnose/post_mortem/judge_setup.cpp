// How the machine is set up: what would keep the next boot from resuming has most likely kept this one from
// it.
#include <algorithm>

#include <fmt/format.h>

#include "lib/diagnose/post_mortem/rules.h"
#include "lib/diagnose/preflight/preflight.h"

namespace hib::diagnose {
namespace {

// Reasons not to hibernate at all: they explain nothing where nobody was refused.
constexpr Code kOfSaving[] = {Code::NoSpace,   Code::NoSnapshotMemory, Code::Policy,    Code::Lockdown,
                              Code::Inhibited, Code::SwapFile,         Code::FirmwareS4};

bool has_image(const Case& facts) { return facts.disk != nullptr && facts.disk->holds_image(); }

bool was_refused(const Case& facts) {
  const auto& boots = facts.logs.boots;
  return std::any_of(boots.begin(), boots.end(), has_refused_to_hibernate);
}

// Neither disk nor log knows of anybody who hibernated here, or tried to.
bool has_nobody_tried(const Case& facts) {
  const auto& boots = facts.logs.boots;
  const bool has_traces = facts.disk != nullptr && !facts.disk->carved.empty();
  return facts.is_all_seen && !has_image(facts) && !has_traces && !facts.story.saving &&
         !was_refused(facts) && std::none_of(boots.begin(), boots.end(), has_begun_to_resume);
}

bool concerns(const Case& facts, const Check& check) {
  if (check.result == CheckResult::WouldFail && has_nobody_tried(facts)) return false;
  const bool is_of_saving =
      std::find(std::begin(kOfSaving), std::end(kOfSaving), check.code) != std::end(kOfSaving);
  if (!is_of_saving) return true;
  if (has_image(facts) || facts.story.saving) return false;
  return check.result != CheckResult::WouldFail || was_refused(facts);
}

void judge_no_attempt(const Case& facts, Findings& findings) {
  if (!has_nobody_tried(facts)) return;
  Cause cause{Code::Never,
              Confidence::Possible,
              "this machine has no image, and nothing that was read tells of a hibernation",
              {},
              {}};
  cause.advice.push_back(advise_preflight("see whether it would come back, before it hibernates"));
  findings.causes.push_back(std::move(cause));
}

// What was written there is gone, whoever had looked for it.
bool has_lost_the_image(const Case& facts, const Check& check) {
  return check.code == Code::EphemeralSwap && !has_image(facts) && facts.story.saving &&
         !facts.story.saving->has_come_back;
}

// One check that is well clears a verdict that has only that reason.
bool clears(Code code) {
  constexpr Code kOfManyReasons[] = {Code::WrongPlace, Code::NotTried, Code::Unknown, Code::EfiVariable};
  return std::find(std::begin(kOfManyReasons), std::end(kOfManyReasons), code) == std::end(kOfManyReasons);
}

void judge_check(const Case& facts, const Check& check, Findings& findings) {
  switch (check.result) {
    case CheckResult::Ok:
      if (clears(check.code)) findings.exonerated.push_back({check.code, check.text});
      return;
    case CheckResult::WouldFail:
      findings.causes.insert(
          has_lost_the_image(facts, check) ? findings.causes.begin() : findings.causes.end(),
          {check.code, Confidence::Likely, check.text, check.evidence, check.fix});
      return;
    case CheckResult::Unknown: findings.not_checked.push_back(check.text); return;
    case CheckResult::Warning:  // may go well: no reason for what did not
      findings.hints.push_back({check.code, Confidence::Possible, "", {}, check.fix});
      return;
  }
}

// What lies on the disk, beside what the next boot is told.
void judge_location(const Case& facts, const PreflightFacts& setup, Findings& findings) {
  const bool is_seen = facts.disk != nullptr && facts.disk->is_kernels();
  const ResumePlace place = resume_place(setup);
  if (!is_seen || place.setting == nullptr) return;
  const boot::BlockDevices& devices = setup.configuration.devices;
  const boot::BlockDevice* image_device = devices.by_path(facts.disk->path);
  const boot::Resolved named = devices.resolve(*place.setting->line.resume);
  if (image_device == nullptr || named.match != boot::Match::One || named.names.front() == image_device->name)
    return;
  Cause cause{Code::WrongPlace, Confidence::Likely, "", {place.setting->evidence}, {}};
  cause.text = fmt::format("the image lies on {}, and resume={} names /dev/{}", facts.disk->path,
                           *place.setting->line.resume, named.names.front());
  cause.advice = advise_place(facts);
  findings.causes.push_back(std::move(cause));
}

}  // namespace

void judge_setup(const Case& facts, Findings& findings) {
  if (facts.setup == nullptr) return;
  judge_location(facts, *facts.setup, findings);
  for (const Check& check : judge(*facts.setup).checks) {
    if (concerns(facts, check)) judge_check(facts, check, findings);
  }
  judge_no_attempt(facts, findings);
}

}  // namespace hib::diagnose
