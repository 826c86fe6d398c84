#pragma once

#include "cli/common.h"

namespace hib::cli {

// Adds the verb to the program. What it parses lives in the returned object, whose run() does the work.
class InspectVerb {
 public:
  void add_to(CLI::App& program, CommonOptions& common);
  int run(const Context& context) const;
  const CLI::App* app() const { return app_; }

 private:
  int show_page(const Context& context, const ImageReader& image) const;

  CLI::App* app_ = nullptr;
  std::string image_;
  bool pages_ = false;
  bool map_ = false;
  bool records_ = false;
  bool devices_ = false;
  bool raw_ = false;
  std::string page_;
};

}  // namespace hib::cli
