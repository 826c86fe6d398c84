// What create and restore share.
#pragma once

#include <string>

#include "cli/context.h"
#include "lib/ops/convert.h"

namespace hib::cli {

// --level and --chunk-size; `prefix` stands before their help.
void add_hib_options(CLI::App& app, WriteOptions& options, const std::string& prefix);

// Completes the request with the options that verbs share, converts, prints, and returns the exit code.
int run_conversion(const Context& context, const std::string& verb, ConvertRequest request);

}  // namespace hib::cli
