// Would this machine hibernate, and come back? Judges how it is set up, without trying.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/diagnose/boot/machine_files.h"
#include "lib/diagnose/cause.h"
#include "lib/diagnose/preflight/facts.h"
#include "lib/diagnose/preflight/image_estimate.h"

namespace hib::diagnose {

enum class CheckResult : std::uint8_t { Ok, Warning, WouldFail, Unknown };
std::string_view name_of(CheckResult result);  // "would-fail", as in documents

// One thing that was looked at.
struct Check {
  std::string_view name;      // stable, for scripts: "resume-offset"
  Code code = Code::Unknown;  // the cause that it would be
  CheckResult result = CheckResult::Unknown;
  std::string text;  // one sentence; names in it are as the machine has them, so hostile
  std::vector<Evidence> evidence;
  std::vector<Advice> fix;  // none where all is well, or nothing can be done
};

// Room for the image: what it takes, and who asks for how much.
struct SpaceReport {
  ImageEstimate estimate;
  std::optional<MemorySample> sample;
  std::string why_no_sample;                // empty where there is one, or none was to be taken
  std::optional<std::uint64_t> free_bytes;  // of the area that the image would go to
  std::uint64_t active_anonymous = 0;       // what logind compares with it; 0 where that is not known
};

struct PreflightReport {
  std::vector<Check> checks;           // in the order of what happens: saving first
  std::vector<boot::Unread> not_read;  // what could not be read, and why
  bool is_masked = false;              // names and ids are pseudonyms
  std::optional<SpaceReport> space;    // nothing where not even /proc/meminfo could be read
  bool would_fail() const;
  bool is_failure() const { return would_fail(); }
};

struct PreflightRequest {
  boot::MachineFiles files;
  // Of earlier boots, for the firmware's memory map. Without any the journal of the machine is read.
  std::vector<std::string> logs;                         // files, the oldest boot first
  std::optional<std::string> journal;                    // a folder; empty text: this machine's
  std::vector<std::vector<MemoryMapEntry>> memory_maps;  // the oldest first
};
// What it names.
std::vector<std::string> inputs_of(const PreflightRequest& request);

// `formats` reads the memory of this machine.
Result<PreflightReport> preflight(const Formats& formats, const PreflightRequest& request);

// The judgement alone.
PreflightReport judge(const PreflightFacts& facts);

}  // namespace hib::diagnose
