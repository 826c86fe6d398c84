#include "format/avml/format.h"

#include "format/avml/reader.h"
#include "format/avml/writer.h"

namespace hib::avml {
constinit const Format kFormat = {
    .name = "avml",
    .title = "AVML dump",
    .recognise = recognise,
    .open = open,
    .takes_page_size = true,
    .write = make_writer,
};

}  // namespace hib::avml
