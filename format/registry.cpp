#include "format/registry.h"

#include "format/avml/format.h"
#include "format/elf/format.h"
#include "format/hib/format.h"
#include "format/kdump/format.h"
#include "format/lime/format.h"
#include "format/raw/format.h"
#include "format/swsusp/format.h"

namespace hib {
namespace {

// In the order of trying: a strong magic first, raw memory, which has none, last.
constexpr const Format* kRows[] = {
    &hib_image::kFormat,  &kdump::kFormat,          &elf::kFormat, &lime::kFormat, &avml::kFormat,
    &swsusp::kSwapFormat, &swsusp::kSnapshotFormat, &raw::kFormat,
};

}  // namespace

const Formats& formats() {
  static constexpr Formats table(kRows);
  return table;
}

}  // namespace hib
