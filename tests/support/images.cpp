#include "tests/support/images.h"

#include <fstream>

#include "lib/image/content_digest.h"
#include "lib/ops/verify.h"

namespace hib::test {

std::vector<std::byte> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const ByteView bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

void write_file(const std::string& path, ByteView bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(out.good());
}

std::vector<std::byte> sample_memory(std::size_t pages, unsigned seed) {
  std::mt19937 generator(seed);
  const auto random = [&] { return static_cast<unsigned>(generator()); };
  std::vector<std::byte> memory(pages * 4096);
  for (std::size_t page = 0; page < pages; ++page) {
    std::byte* bytes = memory.data() + page * 4096;
    const unsigned kind = random() % 6;
    if (kind == 0) continue;  // zero
    if (kind == 1) std::fill_n(bytes, 4096, static_cast<std::byte>(1 + random() % 255));
    if (kind == 2 && page > 0) std::copy_n(memory.data() + random() % page * 4096, 4096, bytes);
    if (kind == 3) {  // text-like
      for (std::size_t i = 0; i < 4096; ++i)
        bytes[i] = static_cast<std::byte>("the quick brown fox "[(i * 7 + page) % 20]);
    }
    if (kind >= 4) {  // noise
      for (std::size_t i = 0; i < 4096; i += 4) {
        const unsigned word = random();
        std::memcpy(bytes + i, &word, 4);
      }
    }
  }
  return memory;
}

hib_image::WriterStatistics pack(const std::string& raw_path, const std::string& hib_path,
                                 const PackOptions& options) {
  OpenOptions open;
  open.base_address = options.base_address;
  const auto source = must(open_image(raw_path, "raw", open));
  std::unique_ptr<ImageReader> base;
  hib_image::WriterOptions writer_options;
  writer_options.chunk_pages = options.chunk_pages;
  if (!options.base.empty()) {
    base = open_or_fail(options.base);
    writer_options.base = base.get();
    writer_options.base_root = *base->root_hash();
    writer_options.base_name = std::filesystem::path(options.base).filename().string();
  }
  auto output = must(Output::create(hib_path, options.force));
  const auto sink = hib_image::make_writer(*output, *source, options.records, writer_options);
  PipelineOptions pipeline;
  pipeline.threads = options.threads;
  must(run_pipeline(*source, sink.get(), pipeline));
  return sink->statistics();
}

std::unique_ptr<ImageReader> open_or_fail(const std::string& path, bool salvage, const std::string& format) {
  OpenOptions options;
  options.salvage = salvage;
  return must(open_image(path, format, options));
}

PipelineResult read_all(const ImageReader& image, PipelineOptions options) {
  options.salvage = true;
  return must(run_pipeline(image, nullptr, options));
}

std::string digest_of(const ImageReader& image) {
  return ContentDigest::text(read_all(image).content_digest);
}

std::string digest_of(const std::string& path, const std::string& format) {
  return ContentDigest::text(
      must(run_pipeline(*open_or_fail(path, false, format), nullptr, {})).content_digest);
}

bool is_damaged(const std::string& path) {
  OpenOptions options;
  options.salvage = true;
  const auto image = open_image(path, "hib", options);
  if (!image) return true;
  const auto report = verify(**image, 1, {});
  return !report || report->verdict == Verdict::Damaged;
}

}  // namespace hib::test
