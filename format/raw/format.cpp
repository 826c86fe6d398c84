#include "format/raw/format.h"

#include "format/raw/reader.h"
#include "format/raw/writer.h"

namespace hib::raw {
constinit const Format kFormat = {
    .name = "raw",
    .title = "raw memory",
    .recognise = recognise,
    .open = open,
    .takes_base_address = true,
    .takes_page_size = true,
    .write = make_writer,
    .layout = layout_of,
    .mounted_as = "memory.raw",
    .zeros_for_absent = true,
};

}  // namespace hib::raw
