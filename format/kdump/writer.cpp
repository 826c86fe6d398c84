#include "format/kdump/writer.h"

#include <algorithm>
#include <cstring>

#include "format/kdump/layout.h"
#include "lib/base/pool.h"
#include "lib/codec/lzo.h"
#include "lib/codec/snappy.h"
#include "lib/codec/zlib.h"
#include "lib/codec/zstd.h"
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
      case Codec::Zlib: buffer.resize(zlib_bound(page.size())); return ByteView(buffer).first(zlib_compress(page, buffer));
      case Codec::Lzo: buffer.resize(LzoCompressor::bound(page.size())); return ByteView(buffer).first(lzo.compress(page, buffer));
      case Codec::Snappy: buffer.resize(snappy_bound(page.size())); return ByteView(buffer).first(snappy_pack(page, buffer));
      case Codec::Zstd: buffer.resize(ZstdCompressor::bound(page.size())); return ByteView(buffer).first(zstd.compress(page, buffer));
    }
    return page;
  }
};

struct KdumpJob final : PageSink::Job {
  std::shared_ptr<const PageBatch> batch;
  std::vector<PageDescriptor> descriptors;  // offsets count from the start of `data`; the zero page is marked by kZeroPage
  std::vector<std::byte> data;
};
constexpr std::uint64_t kZeroPage = ~std::uint64_t{0};

void copy_text(char (&field)[65], const std::optional<std::string>& text) {
  if (text) std::memcpy(field, text->data(), std::min<std::size_t>(text->size(), 64));
}

class Writer final : public PageSink {
 public:
  Writer(Output& output, const ImageReader& source, Codec codec, std::vector<PageRun> present)
      : output_(output), source_(source), codec_(codec), page_size_(source.info().page_size), present_(std::move(present)),
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
  Result<void> set_bits(std::vector<std::byte>& exists, std::vector<std::byte>& dumped) const;
  Result<void> write(std::uint64_t offset, ByteView bytes);
  Header header(std::uint64_t sub_blocks, std::uint64_t bitmap_blocks) const;
  void encode_page(Encoder& encoder, ByteView page, std::uint64_t count, KdumpJob& job) const;

  Output& output_;
  const ImageReader& source_;
  Codec codec_;
  std::uint32_t page_size_;
  std::vector<PageRun> present_;
  Pool<Encoder> encoders_;
  std::uint64_t next_descriptor_ = 0;  // offset in the dump
  std::uint64_t next_data_ = 0;
  std::uint64_t zero_page_ = 0;
};

Header Writer::header(std::uint64_t sub_blocks, std::uint64_t bitmap_blocks) const {
  const KernelIdentity kernel = kernel_identity(source_);
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
  h.cpu_count = 1;
  return h;
}

// Both bitmaps, from the runs of the source.
Result<void> Writer::set_bits(std::vector<std::byte>& exists, std::vector<std::byte>& dumped) const {
  TRY(auto runs, source_.runs());
  for (;;) {
    TRY(const auto run, runs->next());
    if (!run) return {};
    for (Pfn pfn = run->first; pfn < run->end(); ++pfn) {
      const auto bit = static_cast<std::byte>(1U << (pfn % 8));
      exists[pfn / 8] |= bit;
      if (run->is_present()) dumped[pfn / 8] |= bit;
    }
  }
}

Result<void> Writer::begin() {
  const std::vector<Note> notes_list = notes_from_records(source_.records());
  const std::vector<std::byte> notes = encode_notes(notes_list);
  const std::uint64_t sub_blocks = round_up(sizeof(SubHeader) + notes.size(), page_size_) / page_size_;
  const std::uint64_t one_bitmap = round_up((source_.info().end_pfn + 7) / 8, page_size_);
  const std::uint64_t bitmaps_offset = (1 + sub_blocks) * page_size_;

  SubHeader sub{};
  sub.dump_level = 0;  // nothing was left out on purpose
  sub.notes_offset = page_size_ + sizeof(SubHeader);
  sub.notes_bytes = notes.size();
  if (const std::string* text = vmcoreinfo_of(source_.records())) {  // its note comes last
    sub.vmcoreinfo_offset = sub.notes_offset + notes.size() - round_up(text->size(), 4);
    sub.vmcoreinfo_bytes = text->size();
    sub.phys_base = vmcoreinfo_number(*text, "NUMBER(phys_base)").value_or(0);
  }
  sub.max_mapnr_64 = source_.info().end_pfn;

  std::vector<std::byte> exists(one_bitmap);
  std::vector<std::byte> dumped(one_bitmap);
  TRY_OK(set_bits(exists, dumped));
  if (!output_.can_write_at()) {
    FlatHeader flat{};
    std::memcpy(flat.signature, kFlatSignature, sizeof(kFlatSignature));
    flat.type = 1;
    flat.version = 1;
    std::vector<std::byte> block(kFlatHeaderBytes);
    std::memcpy(block.data(), &flat, sizeof(flat));
    TRY_OK(output_.append(block));
  }
  std::vector<std::byte> head((1 + sub_blocks) * page_size_);
  const Header h = header(sub_blocks, 2 * one_bitmap / page_size_);
  std::memcpy(head.data(), &h, sizeof(h));
  std::memcpy(head.data() + page_size_, &sub, sizeof(sub));
  std::copy(notes.begin(), notes.end(), head.begin() + static_cast<std::ptrdiff_t>(page_size_ + sizeof(SubHeader)));
  TRY_OK(write(0, head));
  TRY_OK(write(bitmaps_offset, exists));
  TRY_OK(write(bitmaps_offset + one_bitmap, dumped));

  std::uint64_t pages = 0;
  for (const PageRun& run : present_) pages += run.count;
  next_descriptor_ = bitmaps_offset + 2 * one_bitmap;
  zero_page_ = next_descriptor_ + pages * sizeof(PageDescriptor);
  next_data_ = zero_page_ + page_size_;
  return write(zero_page_, std::vector<std::byte>(page_size_));
}

Result<void> Writer::encode(Job& base) {
  auto& job = static_cast<KdumpJob&>(base);
  const auto encoder = encoders_.take();
  const std::vector<PageItem>& items = job.batch->items;
  auto present = std::upper_bound(present_.begin(), present_.end(), items.empty() ? 0 : items.front().run.first,
                                  [](Pfn p, const PageRun& r) { return p < r.end(); });
  for (const PageItem& item : items) {
    if (item.run.state == PageState::Absent) continue;
    if (item.run.state == PageState::Data) {
      encode_page(*encoder, {item.bytes, page_size_}, 1, job);
      continue;
    }
    if (item.run.state == PageState::Fill && item.run.fill != 0) {
      encode_page(*encoder, std::vector<std::byte>(page_size_, static_cast<std::byte>(item.run.fill)), item.run.count, job);
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
  for (PageDescriptor& d : job.descriptors) d.offset = d.offset == kZeroPage ? zero_page_ : next_data_ + d.offset;
  const ByteView table(reinterpret_cast<const std::byte*>(job.descriptors.data()), job.descriptors.size() * sizeof(PageDescriptor));
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
  if (!output_.can_write_at()) {
    FlatRecord end{};
    end.offset = kFlatEnd;
    end.size = kFlatEnd;
    TRY_OK(output_.append(object_bytes(end)));
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
  TRY(auto present, present_runs(source));
  return std::unique_ptr<PageSink>(new Writer(output, source, codec, std::move(present)));
}

}  // namespace hib::kdump
