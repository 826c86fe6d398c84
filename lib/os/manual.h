// The manual pages of this program: those beside it, in the folder that it was built in or installed to.
#pragma once

#include <string>

namespace hib {

// Shows a page of section 1 through man(1). False: there is no such page or no man, and nothing was shown.
bool show_manual(const std::string& page);

}  // namespace hib
