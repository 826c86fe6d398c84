// Would the next boot look where the image is?
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/preflight/checks.h"

namespace hib::diagnose::checks {
namespace {

using boot::Match;
using boot::Origin;
using boot::ResumeSetting;
using boot::SwapArea;

std::string said_in(const ResumeSetting& setting) { return setting.evidence.source; }

std::vector<const ResumeSetting*> all_settings(const PreflightFacts& facts) {
  std::vector<const ResumeSetting*> all;
  for (const ResumeSetting& setting : facts.configuration.resume.settings) {
    if (setting.is_for_next_boot) all.push_back(&setting);
  }
  if (facts.initramfs) {
    for (const ResumeSetting& setting : facts.initramfs->settings) all.push_back(&setting);
  }
  return all;
}

void check_switched_off(Sheet& sheet) {
  constexpr std::string_view kName = "resume-allowed";
  bool is_off = false;
  for (const ResumeSetting* setting : all_settings(sheet.facts)) {
    const bool counts = setting->origin == Origin::BootEntry ||
                        setting->origin == Origin::RunningCommandLine || setting->origin == Origin::Initramfs;
    if (!counts || !(setting->line.no_resume || setting->line.no_hibernate)) continue;
    // nohibernate of the running kernel is said where it is asked whether it may hibernate.
    if (setting->origin == Origin::RunningCommandLine && !setting->line.no_resume) continue;
    is_off = true;
    const char* word = setting->line.no_resume ? "noresume" : "nohibernate";
    Check& check = sheet.fails(
        kName, Code::NotTried,
        setting->origin == Origin::RunningCommandLine
            ? fmt::format("the running kernel has {}: systemd refuses to hibernate", word)
            : fmt::format("the next boot has {} ({}): it does not resume", word, said_in(*setting)));
    check.evidence.push_back(setting->evidence);
    check.fix.push_back({fmt::format("take {} off the command line", word), "", said_in(*setting)});
  }
  if (!is_off) sheet.ok(kName, Code::NotTried, "nothing switches resuming off");
}

// A file that somebody has written is corrected where it is; what was made from it is made anew.
std::vector<Advice> fix_line(const PreflightFacts& facts, const ResumeSetting& setting) {
  if (setting.origin == Origin::CommandLineSource)
    return {{"correct the line", facts.change_parameters.command, said_in(setting)}};
  if (setting.origin == Origin::InitramfsSource)
    return {{"correct the line", facts.rebuild.command, said_in(setting)}};
  return fix_parameters(facts);
}

void check_malformed(Sheet& sheet) {
  constexpr std::string_view kName = "settings-well-formed";
  std::set<std::string> seen;
  for (const ResumeSetting* setting : all_settings(sheet.facts)) {
    for (const boot::Malformed& malformed : setting->line.malformed) {
      if (!seen.insert(malformed.text() + said_in(*setting)).second) continue;
      Check& check =
          sheet.fails(kName, Code::WrongPlace, fmt::format("{}: {}", said_in(*setting), malformed.text()));
      check.evidence.push_back(setting->evidence);
      check.fix = fix_line(sheet.facts, *setting);
    }
  }
  if (seen.empty()) sheet.ok(kName, Code::WrongPlace, "every setting reads as it should");
}

const ResumeSetting* word_of_initramfs(const PreflightFacts& facts) {
  const ResumeSetting* last = nullptr;
  for (const ResumeSetting* setting : all_settings(facts)) {
    const bool is_word = setting->origin == Origin::Initramfs || setting->origin == Origin::InitramfsSource;
    if (is_word && !setting->kind.empty()) last = setting;
  }
  return last;
}

// No place is named anywhere.
void say_no_place(Sheet& sheet, std::string_view name) {
  const ResumeSetting* word = word_of_initramfs(sheet.facts);
  const bool is_none = word != nullptr && word->kind == "none";
  // initramfs-tools' "auto" finds the area when the initramfs is made, and puts it into that.
  const bool is_auto = !sheet.facts.initramfs && !is_none &&
                       sheet.facts.configuration.distribution.generator == boot::Generator::InitramfsTools;
  if (is_auto || (!sheet.facts.initramfs && sheet.facts.configuration.boot.entries.empty())) {
    sheet.unknown(name, Code::NotTried,
                  "no setting says where to resume from; the initramfs may, and could not be read");
    return;
  }
  Check& check = sheet.fails(
      name, Code::NotTried,
      is_none ? fmt::format("RESUME=none in {}, and no resume= on the command line: the next boot "
                            "does not look for an image",
                            said_in(*word))
              : "nothing tells the next boot where to resume from");
  if (is_none) check.evidence.push_back(word->evidence);
  check.fix = fix_parameters(sheet.facts);
}

void check_resolves(Sheet& sheet, const ResumeSetting& setting) {
  constexpr std::string_view kName = "resume-device";
  const std::string& spec = *setting.line.resume;
  const boot::Resolved resolved = sheet.facts.configuration.devices.resolve(spec);
  const auto add_evidence = [&](Check& check) {
    check.evidence.push_back(setting.evidence);
    check.fix = fix_parameters(sheet.facts);
  };
  if (resolved.match == Match::Unknown) {
    sheet
        .unknown(kName, Code::WrongPlace,
                 fmt::format("which device resume={} means is not known: {}", spec, resolved.why))
        .evidence.push_back(setting.evidence);
  } else if (resolved.match == Match::None) {
    add_evidence(
        sheet.fails(kName, Code::WrongPlace, fmt::format("resume={} names nothing: {}", spec, resolved.why)));
  } else if (resolved.match == Match::Several) {
    add_evidence(sheet.fails(
        kName, Code::WrongPlace,
        fmt::format("resume={} names {} devices: {}", spec, resolved.names.size(), listed(resolved.names))));
  } else if (resolved.is_unstable) {
    add_evidence(sheet.warn(
        kName, Code::DeviceMoved,
        fmt::format("resume={} is a name in the order of discovery, and may be another disk at the next boot",
                    spec)));
  } else {
    sheet.ok(kName, Code::WrongPlace, fmt::format("resume={} is {}", spec, resolved.names.front()));
  }
}

// What lies on the device that is named.
void check_content(Sheet& sheet, const ResumeSetting& setting, bool has_offset) {
  const boot::BlockDevices& devices = sheet.facts.configuration.devices;
  const boot::Resolved resolved = devices.resolve(*setting.line.resume);
  if (resolved.match != Match::One) return;
  const boot::BlockDevice* device = devices.by_name(resolved.names.front());
  const std::string& type = device->fact("TYPE");
  constexpr std::string_view kName = "resume-content";
  if (type == "crypto_LUKS") {
    Check& check = sheet.fails(
        kName, Code::WrongPlace,
        fmt::format("resume={} names the LUKS container, not the swap inside of it", *setting.line.resume));
    check.evidence.push_back(setting.evidence);
    check.fix = fix_parameters(sheet.facts);
  } else if (!type.empty() && type != "swap" && type != "swsuspend" && !has_offset) {
    Check& check = sheet.fails(
        kName, Code::WrongPlace,
        fmt::format("resume={} names {} with {} on it, and no resume_offset says where the swap file is",
                    *setting.line.resume, device->name, type));
    check.evidence.push_back(setting.evidence);
    check.fix = fix_parameters(sheet.facts);
  }
}

// The device and the offset against the area that the image goes to.
void check_area(Sheet& sheet, const ResumeSetting& setting, const ResumeSetting* offset_setting) {
  constexpr std::string_view kName = "resume-area";
  const PreflightFacts& facts = sheet.facts;
  const SwapArea* area = image_area(facts);
  const boot::Resolved resolved = facts.configuration.devices.resolve(*setting.line.resume);
  if (area == nullptr || area->device.empty() || resolved.match != Match::One) return;
  if (resolved.names.front() != area->device) {
    Check& check = sheet.fails(kName, Code::WrongPlace,
                               fmt::format("the image would go to {} on {}, and the next boot looks at {}",
                                           area->name, area->device, resolved.names.front()));
    check.evidence = {area->said_by.front(), setting.evidence};
    check.fix = fix_parameters(facts);
    return;
  }
  sheet.ok(kName, Code::WrongPlace,
           fmt::format("the next boot looks at {}, where the image would be", area->device));
  const std::uint64_t offset =
      offset_setting != nullptr ? offset_setting->line.offset_pages.value_or(0) : std::uint64_t{0};
  constexpr std::string_view kOffsetName = "resume-offset";
  std::uint64_t right = 0;
  if (area->is_file) {
    const auto place = facts.swap_files.find(area->name);
    if (place == facts.swap_files.end() || !place->second) {
      sheet.unknown(kOffsetName, Code::WrongPlace,
                    fmt::format("whether resume_offset={} is right is not known: where {} lies is not",
                                offset, area->name));
      return;
    }
    right = place->second->offset_pages;
  }
  if (offset == right) {
    sheet.ok(kOffsetName, Code::WrongPlace,
             fmt::format("resume_offset is {}, where {} begins", offset, area->name));
    return;
  }
  Check& check =
      sheet.fails(kOffsetName, Code::WrongPlace,
                  fmt::format("resume_offset is {}, and {} begins at page {}", offset, area->name, right));
  if (offset_setting != nullptr) check.evidence.push_back(offset_setting->evidence);
  check.fix = fix_parameters(facts);
}

// Device and offset in one text, so that two spellings of one device are equal.
std::string place_text(const PreflightFacts& facts, const ResumeSetting& setting) {
  const boot::Resolved resolved = facts.configuration.devices.resolve(*setting.line.resume);
  const std::string device = resolved.match == Match::One ? resolved.names.front() : *setting.line.resume;
  const bool has_offset = setting.line.resume_offset && setting.line.offset_pages != 0;
  return has_offset ? fmt::format("{} at page {}", device, *setting.line.resume_offset) : device;
}

// Whether all that name a place name the same one.
void check_agreement(Sheet& sheet) {
  constexpr std::string_view kName = "places-agree";
  std::vector<const ResumeSetting*> naming;
  std::set<std::string> places;
  const auto all = all_settings(sheet.facts);
  for (const ResumeSetting* setting : all) {
    if (!setting->line.resume || setting->origin == Origin::EfiVariable) continue;
    // RESUME= of initramfs-tools has no word for an offset.
    const bool has_no_word =
        setting->origin == Origin::InitramfsSource || setting->origin == Origin::Initramfs;
    if (has_no_word && !setting->line.resume_offset &&
        std::any_of(all.begin(), all.end(), [&](const ResumeSetting* other) {
          return other->line.resume && other->line.resume_offset &&
                 place_text(sheet.facts, *other).starts_with(place_text(sheet.facts, *setting) + " ");
        }))
      continue;
    naming.push_back(setting);
    places.insert(place_text(sheet.facts, *setting));
  }
  if (naming.size() < 2) return;
  if (places.size() == 1) {
    sheet.ok(kName, Code::WrongPlace, fmt::format("{} places name the same area", naming.size()));
    return;
  }
  std::vector<std::string> said;
  Check check{kName, Code::WrongPlace, CheckResult::Warning, "", {}, {}};
  for (const ResumeSetting* setting : naming) {
    said.push_back(fmt::format("{} says {}", said_in(*setting), place_text(sheet.facts, *setting)));
    check.evidence.push_back(setting->evidence);
  }
  check.text = "the places that name the area differ: " + listed(said);
  check.fix = fix_parameters(sheet.facts);
  sheet.checks.push_back(std::move(check));
}

// What lies in the variable before anybody has hibernated is from an earlier time.
void check_variable(Sheet& sheet) {
  constexpr std::string_view kName = "efi-variable";
  const boot::ResumeSettings& resume = sheet.facts.configuration.resume;
  if (!resume.efi_evidence) return;
  const Advice clear{"remove the variable", "systemctl start systemd-hibernate-clear.service", ""};
  Check check{kName, Code::EfiVariable, CheckResult::Warning, "", {*resume.efi_evidence}, {clear}};
  if (!resume.efi) {
    check.text = "the EFI variable HibernateLocation cannot be understood: " + resume.efi_problem;
  } else {
    const boot::Resolved resolved = sheet.facts.configuration.devices.resolve("UUID=" + resume.efi->uuid);
    check.text =
        resolved.match == Match::None
            ? fmt::format(
                  "the EFI variable HibernateLocation names {}, which no device here has: boots wait for it",
                  resume.efi->uuid)
            : "the EFI variable HibernateLocation is left from a hibernation that nobody resumed from";
  }
  sheet.checks.push_back(std::move(check));
}

}  // namespace

std::vector<Advice> fix_parameters(const PreflightFacts& facts) {
  std::vector<Advice> fix = {facts.change_parameters};
  const bool has_copy =
      facts.initramfs &&
      std::any_of(facts.initramfs->settings.begin(), facts.initramfs->settings.end(),
                  [](const ResumeSetting& setting) { return setting.origin == Origin::Initramfs; });
  if (facts.configuration.distribution.generator == boot::Generator::InitramfsTools || has_copy)
    fix.push_back(facts.rebuild);
  return fix;
}

void check_place(Sheet& sheet) {
  constexpr std::string_view kName = "resume-place";
  check_switched_off(sheet);
  check_malformed(sheet);
  check_variable(sheet);
  check_agreement(sheet);
  const ResumePlace place = resume_place(sheet.facts);
  if (place.setting == nullptr && place.is_by_efi) {
    sheet.ok(kName, Code::NotTried,
             "systemd notes the place in the EFI variable HibernateLocation when it hibernates");
    return;
  }
  if (place.setting == nullptr) return say_no_place(sheet, kName);
  sheet.ok(kName, Code::NotTried, fmt::format("{} says where to resume from", said_in(*place.setting)));
  check_resolves(sheet, *place.setting);
  check_content(sheet, *place.setting, place.offset_setting != nullptr);
  check_area(sheet, *place.setting, place.offset_setting);
}

}  // namespace hib::diagnose::checks
