// What was found of an image, and what it lacks, in words and codes.
#pragma once

#include "format/swsusp/carve/headerless.h"
#include "lib/image/carve.h"

namespace hib::swsusp {

// Fill in kind, confidence, reasons and missing, and of an image what it says of itself.
void describe(const HeaderlessImage& image, CarvedImage& out);
void describe_uswsusp(const ImageReader& image, CarvedImage& out);
// Map pages that lead to one another, and no beginning.
void describe_remains(const ChainOfFound& chain, CarvedImage& out);
// An info page that no map page names.
void describe_lone_info_page(const InfoPage& info, CarvedImage& out);

}  // namespace hib::swsusp
