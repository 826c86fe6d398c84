// What the disk itself tells, and what the kernel of this machine would say to the image.
#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/post_mortem/rules.h"

namespace hib::diagnose {
namespace {

constexpr std::size_t kShownPlaces = 5;

struct AcceptanceLayer {
  std::string_view name;  // of the layer, without "here: "
  Code code;
  std::string_view text;
};
constexpr AcceptanceLayer kAcceptanceLayers[] = {
    {"memory map", Code::MemoryMap, "the firmware's memory map here is not the one of the image"},
    {"page count", Code::MemorySize, "this machine has another number of pages of RAM than the image's"},
    {"codec", Code::CodecMissing, "this kernel cannot decompress the image"},
    {"hardware signature", Code::HardwareSignature,
     "the hardware signature here is not the one of the image"},
    {"kernel", Code::OtherKernel, "this kernel does not take an image of that one"},
    {"format", Code::OtherKernel, "this kernel does not know the image's format"},
    {"hibernation", Code::Lockdown, "this kernel does not hibernate now, nor resume"},
};

std::string_view short_name(std::string_view layer) {
  constexpr std::string_view kHere = "here: ";
  return layer.starts_with(kHere) ? layer.substr(kHere.size()) : layer;
}

Evidence at_image(const Disk& disk, std::optional<std::uint64_t> offset, std::string text) {
  return {disk.path, offset, "", std::nullopt, std::move(text)};
}

void judge_acceptance(const Case& facts, const Layer& layer, Findings& findings) {
  const auto* known =
      std::find_if(std::begin(kAcceptanceLayers), std::end(kAcceptanceLayers),
                   [&](const AcceptanceLayer& one) { return one.name == short_name(layer.name); });
  if (known == std::end(kAcceptanceLayers)) return;
  if (layer.result == LayerResult::Ok) {
    findings.exonerated.push_back({known->code, std::string(known->name) + ": " + layer.text});
    return;
  }
  if (layer.result != LayerResult::Bad) return;
  Cause cause{
      known->code, Confidence::Likely, std::string(known->text), {at_image(*facts.disk, {}, layer.text)}, {}};
  if (known->code == Code::MemoryMap) add_region_changes(facts, cause);
  findings.causes.push_back(std::move(cause));
}

void judge_damage(const Disk& disk, Findings& findings) {
  if (disk.damage.empty()) {
    findings.exonerated.push_back(
        {Code::Damaged, disk.is_whole ? "every layer of the image verifies"
                                      : "nothing of the image is seen to be wrong; no checksum proves it"});
    return;
  }
  // A kernel takes the signature away before it reads; who uses the area as swap can only come after that.
  const bool is_consumed = disk.info.state == ImageState::Consumed;
  const bool is_spread = disk.damage.size() > 1;
  Cause cause{is_consumed && is_spread ? Code::Overwritten : Code::Damaged,
              is_consumed ? Confidence::Possible : Confidence::Certain,
              "",
              {},
              {}};
  cause.text =
      cause.code == Code::Overwritten
          ? fmt::format("the image is broken in {} places, as after swap was used again", disk.damage.size())
          : fmt::format("the image is broken in {}", counted(disk.damage.size(), "place"));
  for (std::size_t i = 0; i < std::min(disk.damage.size(), kShownPlaces); ++i) {
    const Error& error = disk.damage[i].error;
    cause.evidence.push_back(at_image(disk, error.offset, error.text()));
  }
  findings.causes.push_back(std::move(cause));
}

// The boots that have mounted it since, as their logs say.
void add_mounts(const Case& facts, const std::string& name, Cause& cause) {
  for (const BootLog* boot : facts.story.later_boots) {
    for (const LogEvent& event : boot->events) {
      const bool is_mount = event.message.event == Event::FilesMounted;
      if (is_mount && name.find(detail_of(event, 1)) != std::string::npos)
        cause.evidence.push_back(evidence_of(event.line));
    }
  }
}

void judge_file_systems(const Case& facts, Findings& findings) {
  const Disk& disk = *facts.disk;
  for (const RearmCheck& check : disk.rearm) {
    if (!check.since) continue;
    if (*check.since == fs::Since::Untouched)
      findings.exonerated.push_back({Code::FileSystemWritten, check.name + ": " + check.text});
    if (*check.since != fs::Since::Written) continue;
    Cause cause{Code::FileSystemWritten,
                Confidence::Certain,
                "a file system was written since the image was made: resuming would ruin it",
                {},
                {}};
    cause.evidence.push_back(at_image(disk, {}, check.name + ": " + check.text));
    add_mounts(facts, check.name, cause);
    findings.causes.push_back(std::move(cause));
  }
}

// The image is armed still: whoever resumes now resumes over what a later boot has written.
void judge_mount(const Case& facts, Findings& findings) {
  const BootLog* boot = boot_that_mounted(facts);
  const auto& checks = facts.disk->rearm;
  const bool is_proven =
      std::all_of(checks.begin(), checks.end(), [](const RearmCheck& check) { return check.ok; });
  if (boot == nullptr || is_proven) return;
  const LogEvent& mounted = *mounted_in(*boot);
  findings.causes.push_back(
      cause_of(Code::FileSystemWritten, mounted,
               fmt::format("a boot has mounted {} since the image was made: resuming would ruin it",
                           detail_of(mounted, 0))));
}

void judge_jump(const Disk& disk, Findings& findings) {
  if (disk.history.empty()) return;
  const auto note = [&](Code code, Confidence confidence, std::string text, const Breadcrumb& crumb) {
    Evidence evidence = at_image(
        disk, {}, std::string(phase_name(crumb.phase)) + (crumb.text.empty() ? "" : ": " + crumb.text));
    if (crumb.time_ns != 0) evidence.wall_us = crumb.time_ns / 1000;
    findings.causes.push_back({code, confidence, std::move(text), {std::move(evidence)}, {}});
  };
  if (has_gone_on(disk.history)) {
    note(Code::Resumed, Confidence::Certain, "the machine has gone on from this image", disk.history.back());
    return;
  }
  for (const Breadcrumb& crumb : disk.history) {  // the first at fault
    if (!crumb.is(Phase::Failed) && !crumb.is(Phase::DeviceFailed)) continue;
    note(crumb.is(Phase::DeviceFailed) ? Code::DriverRefused : Code::Unknown, Confidence::Certain,
         crumb.is(Phase::DeviceFailed) ? "a device did not come back" : "the jump failed, and said why",
         crumb);
    return;
  }
  const Breadcrumb& last = disk.history.back();
  if (!has_phase(disk.history, Phase::Committed)) {
    note(Code::SaveInterrupted, Confidence::Certain, "the image was never complete", last);
  } else if (has_phase(disk.history, Phase::ResumeAttempted)) {
    note(Code::Hung, Confidence::Likely,
         "a resume was begun, and nothing was heard of it after its last step", last);
  } else if (disk.damage.empty()) {
    note(Code::Armed, Confidence::Certain, "nobody has tried to go back into this image", last);
  }
}

void judge_carved(const Disk& disk, Findings& findings) {
  if (disk.carved.empty()) {
    findings.causes.push_back(
        {Code::Never, Confidence::Likely, "no image lies here, and no trace of one", {}, {}});
    return;
  }
  const CarvedImage& first = disk.carved.front();
  const bool is_image = first.kind == CarvedKind::Image;
  const bool is_cut = is_image && !first.missing.empty();
  Cause cause{is_image && !is_cut ? Code::Consumed
              : is_cut            ? Code::SaveInterrupted
                                  : Code::Overwritten,
              Confidence::Possible,
              "",
              {},
              {}};
  cause.text =
      cause.code == Code::Consumed
          ? "an image without a header lies here: mkswap or another image took it away"
      : is_cut ? "a part of an image without a header lies here: it was never completed, or was overwritten"
               : "only remains of an image are left";
  cause.evidence.push_back(at_image(disk, first.offset, "an image begins at block " + to_text(first.at)));
  findings.causes.push_back(std::move(cause));
}

}  // namespace

void judge_machine(const Case& facts, Findings& findings) {
  if (facts.disk == nullptr) return;
  for (const Layer& layer : facts.disk->acceptance) judge_acceptance(facts, layer, findings);
}

void judge_disk(const Case& facts, Findings& findings) {
  if (facts.disk == nullptr || facts.disk->error) return;
  const Disk& disk = *facts.disk;
  if (disk.info.state == ImageState::None) return judge_carved(disk, findings);
  judge_damage(disk, findings);
  judge_file_systems(facts, findings);
  judge_jump(disk, findings);
  if (disk.info.state == ImageState::Armed) judge_mount(facts, findings);
  if (disk.info.state == ImageState::Armed && disk.damage.empty()) {
    findings.causes.push_back(
        {Code::Armed, Confidence::Certain, "a whole image lies here, and no boot has tried it yet", {}, {}});
  }
  if (disk.info.state == ImageState::Consumed) {
    findings.causes.push_back(
        {Code::Consumed,
         Confidence::Possible,
         "the image's signature was taken away, by a kernel or by swapon; the disk does not tell "
         "whether the machine resumed",
         {},
         {}});
  }
}

}  // namespace hib::diagnose
