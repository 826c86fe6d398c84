// --report and --force, of the verbs that can write a page of HTML.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/context.h"
#include "lib/report/report_file.h"

namespace hib::cli {

class ReportOption {
 public:
  void add_to(CLI::App& verb);
  bool is_given() const { return !path_.empty(); }
  const std::string& path() const { return path_; }
  // Opened before the work, so that nobody waits for a refusal. Never one of the `inputs`.
  Result<report::ReportFile> open(const Context& context, std::vector<std::string> inputs) const;

 private:
  CLI::App* verb_ = nullptr;
  std::string path_;
  bool force_ = false;
};

}  // namespace hib::cli
