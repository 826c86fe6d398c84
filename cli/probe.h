#pragma once

#include "cli/common.h"

namespace hib::cli {

class ProbeVerb {
 public:
  void add_to(CLI::App& program, CommonOptions& common);
  int run(const Context& context) const;
  const CLI::App* app() const { return app_; }

 private:
  CLI::App* app_ = nullptr;
  std::string root_;
  std::string capture_;
  std::string output_;
  bool force_ = false;
  bool numeric_ = false;
};

}  // namespace hib::cli
