#pragma once

#include <string>
#include <vector>

#include "cli/context.h"
#include "lib/jump/boot/preload.h"

namespace hib::cli {

struct ResumeOptions {
  jump::PreloadOptions preload;
  std::vector<std::string> accepted;
  unsigned wait_seconds = 10;
};

void add_resume_options(CLI::App& app, ResumeOptions& options);

// Does not return when it succeeds.
int run_resume(const Context& context, const std::string& device, const ResumeOptions& options, bool force);

}  // namespace hib::cli
