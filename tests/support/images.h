// Images for tests: small memories with every kind of page, packed by the real writers through the real
// pipeline.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "format/hib/reader.h"
#include "format/hib/writer.h"
#include "format/registry.h"
#include "lib/ops/pipeline.h"
#include "tests/support/catch.h"

namespace hib::test {

inline Result<std::unique_ptr<ImageReader>> open_image(const std::string& path, const std::string& format,
                                                       const OpenOptions& options) {
  return formats().open(path, format, options);
}

// A folder that is gone at the end of the test.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hibtest-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::vector<std::byte> read_file(const std::string& path);
void write_file(const std::string& path, ByteView bytes);

// The value, or a failed test that shows the error.
template <typename T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().line());
  return std::move(*result);
}
inline void must(Result<void> result) {
  if (!result) FAIL(result.error().line());
}

// `pages` pages, seeded: zero pages, pages of one byte, repeated pages, text-like pages and noise.
std::vector<std::byte> sample_memory(std::size_t pages, unsigned seed);

struct PackOptions {
  std::uint32_t chunk_pages = 4;
  unsigned threads = 2;
  std::vector<Record> records;
  std::string base;  // path of a .hib
  bool force = false;
  std::optional<std::uint64_t> base_address;  // of the first page
};

// Packs raw memory into `hib_path`.
hib_image::WriterStatistics pack(const std::string& raw_path, const std::string& hib_path,
                                 const PackOptions& options = {});

std::unique_ptr<ImageReader> open_or_fail(const std::string& path, bool salvage = false,
                                          const std::string& format = "");

// All pages are read; what is broken is in the result.
PipelineResult read_all(const ImageReader& image, PipelineOptions options = {});

// The content digest of what can be read, computed from the pages.
std::string digest_of(const ImageReader& image);
// Of an image that is whole.
std::string digest_of(const std::string& path, const std::string& format = "");

// Opens and verifies. An image that cannot be opened counts as damaged.
bool is_damaged(const std::string& path);

}  // namespace hib::test
