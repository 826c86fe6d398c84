// The binary form of lists of modules that depmod writes (modules.builtin.bin) and libkmod reads: a trie
// whose keys are the names. mkinitcpio leaves the lists of text out.
#pragma once

#include <set>
#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib::diagnose::boot {

// The names in it: "lzo", with _ for -. Fails where `index` is none, or is damaged.
Result<std::set<std::string>> module_index_names(ByteView index);

}  // namespace hib::diagnose::boot
