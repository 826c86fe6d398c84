// The libFuzzer target of inspect --carve, and of --at with all that it lists.

#include "format/registry.h"
#include "lib/ops/carve.h"
#include "lib/ops/verify.h"
#include "tests/fuzz/input_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string& path = input_file(data, size);
  hib::OpenOptions options;
  options.salvage = true;
  const auto report = hib::carve(hib::formats(), path, options, {});
  if (!report) return 0;
  for (const hib::CarvedImage& found : report->found.images) {
    options.at = found.at;
    const auto image = hib::formats().open(path, "", options);
    if (image) static_cast<void>(hib::verify(**image, 1, {}));
  }
  return 0;
}
