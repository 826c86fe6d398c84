#pragma once

#include "cli/common.h"
#include "cli/diff_side.h"
#include "lib/ops/diff.h"

namespace hib::cli {

// Adds the verb to the program. What it parses lives in the returned object, whose run() does the work.
class DiffVerb {
 public:
  void add_to(CLI::App& program, CommonOptions& common);
  int run(const Context& context) const;
  const CLI::App* app() const { return app_; }

 private:
  Result<DiffSide> second_side(const Context& context) const;

  CLI::App* app_ = nullptr;
  std::string a_;
  std::string b_;
  bool against_running_ = false;
  std::string root_;
};

}  // namespace hib::cli
