// How the machine is set up: what would keep the next boot from resuming has most likely kept this one from
// it.
#include <algorithm>

#include <fmt/format.h>

#include "lib/diagnose/post_mortem/rules.h"
#include "lib/diagnose/preflight/preflight.h"

namespace hib::diagnose {
namespace {

// Reasons not to hibernate at all: none where an image was written all the same.
constexpr Code kOfSaving[] = {Code::NoSpace,   Code::NoSnapshotMemory, Code::Policy,    Code::Lockdown,
                              Code::Inhibited, Code::SwapFile,         Code::FirmwareS4};

bool has_image(const Case& facts) { return facts.disk != nullptr && facts.disk->holds_image(); }

bool concerns(const Case& facts, const Check& check) {
  const bool is_of_saving =
      std::find(std::begin(kOfSaving), std::end(kOfSaving), check.code) != std::end(kOfSaving);
  return !is_of_saving || (!has_image(facts) && !facts.story.saving);
}

// One check that is well clears a verdict that has only that reason.
bool clears(Code code) {
  constexpr Code kOfManyReasons[] = {Code::WrongPlace, Code::NotTried, Code::Unknown, Code::EfiVariable};
  return std::find(std::begin(kOfManyReasons), std::end(kOfManyReasons), code) == std::end(kOfManyReasons);
}

void judge_check(const Check& check, Findings& findings) {
  switch (check.result) {
    case CheckResult::Ok:
      if (clears(check.code)) findings.exonerated.push_back({check.code, check.text});
      return;
    case CheckResult::WouldFail:
      findings.causes.push_back({check.code, Confidence::Likely, check.text, check.evidence, check.fix});
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
    if (concerns(facts, check)) judge_check(check, findings);
  }
}

}  // namespace hib::diagnose
