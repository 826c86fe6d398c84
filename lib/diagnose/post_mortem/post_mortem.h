// Why did it not resume? Joins the disk, what the boots said, and the machine to one verdict, with all else
// that stood in the way, and what was looked at and is not the cause. Nothing is written.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/device/device.h"
#include "lib/diagnose/boot/machine_files.h"
#include "lib/diagnose/cause.h"
#include "lib/diagnose/log/log.h"
#include "lib/diagnose/log/map_changes.h"
#include "lib/diagnose/post_mortem/disk.h"
#include "lib/diagnose/post_mortem/session.h"
#include "lib/diagnose/post_mortem/timeline.h"
#include "lib/image/format.h"

namespace hib::diagnose {

struct PostMortemRequest {
  std::string image;   // empty: wherever the machine could have written one
  std::string format;  // empty: found by content
  OpenOptions open;
  std::vector<std::string> devices;           // disks with file systems that the machine had mounted
  std::vector<std::string> logs;              // files, the oldest boot first
  std::optional<std::string> journal;         // a folder; empty text: this machine's
  std::optional<boot::MachineFiles> machine;  // nothing: no machine is looked at
  bool with_details = false;                  // devices of image and machine, and the map of the image
  unsigned threads = 0;
  ProgressCallback progress;
};

struct PostMortem {
  Session session;
  Cause verdict;
  std::vector<Cause> others;
  std::vector<Exonerated> exonerated;
  std::vector<TimelineEntry> timeline;
  std::vector<Disk> disks;                   // all that were looked at
  std::vector<std::string> not_checked;      // what could not be read, a line each
  std::optional<device::DeviceSet> devices;  // of the machine that was looked at
  std::vector<RegionChange> map_changes;     // of the firmware's memory map, since the image was saved
  std::vector<std::string> hosts;            // that the logs say they are of; to be hidden, not shown
  bool is_masked = false;                    // names and ids are pseudonyms

  bool is_failure() const;  // of a resume, whatever else was found
};

// The files and folders that it names.
std::vector<std::string> inputs_of(const PostMortemRequest& request);

// Fails only when nothing at all could be looked at.
Result<PostMortem> post_mortem(const Formats& formats, const PostMortemRequest& request);

}  // namespace hib::diagnose
