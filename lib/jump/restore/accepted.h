// What --accept takes.
#pragma once

#include <string>
#include <vector>

namespace hib::jump {

// Tokens as a refusal spells them: "processor=other". "=absent" stands for that verdict on any device.
std::vector<std::string> accepted_tokens();

}  // namespace hib::jump
