#pragma once

#include "cli/common.h"

namespace hib::cli {

// Adds the verb to the program. What it parses lives in the returned object, whose run() does the work.
class VerifyVerb {
 public:
  void add_to(CLI::App& program, CommonOptions& common);
  int run(const Context& context) const;
  const CLI::App* app() const { return app_; }

 private:
  Result<std::vector<Layer>> acceptance_layers(const ImageReader& image) const;
  int verify_one(const Context& context, const std::string& path, std::size_t position, bool& first) const;

  CLI::App* app_ = nullptr;
  std::vector<std::string> images_;
  bool against_running_ = false;
  std::string root_;
};

}  // namespace hib::cli
