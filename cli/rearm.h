#pragma once

#include <string>
#include <vector>

#include "cli/context.h"

namespace hib::cli {

struct RearmOptions {
  std::vector<std::string> devices;
  std::string against;
  bool trust_swapped = false;
  bool yes = false;
};

void add_rearm_options(CLI::App& app, RearmOptions& options);
int run_rearm(const Context& context, const std::string& image, const RearmOptions& options);

}  // namespace hib::cli
