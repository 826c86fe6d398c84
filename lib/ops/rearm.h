// Puts the signature of a consumed hibernation image back, when nothing speaks against it: a resume that was
// tried once can then be tried again. A machine whose image or whose file systems changed since would be
// ruined by it.
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

// An error: it could not be looked at, or not written. What speaks against arming is in the report.
Result<RearmReport> rearm(const Formats& formats, const RearmRequest& request);

}  // namespace hib
