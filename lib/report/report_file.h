// The file that --report writes: it appears whole or not at all, and only its owner may read it.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/os/output.h"

namespace hib::report {

class ReportFile {
 public:
  // Before the work, so that nobody waits for a refusal. A report never goes into a device or a stream, nor
  // over one of the `inputs` or into a folder that is one, nor over anything but a page of HTML, whatever
  // `force` says. No path: nothing is to be
  // written.
  static Result<ReportFile> create(const std::string& path, bool force,
                                   const std::vector<std::string>& inputs);

  Result<void> publish(const std::function<std::string()>& html);
  // The line that says where it is. `masked`: without the folder.
  void print_place(std::ostream& out, bool masked) const;

 private:
  explicit ReportFile(std::unique_ptr<Output> output) : output_(std::move(output)) {}

  std::unique_ptr<Output> output_;
};

}  // namespace hib::report
