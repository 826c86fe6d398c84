// Would the next boot look where the image is?
#include <algorithm>
#include <map>
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

// A command line that could not be read: of the running kernel, or of the next where no entry for it is
// known.
const boot::Unread* unread_line(const PreflightFacts& facts) {
  const boot::Configuration& configuration = facts.configuration;
  const auto tells_kernel = [&](const boot::Unread& each) {
    const bool is_of_loader = each.path.starts_with("/boot/") || each.path.starts_with("/efi/");
    return each.path == "/proc/cmdline" || (is_of_loader && !configuration.boot.default_entry);
  };
  const auto found = std::find_if(configuration.unread.begin(), configuration.unread.end(), tells_kernel);
  return found == configuration.unread.end() ? nullptr : &*found;
}

// No setting that was read is wrong: fine where all were read.
void say_none_wrong(Sheet& sheet, std::string_view name, Code code, const std::string& fine,
                    const std::string& question) {
  if (const boot::Unread* unread = unread_line(sheet.facts)) {
    sheet.unknown(name, code, fmt::format("{} is not known: {} cannot be read", question, unread->path));
  } else {
    sheet.ok(name, code, fine);
  }
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
    // Who has written it into the initramfs itself has made that one by hand.
    check.fix.push_back(setting->origin == Origin::Initramfs
                            ? Advice{fmt::format("take {} out", setting->line.off_by), "", said_in(*setting)}
                            : sheet.facts.remedies.take_off(setting->line.off_by));
  }
  if (!is_off)
    say_none_wrong(sheet, kName, Code::NotTried, "nothing switches resuming off",
                   "whether anything switches resuming off");
}

// A file that somebody has written is corrected where it is; what was made from it is made anew.
std::vector<Advice> fix_line(const PreflightFacts& facts, const ResumeSetting& setting) {
  if (setting.origin == Origin::CommandLineSource)
    return {{"correct the line", facts.change_parameters.command, said_in(setting)}};
  if (setting.origin == Origin::InitramfsSource)
    return {{"correct the line", facts.remedies.rebuild().command, said_in(setting)}};
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
  if (seen.empty())
    say_none_wrong(sheet, kName, Code::WrongPlace, "every setting reads as it should",
                   "whether every setting reads as it should");
}

const ResumeSetting* word_of_initramfs(const PreflightFacts& facts) {
  const ResumeSetting* last = nullptr;
  for (const ResumeSetting* setting : all_settings(facts)) {
    const bool is_word = setting->origin == Origin::Initramfs || setting->origin == Origin::InitramfsSource;
    if (is_word && !setting->kind.empty()) last = setting;
  }
  return last;
}

// What the initramfs was made from is known, and what is in it is not.
void say_place_of_sources(Sheet& sheet, std::string_view name, const ResumeSetting* none) {
  const ResumeSetting* named = nullptr;
  for (const ResumeSetting* setting : all_settings(sheet.facts)) {
    if (setting->origin == Origin::InitramfsSource && setting->line.resume) named = setting;
  }
  Check& check = sheet.unknown(
      name, Code::NotTried,
      named != nullptr ? fmt::format("{} names {}; whether it is in the initramfs is not known",
                                     said_in(*named), *named->line.resume)
      : none != nullptr
          ? fmt::format("RESUME=none in {}: an initramfs that is made with it does not look for an image",
                        said_in(*none))
          : "no setting that could be read says where to resume from; the initramfs may");
  if (named != nullptr) {
    check.evidence.push_back(named->evidence);
  } else if (none != nullptr) {
    check.evidence.push_back(none->evidence);
  }
}

// Whether something that was not looked into could name the place, or read the variable of the firmware.
bool may_be_named_elsewhere(const PreflightFacts& facts, bool is_none) {
  if (facts.initramfs)  // NixOS and Booster resume by a program of their own
    return !is_none && boot::resumes(*facts.initramfs) == boot::Resumes::Unknown;
  // initramfs-tools' "auto" finds the area when the initramfs is made, and puts it into that.
  const bool is_debian = facts.configuration.distribution.generator == boot::Generator::InitramfsTools;
  return facts.configuration.boot.entries.empty() || (is_debian && !is_none);
}

std::string no_place(const PreflightFacts& facts, const ResumeSetting* none) {
  if (none != nullptr)
    return fmt::format(
        "RESUME=none in {}, and no resume= on the command line: the next boot does not look for an image",
        said_in(*none));
  const bool is_noted = facts.configuration.kernel.has_efi == true && facts.configuration.sleep.has_systemd;
  return std::string("nothing tells the next boot where to resume from") +
         (is_noted ? ": what systemd notes in the firmware, the initramfs does not read" : "");
}

// No place is named anywhere that counts.
void say_no_place(Sheet& sheet, std::string_view name) {
  const ResumeSetting* word = word_of_initramfs(sheet.facts);
  const ResumeSetting* none = word != nullptr && word->kind == "none" ? word : nullptr;
  if (resume_place(sheet.facts).may_be_by_efi) {
    sheet.unknown(
        name, Code::NotTried,
        "no setting says where to resume from; systemd would note it in the firmware where there is "
        "EFI, which is not known");
    return;
  }
  const boot::Unread* unread = unread_line(sheet.facts);
  if (unread != nullptr && !sheet.facts.configuration.boot.default_entry) {
    sheet.unknown(name, Code::NotTried,
                  fmt::format("where to resume from is not known: {} cannot be read", unread->path));
    return;
  }
  if (may_be_named_elsewhere(sheet.facts, none != nullptr)) return say_place_of_sources(sheet, name, none);
  Check& check = sheet.fails(name, Code::NotTried, no_place(sheet.facts, none));
  if (none != nullptr) check.evidence.push_back(none->evidence);
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

// The offset against where the area begins on its device.
void check_offset(Sheet& sheet, const SwapArea& area, const ResumeSetting* offset_setting) {
  constexpr std::string_view kName = "resume-offset";
  const std::uint64_t offset =
      offset_setting != nullptr ? offset_setting->line.offset_pages.value_or(0) : std::uint64_t{0};
  std::uint64_t right = 0;
  if (area.is_file) {
    const auto place = sheet.facts.swap_files.find(area.name);
    if (place == sheet.facts.swap_files.end() || !place->second) {
      sheet.unknown(kName, Code::WrongPlace,
                    fmt::format("whether resume_offset={} is right is not known: where {} lies is not",
                                offset, area.name));
      return;
    }
    right = place->second->offset_pages;
  }
  if (offset == right) {
    sheet.ok(kName, Code::WrongPlace, fmt::format("resume_offset is {}, where {} begins", offset, area.name));
    return;
  }
  Check& check =
      sheet.fails(kName, Code::WrongPlace,
                  fmt::format("resume_offset is {}, and {} begins at page {}", offset, area.name, right));
  if (offset_setting != nullptr) check.evidence.push_back(offset_setting->evidence);
  check.fix = fix_parameters(sheet.facts);
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
  check_offset(sheet, *area, offset_setting);
}

// A place in words that can be compared: with all of the same sort. Two spellings of one device are equal.
struct NamedPlace {
  std::string sort;  // "device"; of a device that is not known: "UUID=", or all of the spelling
  std::string text;  // with the offset, if any
};

NamedPlace named_place(const PreflightFacts& facts, const ResumeSetting& setting) {
  const std::string& spec = *setting.line.resume;
  const boot::Resolved resolved = facts.configuration.devices.resolve(spec);
  NamedPlace place{"device", resolved.match == Match::One ? resolved.names.front() : spec};
  if (resolved.match == Match::Unknown)
    place.sort = spec.starts_with("/") ? spec : spec.substr(0, spec.find('=') + 1);
  if (setting.line.resume_offset && setting.line.offset_pages != 0)
    place.text += fmt::format(" at page {}", *setting.line.resume_offset);
  return place;
}

// RESUME= of initramfs-tools has no word for an offset: it names the device of a place that has one.
bool leaves_out_offset(const PreflightFacts& facts, const ResumeSetting& setting,
                       const std::vector<const ResumeSetting*>& all) {
  const bool has_no_word = setting.origin == Origin::InitramfsSource || setting.origin == Origin::Initramfs;
  if (!has_no_word || setting.line.resume_offset) return false;
  const std::string device = named_place(facts, setting).text + " ";
  return std::any_of(all.begin(), all.end(), [&](const ResumeSetting* other) {
    return other->line.resume && other->line.resume_offset &&
           named_place(facts, *other).text.starts_with(device);
  });
}

std::vector<const ResumeSetting*> settings_that_name(const PreflightFacts& facts) {
  std::vector<const ResumeSetting*> naming;
  const auto all = all_settings(facts);
  for (const ResumeSetting* setting : all) {
    const bool counts = setting->line.resume && setting->origin != Origin::EfiVariable;
    if (counts && !leaves_out_offset(facts, *setting, all)) naming.push_back(setting);
  }
  return naming;
}

// Whether all that name a place name the same one.
void check_agreement(Sheet& sheet) {
  constexpr std::string_view kName = "places-agree";
  const auto naming = settings_that_name(sheet.facts);
  if (naming.size() < 2) return;
  std::map<std::string, std::set<std::string>> places;  // of each sort
  std::vector<std::string> said;
  for (const ResumeSetting* setting : naming) {
    const NamedPlace place = named_place(sheet.facts, *setting);
    places[place.sort].insert(place.text);
    said.push_back(fmt::format("{} says {}", said_in(*setting), place.text));
  }
  const bool is_contradiction =
      std::any_of(places.begin(), places.end(), [](const auto& each) { return each.second.size() > 1; });
  if (!is_contradiction && places.size() == 1) {
    sheet.ok(kName, Code::WrongPlace, fmt::format("{} places name the same area", naming.size()));
    return;
  }
  Check& check =
      is_contradiction
          ? sheet.warn(kName, Code::WrongPlace, "the places that name the area differ: " + listed(said))
          : sheet.unknown(kName, Code::WrongPlace,
                          "whether these mean the same area is not known: " + listed(said));
  for (const ResumeSetting* setting : naming) check.evidence.push_back(setting->evidence);
  if (is_contradiction) check.fix = fix_parameters(sheet.facts);
}

// What lies in the variable before anybody has hibernated is from an earlier time. Only systemd's initramfs
// clears it: after a resume by another one it stays, and does no harm.
void check_variable(Sheet& sheet) {
  constexpr std::string_view kName = "efi-variable";
  const boot::ResumeSettings& resume = sheet.facts.configuration.resume;
  if (!resume.efi_evidence) return;
  const Advice clear = boot::Remedies::clear_efi_variable();
  Check check{kName, Code::EfiVariable, CheckResult::Warning, "", {*resume.efi_evidence}, {clear}};
  if (!resume.efi) {
    check.text = "the EFI variable HibernateLocation cannot be understood: " + resume.efi_problem;
  } else {
    const boot::Resolved resolved = sheet.facts.configuration.devices.resolve("UUID=" + resume.efi->uuid);
    if (resolved.match == Match::None) {
      check.text = fmt::format(
          "the EFI variable HibernateLocation names {}, which no device here has: boots wait for it",
          resume.efi->uuid);
    } else {
      check.result = CheckResult::Ok;
      check.fix.clear();
      check.text =
          fmt::format("the EFI variable HibernateLocation names {}; it is left from an earlier hibernation",
                      resume.efi->uuid);
    }
  }
  sheet.checks.push_back(std::move(check));
}

}  // namespace

std::vector<Advice> fix_parameters(const PreflightFacts& facts) {
  std::vector<Advice> fix = {facts.change_parameters};
  if (has_own_copy(facts)) fix.push_back(facts.remedies.rebuild());
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
  // Of a system that is not running, devices are not known: an offset means that the area is a file.
  const SwapArea* file = configured_file(sheet.facts);
  if (file != nullptr && place.offset_setting != nullptr) check_offset(sheet, *file, place.offset_setting);
}

}  // namespace hib::diagnose::checks
