// Verbs that take a list of images: files, and folders full of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/context.h"

namespace hib::cli {

// The operands name more than one image, or a folder.
bool is_list(const std::vector<std::string>& operands);

// Calls `look` for each image that the operands name, with the number of its operand; it returns an exit
// code. An error is reported, and the work goes on with the next one. In a folder, files that no format
// recognises are passed over. The worst code counts: what could not be read is worse than what could in part.
using LookAtImage = std::function<Result<int>(const std::string& path, std::size_t operand)>;
int for_each_image(const Context& context, const std::vector<std::string>& operands, const LookAtImage& look);

}  // namespace hib::cli
