// What reading a compressed hibernation image is measured against: decoding its chunks with all processors,
// from memory to nowhere, by the library alone. Prints the seconds and the bytes.
//   bench_swsusp_limit DISK THREADS

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "format/swsusp/locate.h"
#include "format/swsusp/swap_stream.h"
#include "lib/codec/lz4.h"
#include "lib/codec/lzo.h"

using namespace hib;

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  auto file = File::open(argv[1]);
  if (!file) return 2;
  const auto found = swsusp::locate(*file, {});
  if (!found) return 2;
  const auto stream = swsusp::SwapStream::open(found->space, found->header, found->header_block);
  if (!stream || !(*stream)->is_compressed()) return 2;
  const bool lz4 = std::string_view(found->header.codec()) == "lz4";
  const std::uint32_t page = found->header.page_size;
  const auto& blocks = (*stream)->chain().blocks;
  std::vector<std::vector<std::byte>> chunks;
  for (std::uint64_t entry = 1; entry < blocks.size();) {  // entry 0 is the info page
    std::vector<std::byte> first(page);
    if (!found->space.read(blocks.at(entry), first)) return 2;
    le64 size;
    std::memcpy(&size, first.data(), sizeof(size));
    std::vector<std::byte> chunk(round_up(sizeof(size) + size, page));
    for (std::size_t at = 0; at < chunk.size(); at += page) {
      if (!found->space.read(blocks.at(entry++), MutableBytes(chunk).subspan(at, page))) return 2;
    }
    chunk.erase(chunk.begin(), chunk.begin() + sizeof(size));
    chunk.resize(size);
    chunks.push_back(std::move(chunk));
  }
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    std::vector<std::byte> out(std::size_t{swsusp::kChunkPages} * page);
    for (std::size_t i = next++; i < chunks.size(); i = next++) {
      const MutableBytes pages = MutableBytes(out).first((*stream)->chunk(i).page_count * page);
      if (!(lz4 ? lz4_decompress(chunks[i], pages) : lzo_decompress(chunks[i], pages))) std::abort();
    }
  };
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < std::atoi(argv[2]); ++i) threads.emplace_back(work);
  for (auto& thread : threads) thread.join();
  std::printf("%.4f %llu\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
              static_cast<unsigned long long>(((*stream)->page_count() - 1) * page));
}
