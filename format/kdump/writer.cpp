#include "format/kdump/writer.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "format/kdump/layout.h"
#include "lib/base/pool.h"
#include "lib/codec/lzo.h"
#include "lib/codec/snappy.h"
#include "lib/codec/zlib.h"
#include "lib/codec/zstd.h"
#include "lib/image/dump_file.h"
#include "lib/image/linear_sink.h"
#include "lib/image/vmcore_notes.h"

namespace hib::kdump {
namespace {

std::uint32_t flag_of(Codec codec) {
  switch (codec) {
    case Codec::None: return 0;
    case Codec::Zlib: return kFlagZlib;
    case Codec::Lzo: return kFlagLzo;
    case Codec::Snappy: return kFlagSnappy;
    case Codec::Zstd: return kFlagZstd;
  }
  return 0;
}

// Everything that a thread needs to compress pages.
struct Encoder {
  LzoCompressor lzo;
  ZstdCompressor zstd{kDefaultZstdLevel};
  std::vector<std::byte> buffer;

  ByteView compress(Codec codec, ByteView page) {
    switch (codec) {
      case Codec::None: return page;
      case Codec::Zlib:
        buffer.resize(zlib_bound(page.size()));
        return ByteView(buffer).first(zlib_compress(page, buffer));
      case Codec::Lzo:
        buffer.resize(LzoCompressor::bound(page.size()));
        return ByteView(buffer).first(lzo.compress(page, buffer));
      case Codec::Snappy:
        buffer.resize(snappy_bound(page.size()));
        return ByteView(buffer).first(snappy_pack(page, buffer));
      case Codec::Zstd:
        buffer.resize(ZstdCompressor::bound(page.size()));
        return ByteView(buffer).first(zstd.compress(page, buffer));
    }
    return page;
  }
};

struct KdumpJob final : PageSink::Job {
  std::shared_ptr<const PageBatch> batch;
  std::vector<PageDescriptor>
      descriptors;  // offsets count from the start of `data`; the zero page is marked by kZeroPage
  std::vector<std::byte> data;
};
constexpr std::uint64_t kZeroPage = ~std::uint64_t{0};

constexpr std::uint32_t kNotePrstatus = 1;  // elf(5): NT_PRSTATUS, one for each processor
constexpr std::uint64_t kBitmapWindowBytes = 1U << 20;
constexpr std::uint64_t kMaxBitmapBytes = std::uint64_t{4} << 30;  // 128 TiB of 4 KiB pages

void set_bits(std::vector<std::byte>& bits, std::uint64_t first, std::uint64_t count) {
  const std::uint64_t end = first + count;
  while (first < end) {
    if (first % 8 == 0 && end - first >= 8) {
      const std::uint64_t whole = (end - first) / 8;
      std::memset(bits.data() + first / 8, 0xFF, whole);
      first += whole * 8;
    } else {
      bits[first / 8] |= static_cast<std::byte>(1U << (first % 8));
      ++first;
    }
  }
}

void copy_text(char (&field)[65], const std::optional<std::string>& text) {
  if (text) std::memcpy(field, text->data(), std::min<std::size_t>(text->size(), 64));
}

class Writer final : public PageSink {
 public:
  Writer(Output& output, const ImageReader& source, Codec codec, std::vector<PageRun> present)
      : output_(output),
        source_(source),
        codec_(codec),
        page_size_(source.info().page_size),
        present_(std::move(present)),
        encoders_([] { return std::make_unique<Encoder>(); }) {}

  Result<void> begin() override;
  Result<std::unique_ptr<Job>> plan(std::shared_ptr<const PageBatch> batch) override {
    auto job = std::make_unique<KdumpJob>();
    job->batch = std::move(batch);
    return std::unique_ptr<Job>(std::move(job));
  }
  Result<void> encode(Job& job) override;
  Result<void> append(Job& job) override;
  Result<void> finish(const Totals&) override;

 private:
  Header make_header(const std::vector<Note>& notes, std::uint64_t sub_blocks,
                     std::uint64_t bitmap_blocks) const;
  SubHeader make_sub_header(std::uint64_t notes_bytes) const;
  Result<void> write_flat_header();
  Result<void> write_bitmap(std::uint64_t offset, std::uint64_t bytes, bool of_dumped_pages);
  Result<void> write(std::uint64_t offset, ByteView bytes);
  void encode_page(Encoder& encoder, ByteView page, std::uint64_t count, KdumpJob& job) const;

  Output& output_;
  const ImageReader& source_;
  Codec codec_;
  std::uint32_t page_size_;
  std::vector<PageRun> present_;
  Pool<Encoder> encoders_;
  Header header_;
  std::uint64_t next_descriptor_ = 0;  // offset in the dump
  std::uint64_t next_data_ = 0;
  std::uint64_t zero_page_ = 0;
};

Header Writer::make_header(const std::vector<Note>& notes, std::uint64_t sub_blocks,
                           std::uint64_t bitmap_blocks) const {
  const KernelIdentity kernel = kernel_identity(source_);
  const auto processors = std::count_if(notes.begin(), notes.end(), [](const Note& note) {
    return note.name == "CORE" && note.type == kNotePrstatus;
  });
  Header h{};
  std::memcpy(h.signature, kSignature, sizeof(h.signature));
  h.version = 6;
  std::memcpy(h.uts.sysname, "Linux", 5);
  copy_text(h.uts.release, kernel.release);
  copy_text(h.uts.version, kernel.version);
  copy_text(h.uts.machine, kernel.machine);
  h.status = flag_of(codec_);
  h.block_size = page_size_;
  h.sub_header_blocks = static_cast<std::uint32_t>(sub_blocks);
  h.bitmap_blocks = static_cast<std::uint32_t>(bitmap_blocks);
  h.max_mapnr = static_cast<std::uint32_t>(std::min<std::uint64_t>(source_.info().end_pfn, 0xFFFFFFFF));
  h.cpu_count = static_cast<std::uint32_t>(std::max<std::ptrdiff_t>(processors, 1));
  return h;
}

SubHeader Writer::make_sub_header(std::uint64_t notes_bytes) const {
  SubHeader sub{};
  sub.dump_level = 0;  // nothing was left out on purpose
  sub.max_mapnr_64 = source_.info().end_pfn;
  if (notes_bytes == 0) return sub;
  sub.notes_offset = page_size_ + sizeof(SubHeader);
  sub.notes_bytes = notes_bytes;
  if (const std::string* text = vmcoreinfo_of(source_.records())) {  // its note comes last
    sub.vmcoreinfo_offset = sub.notes_offset + notes_bytes - round_up(text->size(), 4);
    sub.vmcoreinfo_bytes = text->size();
    // Of arm64, makedumpfile has PHYS_OFFSET there: where physical memory begins in the direct map.
    const auto phys_base = vmcoreinfo_number(*text, "NUMBER(phys_base)");
    const auto phys_offset = vmcoreinfo_number(*text, "NUMBER(PHYS_OFFSET)");
    sub.phys_base = phys_base.value_or(phys_offset.value_or(0));
  }
  return sub;
}

// A dump that is interrupted on a device keeps the flag that says so; in a file nobody sees it before
// finish().
Result<void> Writer::begin() {
  const std::vector<Note> notes_list = notes_from_records(source_.records());
  const std::vector<std::byte> notes = encode_notes(notes_list);
  const std::uint64_t sub_blocks = round_up(sizeof(SubHeader) + notes.size(), page_size_) / page_size_;
  const std::uint64_t one_bitmap = round_up((source_.info().end_pfn + 7) / 8, page_size_);
  const std::uint64_t bitmaps_offset = (1 + sub_blocks) * page_size_;
  header_ = make_header(notes_list, sub_blocks, 2 * one_bitmap / page_size_);
  const SubHeader sub = make_sub_header(notes.size());

  Header first = header_;
  if (output_.target() == Output::Target::BlockDevice) first.status = header_.status | kStatusIncomplete;
  std::vector<std::byte> head((1 + sub_blocks) * page_size_);
  std::memcpy(head.data(), &first, sizeof(first));
  std::memcpy(head.data() + page_size_, &sub, sizeof(sub));
  std::copy(notes.begin(), notes.end(),
            head.begin() + static_cast<std::ptrdiff_t>(page_size_ + sizeof(SubHeader)));
  TRY_OK(write_flat_header());
  TRY_OK(write(0, head));
  TRY_OK(write_bitmap(bitmaps_offset, one_bitmap, false));
  TRY_OK(write_bitmap(bitmaps_offset + one_bitmap, one_bitmap, true));

  std::uint64_t pages = 0;
  for (const PageRun& run : present_) pages += run.count;
  next_descriptor_ = bitmaps_offset + 2 * one_bitmap;
  zero_page_ = next_descriptor_ + pages * sizeof(PageDescriptor);
  next_data_ = zero_page_ + page_size_;
  return write(zero_page_, std::vector<std::byte>(page_size_));
}

Result<void> Writer::write_flat_header() {
  if (output_.can_write_at()) return {};
  FlatHeader flat{};
  std::memcpy(flat.signature, kFlatSignature, sizeof(kFlatSignature));
  flat.type = kFlatType;
  flat.version = kFlatVersion;
  std::vector<std::byte> block(kFlatHeaderBytes);
  std::memcpy(block.data(), &flat, sizeof(flat));
  return output_.append(block);
}

// In windows of 1 MiB: a machine with memory at high addresses has bitmaps of gigabytes, nearly all zero.
Result<void> Writer::write_bitmap(std::uint64_t offset, std::uint64_t bytes, bool of_dumped_pages) {
  TRY(auto runs, source_.runs());
  std::vector<std::byte> window;
  PageRun run;
  for (std::uint64_t at = 0; at < bytes; at += window.size()) {
    window.assign(std::min<std::uint64_t>(bytes - at, kBitmapWindowBytes), std::byte{0});
    const Pfn first = at * 8;
    const Pfn end = first + window.size() * 8;
    bool is_empty = true;
    for (;;) {
      if (run.count == 0) {
        TRY(const auto next, runs->next());
        if (!next) break;
        run = *next;
        if (of_dumped_pages && !run.is_present()) run.count = 0;
        continue;
      }
      if (run.first >= end) break;
      const std::uint64_t here = std::min(run.end(), end) - run.first;
      set_bits(window, run.first - first, here);
      is_empty = false;
      run.first += here;
      run.count -= here;
    }
    // What is never written is zero in a file; in a flattened dump it would be missing, on a device it would
    // be old bytes.
    if (!is_empty || output_.target() != Output::Target::File) TRY_OK(write(offset + at, window));
  }
  return {};
}

Result<void> Writer::encode(Job& base) {
  auto& job = static_cast<KdumpJob&>(base);
  const auto encoder = encoders_.take();
  const std::vector<PageItem>& items = job.batch->items;
  auto present =
      std::upper_bound(present_.begin(), present_.end(), items.empty() ? 0 : items.front().run.first,
                       [](Pfn p, const PageRun& r) { return p < r.end(); });
  for (const PageItem& item : items) {
    if (item.run.state == PageState::Absent) continue;
    if (item.run.state == PageState::Data) {
      encode_page(*encoder, {item.bytes, page_size_}, 1, job);
      continue;
    }
    if (item.run.state == PageState::Fill && item.run.fill != 0) {
      encode_page(*encoder, std::vector<std::byte>(page_size_, static_cast<std::byte>(item.run.fill)),
                  item.run.count, job);
      continue;
    }
    // Zero, or unreadable: only pages that the bitmap names have a descriptor.
    for (Pfn pfn = item.run.first; pfn < item.run.end(); ++pfn) {
      while (present != present_.end() && pfn >= present->end()) ++present;
      if (present == present_.end() || pfn < present->first) continue;
      PageDescriptor d{};
      d.offset = kZeroPage;
      d.size = page_size_;
      job.descriptors.push_back(d);
    }
  }
  job.batch.reset();
  return {};
}

void Writer::encode_page(Encoder& encoder, ByteView page, std::uint64_t count, KdumpJob& job) const {
  const ByteView packed = encoder.compress(codec_, page);
  const bool smaller = packed.size() < page.size();
  const ByteView stored = smaller ? packed : page;
  PageDescriptor d{};
  d.offset = job.data.size();
  d.size = static_cast<std::uint32_t>(stored.size());
  d.flags = smaller ? flag_of(codec_) : 0;
  job.data.insert(job.data.end(), stored.begin(), stored.end());
  job.descriptors.insert(job.descriptors.end(), count, d);
}

Result<void> Writer::append(Job& base) {
  auto& job = static_cast<KdumpJob&>(base);
  if (job.descriptors.empty()) return {};
  for (PageDescriptor& d : job.descriptors)
    d.offset = d.offset == kZeroPage ? zero_page_ : next_data_ + d.offset;
  const ByteView table(reinterpret_cast<const std::byte*>(job.descriptors.data()),
                       job.descriptors.size() * sizeof(PageDescriptor));
  TRY_OK(write(next_descriptor_, table));
  TRY_OK(write(next_data_, job.data));
  next_descriptor_ += table.size();
  next_data_ += job.data.size();
  return {};
}

Result<void> Writer::write(std::uint64_t offset, ByteView bytes) {
  if (bytes.empty()) return {};
  if (output_.can_write_at()) return output_.write_at(offset, bytes);
  FlatRecord record{};
  record.offset = offset;
  record.size = bytes.size();
  TRY_OK(output_.append(object_bytes(record)));
  return output_.append(bytes);
}

Result<void> Writer::finish(const Totals&) {
  switch (output_.target()) {
    case Output::Target::File: break;
    case Output::Target::Stream: {
      FlatRecord end{};
      end.offset = kFlatEnd;
      end.size = kFlatEnd;
      TRY_OK(output_.append(object_bytes(end)));
      break;
    }
    case Output::Target::BlockDevice:  // only now nothing is missing
      TRY_OK(output_.flush());
      TRY_OK(write(0, object_bytes(header_)));
      break;
  }
  return output_.publish();
}

}  // namespace

Result<Codec> codec_named(const std::string& name) {
  if (name == "none") return Codec::None;
  if (name == "zlib") return Codec::Zlib;
  if (name == "lzo") return Codec::Lzo;
  if (name == "snappy") return Codec::Snappy;
  if (name == "zstd") return Codec::Zstd;
  return fail(make_error(ErrorKind::Usage, "--codec", name, "none, zlib, lzo, snappy or zstd"));
}

Result<std::unique_ptr<PageSink>> make_writer(Output& output, const ImageReader& source, Codec codec) {
  const std::uint64_t end_pfn = source.info().end_pfn;
  if (end_pfn == 0)
    return fail(make_error(ErrorKind::Unsupported, "kdump writer", "an image without pages", "at least one")
                    .of(source.info().path));
  if (end_pfn / 8 > kMaxBitmapBytes) {
    return fail(make_error(ErrorKind::Limit, "kdump writer",
                           fmt::format("pages up to PFN {:#x}", end_pfn - 1),
                           fmt::format("below {:#x}: a kdump has a bit for each", kMaxBitmapBytes * 8))
                    .of(source.info().path));
  }
  TRY(auto present, present_runs(source));
  return std::unique_ptr<PageSink>(new Writer(output, source, codec, std::move(present)));
}

}  // namespace hib::kdump
