// Puts the signature of a consumed hibernation image back, so that a kernel tries the resume once more.
// Checks first that the image and the file systems of its machine are unchanged: resuming over changes ruins
// them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/fs/written_since.h"
#include "lib/image/format.h"
#include "lib/ops/pipeline.h"
#include "lib/ops/verify.h"

namespace hib {

struct RearmRequest {
  std::string image;
  std::string format;  // empty: found by content
  OpenOptions open;
  std::vector<std::string> devices;  // where else the machine's file systems lie, beside the image's own disk
  std::string against;               // a .hib copy of the image, which proves its swapped-out pages
  bool trust_swapped = false;        // take them as they are
  bool write = false;                // otherwise only say what would be done
  unsigned threads = 0;
  ProgressCallback progress;
};

// One condition, and why it holds or does not.
struct RearmCheck {
  std::string name;
  bool ok = false;
  std::string text;
  std::optional<fs::Since> since = {};  // of a file system that was found
};

struct RearmReport {
  std::string image;
  VerifyReport verified;
  std::vector<RearmCheck> checks;
  bool armed_already = false;
  bool written = false;

  bool possible() const;
};

// Could it be done? Of an image that was opened with salvage; nothing is written.
Result<RearmReport> could_be_rearmed(const Formats& formats, const ImageReader& image,
                                     const RearmRequest& request);

// Fails when the image could not be read or the signature not written. Reasons against it are in the report.
Result<RearmReport> rearm(const Formats& formats, const RearmRequest& request);

}  // namespace hib
