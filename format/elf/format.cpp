#include "format/elf/format.h"

#include "format/elf/reader.h"
#include "format/elf/writer.h"

namespace hib::elf {
namespace {

Result<std::unique_ptr<PageSink>> write(Output& output, const ImageReader& source, const WriteOptions&) {
  return make_writer(output, source);
}

}  // namespace

constinit const Format kFormat = {
    .name = "elf",
    .title = "ELF vmcore",
    .recognise = recognise,
    .open = open,
    .write = write,
};

}  // namespace hib::elf
