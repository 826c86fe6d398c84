// Something that was recognised but holds no pages that could be read: a swap area without an image,
// TuxOnIce.
#pragma once

#include "lib/image/reader.h"

namespace hib::swsusp {

// inspect shows `info`; everything that needs pages fails with `why_not`.
// Where `info` says that the pages are not known, they are not listed as none either.
std::unique_ptr<ImageReader> make_empty_reader(ImageInfo info, RangeMap map, Error why_not);

}  // namespace hib::swsusp
