// Rules: what disk, logs and machine say, as causes. Each rule looks at one thing; what they find is put in
// order afterwards.
#pragma once

#include <vector>

#include "lib/device/device.h"
#include "lib/diagnose/cause.h"
#include "lib/diagnose/log/log.h"
#include "lib/diagnose/post_mortem/disk.h"
#include "lib/diagnose/post_mortem/story.h"
#include "lib/diagnose/preflight/facts.h"

namespace hib::diagnose {

struct Case {
  const Disk* disk = nullptr;  // the one with most of a session; null: none was looked at
  const Story& story;
  const LogSet& logs;
  const PreflightFacts* setup = nullptr;  // how the machine is set up; null: no machine was looked at
  // Of the boot that hibernated, and of the machine that is to resume; empty: not known.
  const std::vector<MemoryMapEntry>& map_before;
  const std::vector<MemoryMapEntry>& map_here;
  const device::DeviceSet* devices = nullptr;  // of the machine, or of the image; null: not known
  bool is_all_seen = false;  // the machine is this one, and each place where an image may lie could be read
};

struct Findings {
  std::vector<Cause> causes;  // in the order of how much they explain
  std::vector<Exonerated> exonerated;
  std::vector<std::string> not_checked;
  std::vector<Cause> hints;  // of checks that only warn: advice for a cause that has nothing to type
};

void judge_resume(const Case& facts, Findings& findings);  // the boot that was to resume, by its log
void judge_command_lines(const Case& facts,
                         Findings& findings);               // of the boot that hibernated and the next one
void judge_saving(const Case& facts, Findings& findings);   // the boot that hibernated, by its log
void judge_setup(const Case& facts, Findings& findings);    // how the machine is set up to resume
void judge_machine(const Case& facts, Findings& findings);  // what the kernel here would say to the image
void judge_disk(const Case& facts, Findings& findings);     // the image itself

// Parts of judge_resume().
class Attempt;
void judge_place(const Case& facts, const Attempt& attempt, Findings& findings);
void judge_moved(const Case& facts, Findings& findings);        // the disk that was hibernated to
void judge_every_entry(const Case& facts, Findings& findings);  // several boots that tried, and hung
void judge_later_boots(const Case& facts, Findings& findings);
void judge_locked(const Case& facts, const BootLog& boot, Findings& findings);  // encrypted swap

// What a boot waited for in vain.
std::string awaited_device(const LogEvent& timed_out, const BootLog& boot);
bool is_mapped(std::string_view device);

// How the boot ended, how the kernel in the image ended, and what the clock kept of a hang.
void add_last_words(const Case& facts, const BootLog& boot, Cause& cause);

// A kernel that is locked down, or was told nohibernate, neither saves nor resumes. True where one of these
// holds.
bool judge_kernel_that_refuses(const Case& facts, const BootLog& boot, Findings& findings);

// After the image was made; null where the logs tell of none.
const BootLog* boot_that_mounted(const Case& facts);

// "TEXT, then put the signature back" and the command, where the disk does not speak against it.
Advice advise_rearm(const Case& facts, std::string text);

// What is to be edited and typed on the machine; in words alone where no machine was looked at.
const boot::Remedies& remedies_of(const Case& facts);
// Lets the next boot look where the image lies.
std::vector<Advice> advise_place(const Case& facts);
Advice advise_preflight(std::string text);
// Where no rule knows what kept the boot from resuming.
Advice advise_looking(const Case& facts);
// Lets the next boot take the kernel that the image is of.
Advice advise_kernel(const Case& facts);
// Lets the initramfs be without the driver of a cause that has one.
std::vector<Advice> advise_without(const Case& facts, const std::string& driver);
// Lets the machine hibernate without that driver.
void advise_unloading(const std::string& driver, Cause& cause);
void append(std::vector<Advice>& all, std::vector<Advice> more);

// What the machine that came back said of its devices, between these events.
void judge_waking(const BootLog& boot, std::size_t first, std::size_t end, Findings& findings);

// The regions that differ, where both maps are known, and how often the map changes from boot to boot. Where
// the machine has more or less memory, that is the cause.
void add_region_changes(const Case& facts, Cause& cause);

}  // namespace hib::diagnose
