#include "format/kdump/page_data.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/codec/lzo.h"
#include "lib/codec/snappy.h"
#include "lib/codec/zlib.h"

namespace hib::kdump {
namespace {

// Data that lies together is read together, over gaps that cost less than another system call.
constexpr std::uint64_t kMaxGroupBytes = 1U << 20;
constexpr std::uint64_t kMaxGapBytes = 16U << 10;

std::uint64_t end_of(const PageDescriptor& d) { return d.offset + d.size; }

bool same_data(const PageDescriptor& a, const PageDescriptor& b) {
  return a.offset == b.offset && a.size == b.size && a.flags == b.flags;
}

}  // namespace

PageTable::PageTable(const DumpFile& dump, const Headers& headers)
    : dump_(dump), headers_(headers), decoders_([] { return std::make_unique<Decoder>(); }) {}

Result<std::vector<PageDescriptor>> PageTable::read(std::uint64_t first, std::uint64_t count) const {
  const std::uint64_t offset = descriptor_offset(first);
  std::vector<PageDescriptor> table(dump_.available(offset, count * sizeof(PageDescriptor)) /
                                    sizeof(PageDescriptor));
  auto raw = dump_.read_at(offset, table.size() * sizeof(PageDescriptor));
  if (!raw && !table.empty())
    return fail(std::move(raw).error().in(fmt::format("page descriptors from {}", first)));
  if (!table.empty()) std::memcpy(table.data(), raw->data(), raw->size());
  return table;
}

bool PageTable::has_data(const PageDescriptor& d) const { return dump_.is_written(d.offset, d.size); }

bool PageTable::was_never_written(const PageDescriptor& d) { return d.offset == 0 && d.size == 0; }

std::optional<Error> PageTable::check(const PageDescriptor& d, const PagePlace& page) const {
  const auto reject = [&](ErrorKind kind, std::size_t at, const char* field, std::string found,
                          std::string allowed) {
    return dump_.error(kind, descriptor_offset(page.number) + at,
                       fmt::format("page descriptor {} of PFN {:#x}: {}", page.number, page.pfn, field),
                       std::move(found), std::move(allowed));
  };
  if (was_never_written(d))
    return reject(ErrorKind::Truncated, offsetof(PageDescriptor, offset), "offset",
                  "0: the dump was not finished", "where the page's data lies");
  if (codec_name(d.flags) == nullptr || (d.flags & ~kCodecFlags) != 0) {
    return reject(ErrorKind::Corrupt, offsetof(PageDescriptor, flags), "flags", hex(d.flags),
                  "0, 1, 2, 4 or 0x20");
  }
  if (d.size == 0 || d.size > headers_.block_size || (d.flags == 0 && d.size != headers_.block_size)) {
    return reject(ErrorKind::Corrupt, offsetof(PageDescriptor, size), "size",
                  std::to_string(std::uint32_t{d.size}),
                  fmt::format("{} to {}", d.flags == 0 ? headers_.block_size : 1, headers_.block_size));
  }
  if (!has_data(d)) {
    return reject(ErrorKind::Truncated, offsetof(PageDescriptor, offset), "offset",
                  fmt::format("{:#x} + {}", std::uint64_t{d.offset}, std::uint32_t{d.size}),
                  fmt::format("inside the dump of {:#x} bytes", dump_.size()));
  }
  return std::nullopt;
}

void PageTable::load(std::span<WantedPage> pages) const {
  read_descriptors(pages);
  std::vector<WantedPage*> order;
  for (WantedPage& page : pages) {
    if (!page.error) page.error = check(page.descriptor, page.place);
    if (!page.error) order.push_back(&page);
  }
  std::stable_sort(order.begin(), order.end(), [](const WantedPage* a, const WantedPage* b) {
    return a->descriptor.offset < b->descriptor.offset;
  });
  const auto decoder = decoders_.take();
  for (std::size_t first = 0; first < order.size();) {
    const std::uint64_t start = order[first]->descriptor.offset;
    std::uint64_t end = end_of(order[first]->descriptor);
    std::size_t last = first + 1;
    for (; last < order.size(); ++last) {
      const PageDescriptor& next = order[last]->descriptor;
      if (next.offset > end + kMaxGapBytes || std::max(end, end_of(next)) - start > kMaxGroupBytes) break;
      end = std::max(end, end_of(next));
    }
    read_group(order.data() + first, order.data() + last, *decoder);
    first = last;
  }
}

// Pages that follow each other in the dump, as those of a batch do, take one read.
void PageTable::read_descriptors(std::span<WantedPage> pages) const {
  for (std::size_t first = 0; first < pages.size();) {
    std::size_t last = first + 1;
    while (last < pages.size() && pages[last].place.number == pages[last - 1].place.number + 1) ++last;
    const auto table = read(pages[first].place.number, last - first);
    for (std::size_t i = first; i < last; ++i) {
      if (!table) {
        pages[i].error = table.error();
      } else if (i - first < table->size()) {
        pages[i].descriptor = (*table)[i - first];
      } else {
        pages[i].error = dump_.file().error(
            ErrorKind::Truncated, dump_.file().size(),
            fmt::format("page descriptor {} of PFN {:#x}", pages[i].place.number, pages[i].place.pfn),
            fmt::format("the dump ends at {:#x}", dump_.size()),
            fmt::format("a descriptor at {:#x}", descriptor_offset(pages[i].place.number)));
      }
    }
    first = last;
  }
}

void PageTable::read_group(WantedPage* const* first, WantedPage* const* last, Decoder& decoder) const {
  const std::uint64_t start = (*first)->descriptor.offset;
  std::uint64_t end = start;
  for (auto it = first; it != last; ++it) end = std::max(end, end_of((*it)->descriptor));
  if (decoder.data.size() < end - start) decoder.data.resize(end - start);
  const MutableBytes data = MutableBytes(decoder.data).first(end - start);
  const auto whole = dump_.read_at(start, data);
  const WantedPage* decoded = nullptr;  // the last good one: pages may share their data
  for (auto it = first; it != last; ++it) {
    WantedPage& page = **it;
    const PageDescriptor& d = page.descriptor;
    const MutableBytes own = data.subspan(d.offset - start, d.size);
    if (decoded != nullptr && same_data(decoded->descriptor, d)) {
      std::memcpy(page.out, decoded->out, headers_.block_size);
      continue;
    }
    auto result = whole ? Result<void>()
                        : dump_.read_at(d.offset, own);  // one bad sector costs its pages, not the group
    if (result) result = decode(decoder, d, own, {page.out, headers_.block_size});
    if (result) {
      decoded = &page;
      continue;
    }
    Error error = std::move(result).error();
    if (!error.offset) error.offset = dump_.file_offset(d.offset);
    page.error =
        std::move(error).in(fmt::format("data of PFN {:#x}", page.place.pfn)).of(dump_.file().path());
  }
}

Result<void> PageTable::decode(Decoder& decoder, const PageDescriptor& d, ByteView data,
                               MutableBytes out) const {
  switch (std::uint32_t{d.flags}) {
    case kFlagZlib: return zlib_decompress(data, out);
    case kFlagLzo: return lzo_decompress(data, out);
    case kFlagSnappy: return snappy_decompress(data, out);
    case kFlagZstd: return decoder.zstd.decompress(data, out);
  }
  std::memcpy(out.data(), data.data(), out.size());
  return {};
}

void add_to_batch(WantedPage& page, std::uint32_t page_size, PageBatch& batch) {
  const Pfn pfn = page.place.pfn;
  if (!page.error) {
    classify_pages(pfn, 1, page.out, page_size, batch.items);
    return;
  }
  const PageRun lost{pfn, 1, PageState::Unreadable, 0};
  if (!batch.items.empty() && lost.continues(batch.items.back().run)) {
    ++batch.items.back().run.count;
  } else {
    batch.items.push_back({lost, nullptr, {}});
  }
  // Behind the end of a cut file every page is lost for the same reason.
  const bool same_reason =
      page.error->kind == ErrorKind::Truncated && !batch.damage.empty() &&
      batch.damage.back().error.kind == ErrorKind::Truncated &&
      batch.damage.back().lost_pfns.back().first + batch.damage.back().lost_pfns.back().second == pfn;
  if (same_reason) {
    ++batch.damage.back().lost_pfns.back().second;
  } else {
    batch.damage.push_back({std::move(*page.error), {{pfn, 1}}});
  }
}

}  // namespace hib::kdump
