#pragma once

#include "cli/common.h"
#include "lib/jump/preload.h"

namespace hib::cli {

// Adds the verb to the program. What it parses lives in the returned object, whose run() does the work.
class RestoreVerb {
 public:
  void add_to(CLI::App& program, CommonOptions& common);
  int run(const Context& context) const;
  const CLI::App* app() const { return app_; }

 private:
  int jump_back(const Context& context) const;

  CLI::App* app_ = nullptr;
  std::string image_;
  std::string output_;
  std::string as_;
  std::string codec_;
  bool jump_ = false;
  jump::PreloadOptions preload_;  // --jump
  std::vector<std::string> accepted_;
  unsigned wait_seconds_ = 10;
  bool rearm_ = false;
  bool by_extents_ = false;
  bool yes_ = false;
  std::vector<std::string> devices_;
  std::string target_offset_;
  int level_ = 1;
  std::uint32_t chunk_kib_ = 1024;
  bool force_ = false;
};

}  // namespace hib::cli
