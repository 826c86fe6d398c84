// How an image is compressed, when the header that says so is gone.
#pragma once

#include <optional>

#include "format/swsusp/info_page.h"
#include "format/swsusp/map_chain.h"
#include "format/swsusp/swap_stream.h"

namespace hib::swsusp {

// By the first block that is a PFN page as it stands, or that begins a chunk. Nothing where no block is
// either.
std::optional<Codec> find_codec(const BlockSpace& space, const BlockList& blocks, const InfoPage& info);

}  // namespace hib::swsusp
