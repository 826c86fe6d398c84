#include "format/lime/format.h"

#include "format/lime/reader.h"
#include "format/lime/writer.h"

namespace hib::lime {
constinit const Format kFormat = {
    .name = "lime",
    .title = "LiME dump",
    .recognise = recognise,
    .open = open,
    .takes_page_size = true,
    .write = make_writer,
    .layout = layout_of,
};

}  // namespace hib::lime
