#pragma once

#include "cli/common.h"
#include "lib/jump/arm.h"

namespace hib::cli {

class ArmVerb {
 public:
  void add_to(CLI::App& program, CommonOptions& common);
  int run(const Context& context) const;
  const CLI::App* app() const { return app_; }

 private:
  Result<jump::ArmReport> arm() const;

  CLI::App* app_ = nullptr;
  jump::ArmOptions options_;
  std::string target_;
  bool force_ = false;
};

class DisarmVerb {
 public:
  void add_to(CLI::App& program, CommonOptions& common);
  int run(const Context& context) const;
  const CLI::App* app() const { return app_; }

 private:
  CLI::App* app_ = nullptr;
};

}  // namespace hib::cli
