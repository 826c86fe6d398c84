#pragma once

#include <optional>

#include "cli/common.h"
#include "cli/jump_target.h"
#include "lib/codec/zstd.h"
#include "lib/jump/arm.h"

namespace hib::cli {

class ArmVerb {
 public:
  void add_to(CLI::App& program, CommonOptions& common);
  int run(const Context& context) const;
  const CLI::App* app() const { return app_; }

 private:
  struct Armed {
    jump::ArmReport kernel;
    std::optional<JumpTarget> target;
  };
  Result<Armed> arm(const Context& context) const;

  CLI::App* app_ = nullptr;
  jump::ArmOptions options_;
  std::string target_;
  bool force_ = false;
  bool verify_ = false;
  bool free_pages_ = false;
  bool standby_ = false;
  bool only_target_drivers_ = false;
  unsigned timeout_ = 120;
  int level_ = -3;  // somebody waits for this image, and it is read once: docs/benchmarks.md
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
