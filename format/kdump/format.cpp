#include "format/kdump/format.h"

#include "format/kdump/reader.h"
#include "format/kdump/writer.h"

namespace hib::kdump {
namespace {

constexpr std::string_view kDefaultCodec = "lzo";
constexpr std::string_view kCodecs[] = {"none", "zlib", "lzo", "snappy", "zstd"};

Result<std::unique_ptr<PageSink>> write(Output& output, const ImageReader& source,
                                        const WriteOptions& options) {
  TRY(const Codec codec, codec_named(options.codec.empty() ? std::string(kDefaultCodec) : options.codec));
  return make_writer(output, source, codec);
}

}  // namespace

constinit const Format kFormat = {
    .name = "kdump",
    .title = "kdump-compressed dump",
    .recognise = recognise,
    .open = open,
    .may_be_flattened = true,
    .write = write,
    .codecs = kCodecs,
    .default_codec = kDefaultCodec,
    .keeps_notes = true,
};

}  // namespace hib::kdump
