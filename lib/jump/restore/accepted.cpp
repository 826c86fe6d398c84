#include "lib/jump/restore/accepted.h"

#include "lib/device/policy/policy.h"
#include "lib/jump/restore/check.h"
#include "lib/jump/restore/processor.h"

namespace hib::jump {

std::vector<std::string> accepted_tokens() {
  std::vector<std::string> tokens = {std::string(kAcceptHardware), std::string(kAcceptProcessor)};
  for (const std::string& verdict : device::refused_verdicts()) tokens.push_back("=" + verdict);
  return tokens;
}

}  // namespace hib::jump
