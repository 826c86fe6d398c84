#include "lib/diagnose/preflight/memory_sample.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <numeric>

#include <fmt/format.h>

#include "lib/base/bytes.h"
#include "lib/codec/lz4.h"
#include "lib/codec/lzo.h"
#include "lib/os/fd.h"

namespace hib::diagnose {
namespace {

constexpr std::uint64_t kMostSampledBytes = 64U << 20;
constexpr std::uint64_t kMostUnits = 512;
constexpr std::uint64_t kMostFlags = 1U << 21;
constexpr std::uint64_t kFlagBlock = 512;    // pages whose flags are read at once: neighbours are alike
constexpr std::size_t kMostRuns = 1U << 16;  // of System RAM; a machine has some ten
constexpr std::uint64_t kLengthField = 8;    // before the bytes of a unit: size_t

// include/uapi/linux/kernel-page-flags.h: free, poisoned, no page at all, offline.
constexpr std::uint64_t kNotSaved = 1U << 10 | 1U << 19 | 1U << 20 | 1U << 23;

// /proc/kpageflags: 64 bits for each page frame.
class PageFlags {
 public:
  static Result<PageFlags> open(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail(system_error("open", errno).of(path));
    return PageFlags(std::move(fd), path);
  }

  // Fills `out`; pages behind the end have no flags, and are not there.
  Result<void> read(Pfn first, std::vector<std::uint64_t>& out) const {
    const std::size_t wanted = out.size() * sizeof(std::uint64_t);
    std::size_t done = 0;
    while (done < wanted) {
      const ssize_t got = ::pread(fd_.get(), reinterpret_cast<char*>(out.data()) + done, wanted - done,
                                  static_cast<off_t>(first * sizeof(std::uint64_t) + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail(system_error("pread", errno).of(path_).at(first * sizeof(std::uint64_t)));
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(done / sizeof(std::uint64_t)), out.end(), kNotSaved);
    return {};
  }

 private:
  PageFlags(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Fd fd_;
  std::string path_;
};

Result<std::vector<PageRun>> system_ram_of(const ImageReader& image) {
  TRY(const auto source, image.runs());
  std::vector<PageRun> runs;
  for (;;) {
    TRY(const auto run, source->next());
    if (!run) return runs;
    if (!run->is_present()) continue;
    if (runs.size() == kMostRuns)
      return fail(make_error(ErrorKind::Limit, "System RAM", "more than 65536 ranges").of(image.info().path));
    runs.push_back(*run);
  }
}

struct SavedPages {
  std::vector<Pfn> seen;    // of the blocks that were looked at, ascending
  std::uint64_t count = 0;  // of all memory
};

// Every n-th block, so many that their flags stay below the limit.
Result<SavedPages> find_saved_pages(const std::vector<PageRun>& ram, const PageFlags& flags) {
  const std::uint64_t total =
      std::accumulate(ram.begin(), ram.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const PageRun& run) { return sum + run.count; });
  const std::uint64_t step = std::max<std::uint64_t>(1, (total + kMostFlags - 1) / kMostFlags);
  SavedPages pages;
  std::vector<std::uint64_t> block;
  std::uint64_t looked_at = 0;
  std::uint64_t left_out = step / 2;  // blocks before the next one
  for (const PageRun& run : ram) {
    const std::uint64_t blocks = (run.count + kFlagBlock - 1) / kFlagBlock;
    std::uint64_t number = left_out;
    for (; number < blocks; number += step) {
      const std::uint64_t at = number * kFlagBlock;
      block.resize(std::min(kFlagBlock, run.count - at));
      TRY_OK(flags.read(run.first + at, block));
      looked_at += block.size();
      for (std::size_t i = 0; i < block.size(); ++i) {
        if ((block[i] & kNotSaved) == 0) pages.seen.push_back(run.first + at + i);
      }
    }
    left_out = number - blocks;
  }
  if (looked_at != 0)
    pages.count = static_cast<std::uint64_t>(static_cast<double>(pages.seen.size()) *
                                             (static_cast<double>(total) / static_cast<double>(looked_at)));
  return pages;
}

// The sum of "count:" of all "pagesets"; 0 where that is not known.
std::uint64_t pages_at_hand(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t sum = 0;
  std::string word;
  while (file >> word) {
    std::uint64_t count = 0;
    if (word == "count:" && file >> count) sum += count;
  }
  return sum;
}

// Takes units of pages apart from one another in memory that is used again, and is wiped in the end.
class Compressor {
 public:
  Compressor(const ImageReader& image, const SampleRequest& request)
      : image_(image),
        page_bytes_(image.info().page_size),
        is_lz4_(request.codec == "lz4"),
        keeps_zero_(request.stores_zero_pages),
        unit_(page_bytes_ * kUnitPages),
        out_(std::max(LzoCompressor::bound(unit_.size()), lz4_bound(unit_.size()))) {}
  ~Compressor() {
    ::explicit_bzero(unit_.data(), unit_.size());
    ::explicit_bzero(out_.data(), out_.size());
  }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  // What these pages take on the disk. NoPage where none of them can be read.
  Result<std::uint64_t> disk_bytes(const Pfn* pages) {
    std::size_t filled = 0;
    std::uint64_t read = 0;
    for (std::uint64_t i = 0; i < kUnitPages; ++i) {
      const MutableBytes page = MutableBytes(unit_).subspan(filled, page_bytes_);
      if (!image_.read_page(pages[i], page)) continue;  // it has gone offline meanwhile
      ++read;
      if (keeps_zero_ || !all_zero(page)) filled += page_bytes_;
    }
    if (read == 0) return fail(make_error(ErrorKind::NoPage, "memory", "pages that cannot be read"));
    if (filled == 0) return std::uint64_t{0};
    const ByteView in = ByteView(unit_).first(filled);
    const std::uint64_t packed = kLengthField + (is_lz4_ ? lz4_compress(in, out_) : lzo_.compress(in, out_));
    if (filled == unit_.size()) return (packed + page_bytes_ - 1) / page_bytes_ * page_bytes_;
    // The kernel fills the unit up with later pages. It ends in the middle of a block, on an average.
    return packed + page_bytes_ / 2 * filled / unit_.size();
  }

 private:
  const ImageReader& image_;
  std::size_t page_bytes_;
  bool is_lz4_;
  bool keeps_zero_;
  std::vector<std::byte> unit_;
  std::vector<std::byte> out_;
  LzoCompressor lzo_;
};

Result<std::unique_ptr<ImageReader>> open_memory(const Formats& formats, const std::string& path) {
  if (path == kRunningMachine) TRY_OK(can_read_running_machine());
  TRY(auto image, formats.open(path, "elf", {}));
  // Any other file may have segments that are no memory.
  if (image->info().variant == kRunningVariant) return image;
  return fail(
      make_error(ErrorKind::NotRecognised, "program headers", "no direct map of memory", kRunningVariant)
          .of(path));
}

}  // namespace

double MemorySample::ratio() const {
  const auto sum = std::accumulate(units.begin(), units.end(), std::uint64_t{0});
  return units.empty()
             ? 1
             : static_cast<double>(sum) / static_cast<double>(units.size() * kUnitPages * page_bytes);
}

Result<MemorySample> sample_memory(const Formats& formats, const SampleRequest& request) {
  if (request.codec != "lzo" && request.codec != "lz4")
    return fail(make_error(ErrorKind::Unsupported, "compressor", request.codec, "lzo or lz4"));
  TRY(const auto image, open_memory(formats, request.memory));
  TRY(const PageFlags flags, PageFlags::open(request.page_flags));
  TRY(const auto ram, system_ram_of(*image));
  TRY(const SavedPages pages, find_saved_pages(ram, flags));
  MemorySample sample{request.codec, image->info().page_size, pages.count, pages_at_hand(request.zones), {}};
  const std::uint64_t affordable = kMostSampledBytes / (sample.page_bytes * kUnitPages);
  const std::uint64_t count = std::min({kMostUnits, affordable, pages.seen.size() / kUnitPages});
  Compressor compressor(*image, request);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto bytes = compressor.disk_bytes(&pages.seen[i * pages.seen.size() / count]);
    if (bytes) sample.units.push_back(*bytes);
  }
  if (sample.units.empty())
    return fail(make_error(ErrorKind::NotFound, "memory", "no pages that would be saved").of(request.memory));
  std::sort(sample.units.begin(), sample.units.end());
  return sample;
}

}  // namespace hib::diagnose
