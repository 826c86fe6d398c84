// The limit that create is measured against: compressing just the distinct data pages of an image with all
// processors, same level and chunk size, from memory to nowhere. Prints the seconds and the bytes.
//   bench_limit IMAGE LEVEL CHUNK_KIB THREADS

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <unordered_set>

#include "format/registry.h"
#include "lib/codec/zstd.h"
#include "lib/ops/pipeline.h"

int main(int argc, char** argv) {
  if (argc != 5) return 64;
  const auto image = hib::formats().open(argv[1], "", {});
  if (!image) return 2;
  const std::size_t chunk = std::strtoul(argv[3], nullptr, 10) * 1024;
  std::vector<std::byte> pages;
  pages.reserve((*image)->info().pages.data * 4096);
  std::unordered_set<std::uint64_t> seen;
  hib::PipelineOptions options;
  options.inspect = [&](const hib::PageBatch& batch) -> hib::Result<void> {
    for (const auto& item : batch.items) {
      if (item.run.state == hib::PageState::Data && seen.insert(item.hash.low).second)
        pages.insert(pages.end(), item.bytes, item.bytes + 4096);
    }
    return {};
  };
  if (!hib::run_pipeline(**image, nullptr, options)) return 2;

  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> total{0};
  const auto work = [&] {
    hib::ZstdCompressor compressor(std::atoi(argv[2]));
    std::vector<std::byte> out(hib::ZstdCompressor::bound(chunk));
    for (std::size_t at = next.fetch_add(chunk); at < pages.size(); at = next.fetch_add(chunk)) {
      total += compressor.compress(hib::ByteView(pages).subspan(at, std::min(chunk, pages.size() - at)), out);
    }
  };
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < std::atoi(argv[4]); ++i) threads.emplace_back(work);
  for (auto& thread : threads) thread.join();
  std::printf("%.4f %zu\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
              total.load());
}
