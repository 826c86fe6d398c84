#pragma once

#include "cli/common.h"

namespace hib::cli {

class HibernateVerb {
 public:
  void add_to(CLI::App& program, CommonOptions& common);
  int run(const Context& context) const;
  const CLI::App* app() const { return app_; }

 private:
  CLI::App* app_ = nullptr;
  bool rehearse_ = false;
  bool return_ = false;
};

}  // namespace hib::cli
