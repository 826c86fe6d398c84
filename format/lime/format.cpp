#include "format/lime/format.h"

#include "format/lime/reader.h"
#include "format/lime/writer.h"

namespace hib::lime {
namespace {

Result<std::unique_ptr<PageSink>> write(Output& output, const ImageReader& source, const WriteOptions&) {
  return make_writer(output, source);
}

}  // namespace

constinit const Format kFormat = {
    .name = "lime",
    .title = "LiME dump",
    .recognise = recognise,
    .open = open,
    .write = write,
};

}  // namespace hib::lime
