#include "format/raw/format.h"

#include "format/raw/reader.h"
#include "format/raw/writer.h"

namespace hib::raw {
namespace {

Result<std::unique_ptr<PageSink>> write(Output& output, const ImageReader& source, const WriteOptions&) {
  return make_writer(output, source);
}

}  // namespace

constinit const Format kFormat = {
    .name = "raw",
    .title = "raw memory",
    .recognise = recognise,
    .open = open,
    .takes_base_address = true,
    .write = write,
    .zeros_for_absent = true,
};

}  // namespace hib::raw
