// Puts the signature of a consumed hibernation image back, so that a kernel tries the resume once more.
// Checks first that the image and the file systems of its machine are unchanged: resuming over changes ruins
// them.
#pragma once

#include <string>
#include <vector>

#include "lib/image/format.h"
#include "lib/ops/pipeline.h"

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
};

struct RearmReport {
  std::string image;
  std::vector<RearmCheck> checks;
  bool armed_already = false;
  bool written = false;

  bool possible() const;
};

// Fails when the image could not be read or the signature not written. Reasons against it are in the report.
Result<RearmReport> rearm(const Formats& formats, const RearmRequest& request);

}  // namespace hib
