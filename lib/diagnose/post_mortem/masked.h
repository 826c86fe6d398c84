// A post-mortem that can go into a bug ticket: what tells who and which machine it is of stands there under
// pseudonyms.
#pragma once

#include <string>
#include <vector>

#include "lib/diagnose/post_mortem/post_mortem.h"

namespace hib::diagnose {

// All texts of the report. `request` is what it was made of.
PostMortem masked(PostMortem report, const PostMortemRequest& request);
// `others`: further paths of the command.
Error masked(Error error, const PostMortemRequest& request, const std::vector<std::string>& others = {});

}  // namespace hib::diagnose
