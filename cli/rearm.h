// restore --rearm: puts the signature of a consumed hibernation image back, when nothing speaks against it.
#pragma once

#include <string>
#include <vector>

#include "cli/common.h"

namespace hib::cli {

struct RearmRequest {
  std::string image;
  std::vector<std::string> devices;  // where else the machine's file systems lie
  bool write = false;                // otherwise only say what would be done
};

int rearm(const Context& context, const RearmRequest& request);

}  // namespace hib::cli
