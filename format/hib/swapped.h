// The swapped-out pages of a .hib image (docs/format/hib.md §11) as an image of their own.
#pragma once

#include <memory>

#include "format/hib/reader.h"

namespace hib::hib_image {

// `image` must outlive it.
std::unique_ptr<ImageReader> make_swapped_pages(const Reader& image);

}  // namespace hib::hib_image
