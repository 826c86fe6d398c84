#pragma once

#include "cli/common.h"

namespace hib::cli {

// Adds the verb to the program. What it parses lives in the returned object, whose run() does the work.
class CreateVerb {
 public:
  void add_to(CLI::App& program, CommonOptions& common);
  int run(const Context& context) const;
  const CLI::App* app() const { return app_; }

 private:
  CLI::App* app_ = nullptr;
  std::string source_;
  std::string output_;
  std::string base_;
  std::string records_;
  int level_ = 1;
  std::uint32_t chunk_kib_ = 1024;
  bool force_ = false;
  bool probe_ = false;
};

}  // namespace hib::cli
