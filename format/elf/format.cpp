#include "format/elf/format.h"

#include "format/elf/reader.h"
#include "format/elf/writer.h"

namespace hib::elf {
constinit const Format kFormat = {
    .name = "elf",
    .title = "ELF vmcore",
    .recognise = recognise,
    .open = open,
    .may_be_flattened = true,
    .write = make_writer,
    .layout = layout_of,
    .mounted_as = "vmcore",
    .keeps_notes = true,
};

}  // namespace hib::elf
