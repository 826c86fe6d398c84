// Runs of pages, and their bytes.

#include <algorithm>
#include <limits>

#include "lib/abi/handles.h"
#include "lib/base/text.h"

namespace hib::abi {
namespace {

// Readers are not asked for what lies beyond all memory.
Result<void> read_one(const ImageReader& image, Pfn pfn, MutableBytes out) {
  if (pfn < kMaxPfn) return image.read_page(pfn, out);
  return fail(
      make_error(ErrorKind::NoPage, "page " + hex(pfn), "beyond all memory", "less than " + hex(kMaxPfn))
          .of(image.info().path));
}

Result<void> require_bytes(std::size_t given, std::uint64_t needed, const std::string& what) {
  if (given == needed) return {};
  return fail(usage("out_bytes", std::to_string(given), std::to_string(needed) + ", " + what));
}

// Calls `work` with the part of each page in `bytes` bytes from `address` on: its PFN, where the part begins
// in the page, and the part. Ends with the first error.
template <typename Work>
Result<void> for_each_page(std::uint64_t address, std::span<std::byte> bytes, std::uint32_t page_size,
                           const Work& work) {
  while (!bytes.empty()) {
    const std::size_t skip = address % page_size;
    const std::size_t take = std::min<std::size_t>(bytes.size(), page_size - skip);
    TRY_OK(work(address / page_size, skip, bytes.first(take)));
    bytes = bytes.subspan(take);
    address += take;
  }
  return {};
}

Result<void> read_memory(const ImageReader& image, std::uint64_t address, std::span<std::byte> out,
                         std::size_t& done) {
  const std::uint32_t page_size = image.info().page_size;
  std::vector<std::byte> page;  // for a part of one
  return for_each_page(address, out, page_size,
                       [&](Pfn pfn, std::size_t skip, std::span<std::byte> part) -> Result<void> {
                         if (part.size() == page_size) {
                           TRY_OK(read_one(image, pfn, part));
                         } else {
                           page.resize(page_size);
                           TRY_OK(read_one(image, pfn, page));
                           std::memcpy(part.data(), page.data() + skip, part.size());
                         }
                         done += part.size();
                         return {};
                       });
}

hibtool_page_state page_state_of(PageState state) {
  switch (state) {
    case PageState::Data: return HIBTOOL_DATA;
    case PageState::Fill: return HIBTOOL_FILL;
    case PageState::Absent: return HIBTOOL_ABSENT;
    case PageState::Unreadable: return HIBTOOL_UNREADABLE;
  }
  return HIBTOOL_UNREADABLE;
}

// The next run, with all that continues it; nothing at the end.
Result<std::optional<PageRun>> next_run(hibtool_runs& runs) {
  if (runs.is_done) return std::optional<PageRun>();
  runs.is_done = true;  // after an error too
  std::optional<PageRun> run = std::exchange(runs.next, std::nullopt);
  for (;;) {
    TRY(auto more, runs.source->next());
    if (!more) return run;
    if (more->count == 0) continue;
    if (!run) {
      run = more;
    } else if (more->continues(*run)) {
      run->count += more->count;
    } else {
      runs.next = more;
      runs.is_done = false;
      return run;
    }
  }
}

}  // namespace
}  // namespace hib::abi

extern "C" {

hibtool_status hibtool_runs_open(const hibtool_image* image, hibtool_runs** runs, hibtool_error** error) {
  using namespace hib::abi;
  return guarded(error, [&]() -> hib::Result<void> {
    TRY_OK(require(image, "image"));
    TRY_OK(require(runs, "runs"));
    TRY(auto source, image->reader->runs());
    auto made = std::make_unique<hibtool_runs>();
    made->reader = image->reader;
    made->source = std::move(source);
    *runs = made.release();
    return {};
  });
}

hibtool_status hibtool_runs_next(hibtool_runs* runs, hibtool_run* run, hibtool_error** error) {
  using namespace hib::abi;
  return guarded(error, [&]() -> hib::Result<hibtool_status> {
    TRY_OK(require(runs, "runs"));
    TRY_OK(require(run, "run"));
    TRY_OK(require_size("hibtool_run", run->size, HIB_UP_TO(hibtool_run, fill)));
    TRY(const auto next, next_run(*runs));
    if (!next) return HIBTOOL_END;
    fill(run,
         {0, next->first, next->count, static_cast<std::uint32_t>(page_state_of(next->state)), next->fill});
    return HIBTOOL_OK;
  });
}

void hibtool_runs_close(hibtool_runs* runs) {
  if (runs == nullptr) return;
  runs->source.reset();  // it borrows the reader
  delete runs;
}

hibtool_status hibtool_read_page(const hibtool_image* image, uint64_t pfn, void* out, size_t out_bytes,
                                 hibtool_error** error) {
  using namespace hib::abi;
  return guarded(error, [&]() -> hib::Result<void> {
    TRY_OK(require(image, "image"));
    TRY_OK(require(out, "out"));
    TRY_OK(require_bytes(out_bytes, image->reader->info().page_size, "the page size"));
    return read_one(*image->reader, pfn, {static_cast<std::byte*>(out), out_bytes});
  });
}

hibtool_status hibtool_read_pages(const hibtool_image* image, uint64_t first_pfn, uint64_t count, void* out,
                                  size_t out_bytes, uint64_t* read_pages, hibtool_error** error) {
  using namespace hib::abi;
  if (read_pages != nullptr) *read_pages = 0;
  return guarded(error, [&]() -> hib::Result<void> {
    TRY_OK(require(image, "image"));
    if (count == 0 && out_bytes == 0) return {};
    TRY_OK(require(out, "out"));
    const std::uint32_t page_size = image->reader->info().page_size;
    if (count > std::numeric_limits<std::size_t>::max() / page_size)
      return hib::fail(usage("count", std::to_string(count), "pages that fit into memory"));
    TRY_OK(require_bytes(out_bytes, count * page_size, "count * page size"));
    auto* page = static_cast<std::byte*>(out);
    for (std::uint64_t i = 0; i < count; ++i, page += page_size) {
      TRY_OK(read_one(*image->reader, first_pfn + i < first_pfn ? hib::kMaxPfn : first_pfn + i,
                      {page, page_size}));
      if (read_pages != nullptr) *read_pages = i + 1;
    }
    return {};
  });
}

hibtool_status hibtool_read(const hibtool_image* image, uint64_t address, void* out, size_t bytes,
                            size_t* read_bytes, hibtool_error** error) {
  using namespace hib::abi;
  std::size_t done = 0;
  const hibtool_status status = guarded(error, [&]() -> hib::Result<void> {
    TRY_OK(require(image, "image"));
    if (bytes == 0) return {};
    TRY_OK(require(out, "out"));
    if (bytes - 1 > std::numeric_limits<std::uint64_t>::max() - address)
      return hib::fail(usage("bytes", std::to_string(bytes), "no more than there are addresses"));
    return read_memory(*image->reader, address, {static_cast<std::byte*>(out), bytes}, done);
  });
  if (read_bytes != nullptr) *read_bytes = done;
  return status;
}

}  // extern "C"
