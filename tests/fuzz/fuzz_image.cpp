// One libFuzzer target for each reader, all through the door of the command line: open, map, verify.
// HIB_FUZZ_FORMAT names the reader; without it the file is recognised by its content.

#include "format/registry.h"
#include "lib/memory/kernel_log.h"
#include "lib/ops/inspect.h"
#include "lib/ops/verify.h"
#include "tests/fuzz/input_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string& path = input_file(data, size);
  hib::OpenOptions options;
  options.salvage = true;
  const auto image = hib::formats().open(path, HIB_FUZZ_FORMAT, options);
  if (!image) return 0;
  constexpr std::uint64_t kEnough =
      1 << 20;  // a page count that a hostile file may claim, but that only costs time
  if ((*image)->info().end_pfn > kEnough) return 0;
  static_cast<void>(hib::inspect(**image, {true, true}));
  static_cast<void>(hib::memory::kernel_log(**image));
  static_cast<void>(hib::verify(**image, 1, {}));
  return 0;
}
