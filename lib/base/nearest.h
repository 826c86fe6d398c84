// "did you mean": the word of a list that is nearest to a mistyped one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hib {

// The word that is meant, or that begins with what is meant: "--agaisnt" means "--against-running". Empty
// when none is near enough.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace hib
