#include "format/kdump/reader.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "format/kdump/decode.h"
#include "lib/base/pool.h"
#include "lib/base/text.h"
#include "lib/codec/lzo.h"
#include "lib/codec/snappy.h"
#include "lib/codec/zlib.h"
#include "lib/codec/zstd.h"
#include "lib/image/vmcore_notes.h"
#include "lib/os/cancel.h"

namespace hib::kdump {
namespace {

constexpr std::uint64_t kRankStep = 4096;              // PFNs between two counts of the rank directory
constexpr std::uint64_t kDescriptorsPerRead = 43690;   // 1 MiB

// One bit per PFN.
class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  bool test(Pfn pfn) const { return (std::to_integer<unsigned>(bytes_[pfn / 8]) >> (pfn % 8) & 1U) != 0; }
  std::uint64_t word(Pfn pfn) const {  // the 64 bits from `pfn`, a multiple of 64, on
    le64 value;
    std::memcpy(&value, bytes_.data() + pfn / 8, sizeof(value));
    return value;
  }
  // End of the run of equal bits that starts at `pfn`.
  Pfn run_end(Pfn pfn, Pfn limit) const {
    const bool value = test(pfn);
    const std::uint64_t same = value ? ~std::uint64_t{0} : 0;
    while (pfn < limit) {
      if (pfn % 64 == 0 && pfn + 64 <= limit && word(pfn) == same) {
        pfn += 64;
      } else if (test(pfn) == value) {
        ++pfn;
      } else {
        break;
      }
    }
    return pfn;
  }

 private:
  std::vector<std::byte> bytes_;
};

class Reader final : public ImageReader {
 public:
  static Result<std::unique_ptr<ImageReader>> open(std::shared_ptr<const File> file, const OpenOptions& options);

  const ImageInfo& info() const override { return info_; }
  const std::vector<Record>& records() const override { return records_; }
  Result<std::unique_ptr<RunSource>> runs() const override;
  void load(PageBatch& batch) const override;
  Result<void> read_page(Pfn pfn, MutableBytes out) const override;
  Result<RangeMap> map() const override;
  StructureCheck check_structure() const override;

  PageRun run_at(Pfn pfn) const;  // the run that starts at `pfn`; count 0 for a hole
  Pfn end_pfn() const { return headers_.max_mapnr; }

 private:
  Reader(DumpFile dump, Headers headers) : dump_(std::move(dump)), headers_(std::move(headers)), zstd_([] { return std::make_unique<ZstdDecompressor>(); }) {}
  Result<void> read_bitmaps();
  void read_notes();
  void fill_info(const std::string& path);
  void find_lost_pages();
  std::uint64_t rank(Pfn pfn) const;  // dumped pages below `pfn`
  std::uint64_t dumped_pages() const { return ranks_.back(); }
  Result<std::vector<PageDescriptor>> descriptors(std::uint64_t first, std::uint64_t count) const;
  Result<void> check_descriptor(const PageDescriptor& d, Pfn pfn, std::uint64_t number) const;
  Result<void> read_data(const PageDescriptor& d, Pfn pfn, std::uint64_t number, MutableBytes out) const;
  template <typename Visit>
  Result<void> for_each_descriptor(Visit&& visit) const;  // visit(pfn, number, descriptor)

  DumpFile dump_;
  Headers headers_;
  ImageInfo info_;
  std::vector<Record> records_;
  Bitmap exists_;
  Bitmap dumped_;
  std::vector<std::uint64_t> ranks_;
  mutable Pool<ZstdDecompressor> zstd_;
};

class BitmapRuns final : public RunSource {
 public:
  explicit BitmapRuns(const Reader& reader) : reader_(reader) {}
  Result<std::optional<PageRun>> next() override {
    while (pfn_ < reader_.end_pfn()) {
      const PageRun run = reader_.run_at(pfn_);
      pfn_ = run.end();
      if (run.state != PageState::Unreadable) return std::optional<PageRun>(run);
    }
    return std::optional<PageRun>();
  }

 private:
  const Reader& reader_;
  Pfn pfn_ = 0;
};

Match probe(const ProbeInput& input) {
  const auto starts_with = [&](const char* signature, std::size_t size) {
    return input.head.size() >= size && std::memcmp(input.head.data(), signature, size) == 0;
  };
  const bool yes = starts_with(kSignature, 8) || starts_with(kOldSignature, 8) || starts_with(kFlatSignature, sizeof(kFlatSignature));
  return yes ? Match::Yes : Match::No;
}

Result<std::unique_ptr<ImageReader>> Reader::open(std::shared_ptr<const File> file, const OpenOptions&) {
  const std::string path = file->path();
  TRY(DumpFile dump, DumpFile::open(std::move(file)));
  TRY(Headers headers, decode_headers(dump));
  auto reader = std::unique_ptr<Reader>(new Reader(std::move(dump), std::move(headers)));
  TRY_OK(reader->read_bitmaps());
  reader->read_notes();
  reader->fill_info(path);
  reader->find_lost_pages();
  return std::unique_ptr<ImageReader>(std::move(reader));
}

Result<void> Reader::read_bitmaps() {
  const auto read = [&](const Blob& blob, const char* name) -> Result<Bitmap> {
    auto bytes = dump_.read_at(blob.offset, blob.bytes);  // refuses what the file cannot hold before allocating
    if (!bytes) return fail(std::move(bytes).error().in(name));
    return Bitmap(std::move(*bytes));
  };
  TRY(exists_, read(headers_.bitmap1, "first bitmap"));
  TRY(dumped_, read(headers_.bitmap2, "second bitmap"));
  std::uint64_t count = 0;
  for (Pfn pfn = 0; pfn < headers_.max_mapnr; pfn += 64) {
    if (pfn % kRankStep == 0) ranks_.push_back(count);
    const std::uint64_t left = headers_.max_mapnr - pfn;
    const std::uint64_t mask = left >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
    count += static_cast<std::uint64_t>(std::popcount(dumped_.word(pfn) & mask));
  }
  ranks_.push_back(count);
  return {};
}

void Reader::read_notes() {
  std::vector<Note> notes;
  if (headers_.notes.bytes > 0) {
    if (const auto raw = dump_.read_at(headers_.notes.offset, headers_.notes.bytes)) notes = parse_notes(*raw, headers_.notes.offset, info_.findings);
  }
  records_ = records_from_notes(notes);
  if (headers_.vmcoreinfo.bytes > 0 && vmcoreinfo_of(records_) == nullptr) {
    if (const auto raw = dump_.read_at(headers_.vmcoreinfo.offset, headers_.vmcoreinfo.bytes)) set_vmcoreinfo(records_, std::string(until_nul(as_text(*raw))));
  }
}

void Reader::fill_info(const std::string& path) {
  info_.format = "kdump";
  info_.path = path;
  info_.variant = fmt::format("version {}{}", headers_.version, dump_.is_flattened() ? ", flattened" : "");
  info_.file_bytes = dump_.file().size();
  info_.page_size = headers_.block_size;
  const char* codec = codec_name(headers_.status);
  info_.codec = codec != nullptr ? codec : "unknown";
  info_.kernel = headers_.kernel;
  info_.end_pfn = headers_.max_mapnr;
  for (Pfn pfn = 0; pfn < headers_.max_mapnr;) {
    const PageRun run = run_at(pfn);
    if (run.state != PageState::Unreadable) info_.pages.add(run);
    pfn = run.end();
  }
  if ((headers_.status & kStatusIncomplete) != 0) {
    info_.state = "incomplete";
    info_.findings.push_back({"incomplete", Severity::Error, 424, "the header says that the dump was not finished"});
  }
}

// Cheap when the file is whole: the last page's descriptor tells. Otherwise all descriptors are looked at once.
void Reader::find_lost_pages() {
  const std::uint64_t count = dumped_pages();
  const std::uint64_t end = headers_.descriptors + count * sizeof(PageDescriptor);
  bool whole = dump_.is_complete() && end <= dump_.size();
  if (whole && count > 0) {
    const auto last = descriptors(count - 1, 1);
    whole = last && (*last)[0].offset <= dump_.size() && (*last)[0].size <= dump_.size() - (*last)[0].offset;
  }
  if (whole) return;
  Damage damage{dump_.file().error(ErrorKind::Truncated, dump_.file().size(), "page data", fmt::format("the dump ends after {} bytes", dump_.size()),
                                   "all pages that the bitmap names"), {}};
  const auto lose = [&](Pfn pfn) {
    auto& lost = damage.lost_pfns;
    if (!lost.empty() && lost.back().first + lost.back().second == pfn) {
      ++lost.back().second;
    } else {
      lost.emplace_back(pfn, 1);
    }
  };
  std::uint64_t readable = end <= dump_.size() ? count : (dump_.size() > headers_.descriptors ? (dump_.size() - headers_.descriptors) / sizeof(PageDescriptor) : 0);
  readable = std::min(readable, count);
  std::uint64_t number = 0;
  std::vector<PageDescriptor> table;
  for (Pfn pfn = 0; pfn < headers_.max_mapnr && !cancelled();) {
    const Pfn stop = dumped_.run_end(pfn, headers_.max_mapnr);
    if (!dumped_.test(pfn)) {
      pfn = stop;
      continue;
    }
    for (; pfn < stop; ++pfn, ++number) {
      const std::uint64_t at = number % kDescriptorsPerRead;
      if (at == 0 || table.empty()) {
        table.clear();
        if (number < readable) {
          auto next = descriptors(number - at, std::min(kDescriptorsPerRead, readable - (number - at)));
          if (next) table = std::move(*next);
        }
      }
      if (at >= table.size() || !check_descriptor(table[at], pfn, number)) lose(pfn);
    }
  }
  info_.state = "incomplete";
  info_.findings.push_back({"truncated", Severity::Error, dump_.file().size(), damage.error.line()});
  info_.damage.push_back(std::move(damage));
}

// Holes come as Unreadable here, which no dump says of a page; runs() leaves them out.
PageRun Reader::run_at(Pfn pfn) const {
  if (dumped_.test(pfn)) return {pfn, dumped_.run_end(pfn, headers_.max_mapnr) - pfn, PageState::Data, 0};
  const Pfn end = std::min(dumped_.run_end(pfn, headers_.max_mapnr), exists_.run_end(pfn, headers_.max_mapnr));
  return {pfn, end - pfn, exists_.test(pfn) ? PageState::Absent : PageState::Unreadable, 0};
}

Result<std::unique_ptr<RunSource>> Reader::runs() const { return std::unique_ptr<RunSource>(new BitmapRuns(*this)); }

std::uint64_t Reader::rank(Pfn pfn) const {
  std::uint64_t count = ranks_[pfn / kRankStep];
  for (Pfn at = pfn / kRankStep * kRankStep; at < pfn; at += 64) {
    const std::uint64_t left = pfn - at;
    const std::uint64_t mask = left >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
    count += static_cast<std::uint64_t>(std::popcount(dumped_.word(at) & mask));
  }
  return count;
}

Result<std::vector<PageDescriptor>> Reader::descriptors(std::uint64_t first, std::uint64_t count) const {
  auto raw = dump_.read_at(headers_.descriptors + first * sizeof(PageDescriptor), count * sizeof(PageDescriptor));
  if (!raw) return fail(std::move(raw).error().in(fmt::format("page descriptors from {}", first)));
  std::vector<PageDescriptor> table(count);
  std::memcpy(table.data(), raw->data(), raw->size());
  return table;
}

Result<void> Reader::check_descriptor(const PageDescriptor& d, Pfn pfn, std::uint64_t number) const {
  const std::uint64_t at = headers_.descriptors + number * sizeof(PageDescriptor);
  const auto reject = [&](ErrorKind kind, std::size_t field_at, const char* field, std::string found, std::string allowed) {
    return fail(dump_.file().error(kind, at + field_at, fmt::format("page descriptor {} (PFN {:#x}): {}", number, pfn, field), std::move(found), std::move(allowed)));
  };
  if (codec_name(d.flags) == nullptr || (d.flags & ~(kFlagZlib | kFlagLzo | kFlagSnappy | kFlagZstd)) != 0) {
    return reject(ErrorKind::Corrupt, 12, "flags", hex(d.flags), "0, 1, 2, 4 or 0x20");
  }
  if (d.size == 0 || d.size > headers_.block_size || (d.flags == 0 && d.size != headers_.block_size)) {
    return reject(ErrorKind::Corrupt, 8, "size", std::to_string(std::uint32_t{d.size}), fmt::format("1 to {}", headers_.block_size));
  }
  if (d.offset > dump_.size() || d.size > dump_.size() - d.offset) {
    return reject(ErrorKind::Truncated, 0, "offset", fmt::format("{:#x} + {}", std::uint64_t{d.offset}, std::uint32_t{d.size}), fmt::format("inside the dump of {:#x} bytes", dump_.size()));
  }
  return {};
}

Result<void> Reader::read_data(const PageDescriptor& d, Pfn pfn, std::uint64_t number, MutableBytes out) const {
  TRY_OK(check_descriptor(d, pfn, number));
  if (d.flags == 0) return dump_.read_at(d.offset, out);
  std::array<std::byte, kMaxPageBytes> buffer;
  const MutableBytes data = MutableBytes(buffer).first(d.size);
  TRY_OK(dump_.read_at(d.offset, data));
  Result<void> result;
  if (d.flags == kFlagZlib) result = zlib_decompress(data, out);
  if (d.flags == kFlagLzo) result = lzo_decompress(data, out);
  if (d.flags == kFlagSnappy) result = snappy_decompress(data, out);
  if (d.flags == kFlagZstd) result = zstd_.take()->decompress(data, out);
  if (!result) return fail(std::move(result).error().at(d.offset).in(fmt::format("page {:#x}", pfn)).of(info_.path));
  return {};
}

void Reader::load(PageBatch& batch) const {
  std::uint64_t pages = 0;
  for (const PageRun& run : batch.runs) pages += run.state == PageState::Data ? run.count : 0;
  batch.buffer.resize(pages * headers_.block_size);
  std::byte* next = batch.buffer.data();
  for (const PageRun& run : batch.runs) {
    if (run.state != PageState::Data) {
      batch.items.push_back({run, nullptr, {}});
      continue;
    }
    const std::uint64_t first_number = rank(run.first);
    auto table = descriptors(first_number, run.count);
    if (!table) {
      batch.damage.push_back({std::move(table).error(), {{run.first, run.count}}});
      batch.items.push_back({{run.first, run.count, PageState::Unreadable, 0}, nullptr, {}});
      next += run.count * headers_.block_size;
      continue;
    }
    for (std::uint64_t i = 0; i < run.count; ++i, next += headers_.block_size) {
      const Pfn pfn = run.first + i;
      auto read = read_data((*table)[i], pfn, first_number + i, {next, headers_.block_size});
      if (read) {
        classify_pages(pfn, 1, next, headers_.block_size, batch.items);
      } else {
        batch.damage.push_back({std::move(read).error(), {{pfn, 1}}});
        batch.items.push_back({{pfn, 1, PageState::Unreadable, 0}, nullptr, {}});
      }
    }
  }
}

Result<void> Reader::read_page(Pfn pfn, MutableBytes out) const {
  if (pfn >= headers_.max_mapnr || !dumped_.test(pfn)) {
    const bool exists = pfn < headers_.max_mapnr && exists_.test(pfn);
    return fail(make_error(ErrorKind::NoPage, fmt::format("page {:#x}", pfn), exists ? "absent" : "not memory of this machine", "a page of the image").of(info_.path));
  }
  const std::uint64_t number = rank(pfn);
  TRY(const auto table, descriptors(number, 1));
  return read_data(table[0], pfn, number, out);
}

template <typename Visit>
Result<void> Reader::for_each_descriptor(Visit&& visit) const {
  std::uint64_t number = 0;
  for (Pfn pfn = 0; pfn < headers_.max_mapnr;) {
    const Pfn stop = dumped_.run_end(pfn, headers_.max_mapnr);
    if (!dumped_.test(pfn)) {
      pfn = stop;
      continue;
    }
    while (pfn < stop) {
      if (cancelled()) return fail(cancelled_error());
      const std::uint64_t count = std::min<std::uint64_t>(stop - pfn, kDescriptorsPerRead);
      TRY(const auto table, descriptors(number, count));
      for (std::uint64_t i = 0; i < count; ++i) visit(pfn + i, number + i, table[i]);
      pfn += count;
      number += count;
    }
  }
  return {};
}

Result<RangeMap> Reader::map() const {
  RangeMap map;
  dump_.label_records(map);
  dump_.label(map, 0, sizeof(Header), "kdump header");
  dump_.label(map, sizeof(Header), headers_.block_size - sizeof(Header), "kdump header, rest of its block");
  // Notes and VMCOREINFO usually lie in the sub header's blocks, VMCOREINFO inside the notes.
  const Blob& notes = headers_.notes;
  const std::uint64_t sub_end = headers_.sub_header.offset + headers_.sub_header.bytes;
  const bool notes_inside = notes.bytes > 0 && notes.offset >= headers_.sub_header.offset + sizeof(SubHeader) && notes.offset + notes.bytes <= sub_end;
  if (notes_inside) {
    dump_.label(map, headers_.sub_header.offset, notes.offset - headers_.sub_header.offset, "kdump sub header");
    dump_.label(map, notes.offset, notes.bytes, "notes, with VMCOREINFO");
    dump_.label(map, notes.offset + notes.bytes, sub_end - notes.offset - notes.bytes, "rest of the sub header's blocks");
  } else {
    dump_.label(map, headers_.sub_header.offset, headers_.sub_header.bytes, "kdump sub header");
  }
  dump_.label(map, headers_.bitmap1.offset, headers_.bitmap1.bytes, "bitmap of existing pages");
  dump_.label(map, headers_.bitmap2.offset, headers_.bitmap2.bytes, "bitmap of dumped pages");
  dump_.label(map, headers_.descriptors, dumped_pages() * sizeof(PageDescriptor), fmt::format("{} page descriptors", grouped(dumped_pages())));
  std::vector<std::pair<std::uint64_t, std::uint64_t>> data;
  TRY_OK(for_each_descriptor([&](Pfn, std::uint64_t, const PageDescriptor& d) {
    const std::uint64_t end = d.offset + std::uint64_t{d.size};
    if (!data.empty() && data.back().second == d.offset) {
      data.back().second = end;
    } else {
      data.emplace_back(d.offset, end);
    }
  }));
  std::sort(data.begin(), data.end());
  std::uint64_t labelled = 0;
  for (std::size_t i = 0; i < data.size();) {  // pages may share their data
    std::uint64_t end = data[i].second;
    std::size_t next = i + 1;
    while (next < data.size() && data[next].first <= end) end = std::max(end, data[next++].second);
    dump_.label(map, std::max(data[i].first, labelled), end - std::max(data[i].first, labelled), "page data");
    labelled = end;
    i = next;
  }
  return map;
}

StructureCheck Reader::check_structure() const {
  StructureCheck check;
  check.damage = info_.damage;
  check.layers.push_back({"headers", LayerResult::Ok, info_.variant});
  check.layers.push_back({"bitmaps", LayerResult::Ok, fmt::format("{} pages in the dump", grouped(dumped_pages()))});
  std::uint64_t bad = 0;
  bool all_zlib = dumped_pages() > 0;
  const auto visited = for_each_descriptor([&](Pfn pfn, std::uint64_t number, const PageDescriptor& d) {
    all_zlib = all_zlib && d.flags == kFlagZlib;
    if (!check_descriptor(d, pfn, number)) ++bad;
  });
  if (!visited) check.damage.push_back({visited.error(), {}});
  const bool good = visited && bad == 0;
  check.layers.push_back({"page descriptors", good ? LayerResult::Ok : LayerResult::Bad, good ? "all inside the dump" : fmt::format("{} broken", grouped(bad))});
  check.pages_have_checksums = good && all_zlib;  // zlib streams carry an Adler-32
  return check;
}

}  // namespace

const Backend kBackend = {"kdump", "kdump-compressed dump (makedumpfile, QEMU), flat or flattened", probe, Reader::open};

}  // namespace hib::kdump
