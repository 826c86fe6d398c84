// One libFuzzer target for each reader, all through the door of the command line: open, map, verify.
// HIB_FUZZ_FORMAT names the reader; without it the file is recognised by its content.

#include <cstdio>
#include <cstdlib>
#include <string>

#include <unistd.h>

#include "format/registry.h"
#include "lib/ops/inspect.h"
#include "lib/ops/verify.h"

namespace {

// Readers take files, so the input becomes one: a single file, rewritten for each input.
std::string input_path() {
  const char* folder = std::getenv("TMPDIR");
  std::string path = std::string(folder != nullptr ? folder : "/tmp") + "/hibfuzz-XXXXXX";
  const int fd = ::mkstemp(path.data());
  if (fd < 0) std::abort();
  ::close(fd);
  static std::string kept;
  kept = path;
  std::atexit([] { ::unlink(kept.c_str()); });
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path = input_path();
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) std::abort();
  std::fwrite(data, 1, size, file);
  std::fclose(file);
  hib::OpenOptions options;
  options.salvage = true;
  const auto image = hib::formats().open(path, HIB_FUZZ_FORMAT, options);
  if (!image) return 0;
  constexpr std::uint64_t kEnough =
      1 << 20;  // a page count that a hostile file may claim, but that only costs time
  if ((*image)->info().end_pfn > kEnough) return 0;
  static_cast<void>(hib::inspect(**image, {true, true}));
  static_cast<void>(hib::verify(**image, 1, {}));
  return 0;
}
