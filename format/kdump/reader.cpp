#include "format/kdump/reader.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "format/kdump/parts.h"
#include "lib/base/text.h"
#include "lib/image/input.h"
#include "lib/image/runs.h"
#include "lib/image/vmcore_notes.h"
#include "lib/os/cancel.h"

namespace hib::kdump {
namespace {

class Reader final : public ImageReader {
 public:
  static Result<std::unique_ptr<ImageReader>> open(std::shared_ptr<const File> file,
                                                   const OpenOptions& options);

  const ImageInfo& info() const override { return info_; }
  const std::vector<Record>& records() const override { return records_; }
  Result<std::unique_ptr<RunSource>> runs() const override;
  void load(PageBatch& batch) const override;
  Result<void> read_page(Pfn pfn, MutableBytes out) const override;
  Result<RangeMap> map() const override;
  StructureCheck check_structure() const override;

 private:
  explicit Reader(Parts parts)
      : parts_(std::move(parts)), dump_(parts_.opened().dump), headers_(parts_.opened().headers) {}
  Result<void> read_bitmaps();
  void read_notes();
  void fill_info();
  static bool end_is_missing(const Part& part);
  void find_lost_pages();
  void report_cut_part(const Part& part, std::vector<PfnRange> lost);
  void report_missing_parts(std::vector<PfnRange> lost);
  Error missing_part() const;
  // visit(page, part, descriptor): the part is null when it was not found, the descriptor when the part ends
  // before it.
  template <typename Visit>
  Result<void> for_each_descriptor(Visit&& visit) const;
  void load(std::span<WantedPage> pages) const;
  void label_headers(RangeMap& map) const;
  Result<void> label_page_data(RangeMap& map) const;

  Parts parts_;
  const DumpFile& dump_;  // of the file that was opened: it has the headers, notes and bitmaps of all parts
  const Headers& headers_;
  ImageInfo info_;
  std::vector<Record> records_;
  PageMap pages_;
};

class MapRuns final : public RunSource {
 public:
  explicit MapRuns(const PageMap& pages) : pages_(pages) {}
  Result<std::optional<PageRun>> next() override {
    const auto run = pages_.next_run(pfn_);
    if (run) pfn_ = run->end();
    return run;
  }

 private:
  const PageMap& pages_;
  Pfn pfn_ = 0;
};

// ---- open

Result<std::unique_ptr<ImageReader>> Reader::open(std::shared_ptr<const File> file, const OpenOptions&) {
  TRY(DumpFile dump, DumpFile::open(std::move(file)));
  TRY(Headers headers, decode_headers(dump));
  auto parts = Parts::find(std::make_unique<Part>(std::move(dump), std::move(headers)));
  auto reader = std::unique_ptr<Reader>(new Reader(std::move(parts)));
  TRY_OK(reader->read_bitmaps());
  reader->read_notes();
  reader->fill_info();
  reader->find_lost_pages();
  return std::unique_ptr<ImageReader>(std::move(reader));
}

Result<void> Reader::read_bitmaps() {
  const auto read = [&](const Blob& blob, const char* name) -> Result<Bitmap> {
    // As much of it as max_mapnr needs: a part of a split dump that has no pages ends with the last bit.
    const std::uint64_t needed = round_up(headers_.max_mapnr, 8) / 8;
    if (blob.offset + needed > dump_.size()) {
      return fail(dump_.error(ErrorKind::Truncated, blob.offset, name,
                              fmt::format("{:#x} + {:#x}", blob.offset, needed),
                              fmt::format("inside the dump, which ends at {:#x}", dump_.size())));
    }
    auto bytes = dump_.read_at(blob.offset, needed);  // refuses what the file cannot hold before allocating
    if (!bytes) return fail(std::move(bytes).error().in(name));
    bytes->resize(round_up(headers_.max_mapnr, 64) / 8);
    return Bitmap(std::move(*bytes));
  };
  TRY(Bitmap exists, read(headers_.bitmap1, "first bitmap"));
  TRY(Bitmap dumped, read(headers_.bitmap2, "second bitmap"));
  pages_ = PageMap(std::move(exists), std::move(dumped), headers_.max_mapnr);
  parts_.count_pages(pages_);
  return {};
}

// makedumpfile and QEMU keep VMCOREINFO among the notes; a dump before version 4 has it alone.
void Reader::read_notes() {
  info_.findings = headers_.findings;
  const auto read = [&](const Blob& blob) -> std::optional<std::vector<std::byte>> {
    if (blob.bytes == 0) return std::nullopt;
    auto raw = dump_.read_at(blob.offset, blob.bytes);
    if (raw) return std::move(*raw);
    info_.findings.push_back({"broken-note", Severity::Error, raw.error().offset, raw.error().text()});
    return std::nullopt;
  };
  if (const auto raw = read(headers_.notes)) {
    records_ =
        records_from_notes(parse_notes(*raw, dump_.file_offset(headers_.notes.offset), info_.findings));
  }
  if (vmcoreinfo_of(records_) != nullptr) return;
  if (const auto raw = read(headers_.vmcoreinfo))
    set_vmcoreinfo(records_, std::string(until_nul(as_text(*raw))));
}

void Reader::fill_info() {
  describe_input(dump_.file(), info_);
  info_.format = "kdump";
  info_.variant = fmt::format("version {}{}", headers_.version, dump_.is_flattened() ? ", flattened" : "");
  if (headers_.is_part)
    info_.variant += fmt::format(", {} in one folder", counted(parts_.all().size(), "part"));
  info_.page_size = headers_.block_size;
  const char* codec = codec_name(headers_.status);
  info_.codec = codec != nullptr ? codec : "unknown";
  info_.kernel = headers_.kernel;
  if (const std::string* text = vmcoreinfo_of(records_); text != nullptr && !info_.kernel.release) {
    const auto values = parse_vmcoreinfo(*text);
    if (const auto it = values.find("OSRELEASE"); it != values.end()) info_.kernel.release = it->second;
  }
  for (auto run = pages_.next_run(0); run; run = pages_.next_run(run->end())) {
    info_.pages.add(*run);
    info_.end_pfn = run->end();
  }
  if ((headers_.status & kStatusIncomplete) != 0) {
    info_.state = ImageState::Incomplete;
    info_.findings.push_back({"incomplete", Severity::Error, dump_.file_offset(offsetof(Header, status)),
                              "the header says that the dump was not finished"});
  }
}

// Cheap when the file is whole: the last descriptors say how far the page data reaches. More than one of
// them, because the last pages may share the zero page, which lies in front.
bool Reader::end_is_missing(const Part& part) {
  if (!part.dump.is_complete() || (part.headers.status & kStatusIncomplete) != 0) return true;
  const std::uint64_t count = std::min(part.pages, kDescriptorsPerRead);
  if (count == 0) return false;
  const auto last = part.table.read(part.first_number + part.pages - count, count);
  if (!last || last->size() < count) return true;
  return std::any_of(last->begin(), last->end(),
                     [&](const PageDescriptor& d) { return !part.table.has_data(d); });
}

void Reader::find_lost_pages() {
  const auto& all = parts_.all();
  const bool is_cut =
      std::any_of(all.begin(), all.end(), [](const auto& part) { return end_is_missing(*part); });
  if (!is_cut && parts_.missing().empty()) return;
  std::map<const Part*, std::vector<PfnRange>> lost;  // null: in a part that was not found
  const auto visited =
      for_each_descriptor([&](const PagePlace& page, const Part* part, const PageDescriptor* d) {
        if (d != nullptr && part->table.has_data(*d) && !PageTable::was_never_written(*d)) return;
        append_range(lost[part], {page.pfn, 1});
      });
  if (!visited) info_.damage.push_back({visited.error(), {}});
  for (const auto& part : all) report_cut_part(*part, std::move(lost[part.get()]));
  report_missing_parts(std::move(lost[nullptr]));
}

void Reader::report_cut_part(const Part& part, std::vector<PfnRange> lost) {
  const DumpFile& dump = part.dump;
  if (lost.empty() && dump.is_complete()) return;
  const std::string found = dump.is_complete()
                                ? fmt::format("the dump ends at {:#x}", dump.size())
                                : fmt::format("the dump ends at {:#x}, without an end mark", dump.size());
  Damage damage{dump.file().error(ErrorKind::Truncated, dump.file().size(), "page data", found,
                                  "the data of all pages that the bitmap names"),
                std::move(lost)};
  info_.state = ImageState::Incomplete;
  info_.findings.push_back({"truncated", Severity::Error, dump.file().size(), damage.error.text()});
  info_.damage.push_back(std::move(damage));
}

void Reader::report_missing_parts(std::vector<PfnRange> lost) {
  if (lost.empty()) return;
  Damage damage{missing_part(), std::move(lost)};
  info_.state = ImageState::Incomplete;
  info_.findings.push_back({"part-missing", Severity::Error, damage.error.offset, damage.error.text()});
  info_.damage.push_back(std::move(damage));
}

Error Reader::missing_part() const {
  std::vector<std::string> ranges;
  for (const auto& [first, count] : parts_.missing())
    ranges.push_back(fmt::format("{:#x} to {:#x}", first, first + count - 1));
  return dump_.error(ErrorKind::Truncated, headers_.sub_header.offset + offsetof(SubHeader, split),
                     "kdump sub header: split",
                     fmt::format("a part; no file beside it has PFN {}", fmt::join(ranges, ", ")),
                     "all parts of makedumpfile --split in one folder");
}

template <typename Visit>
Result<void> Reader::for_each_descriptor(Visit&& visit) const {
  std::vector<PageDescriptor> descriptors;
  const Part* part = nullptr;
  std::uint64_t group = 0;  // number of the first of `descriptors`
  std::uint64_t group_end = 0;
  std::uint64_t number = 0;
  for (auto run = pages_.next_run(0); run; run = pages_.next_run(run->end())) {
    if (run->state != PageState::Data) continue;
    for (Pfn pfn = run->first; pfn < run->end(); ++pfn, ++number) {
      if (number == group_end) {
        if (cancelled()) return fail(cancelled_error());
        part = parts_.of(number);
        group = number;
        group_end = part == nullptr
                        ? number + 1
                        : std::min(number + kDescriptorsPerRead, part->first_number + part->pages);
        descriptors.clear();
        if (part != nullptr) {
          TRY(descriptors, part->table.read(number, group_end - number));
        }
      }
      const std::uint64_t at = number - group;
      visit(PagePlace{pfn, number}, part, at < descriptors.size() ? &descriptors[at] : nullptr);
    }
  }
  return {};
}

// ---- pages

Result<std::unique_ptr<RunSource>> Reader::runs() const {
  return std::unique_ptr<RunSource>(new MapRuns(pages_));
}

void Reader::load(PageBatch& batch) const {
  const std::uint64_t page_size = headers_.block_size;
  std::vector<WantedPage> wanted;
  for (const PageRun& run : batch.runs) {
    if (run.state != PageState::Data) continue;
    const std::uint64_t number = pages_.rank(run.first);
    for (std::uint64_t i = 0; i < run.count; ++i)
      wanted.push_back({{run.first + i, number + i}, nullptr, {}, {}});
  }
  batch.buffer.resize(wanted.size() * page_size);
  for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i].out = batch.buffer.data() + i * page_size;
  load(wanted);

  auto page = wanted.begin();
  for (const PageRun& run : batch.runs) {
    if (run.state != PageState::Data) {
      batch.items.push_back({run, nullptr, {}});
      continue;
    }
    for (const auto end = page + static_cast<std::ptrdiff_t>(run.count); page != end; ++page)
      add_to_batch(*page, headers_.block_size, batch);
  }
}

// Each page from its part.
void Reader::load(std::span<WantedPage> pages) const {
  while (!pages.empty()) {
    const Part* part = parts_.of(pages.front().place.number);
    std::size_t count = 1;
    while (part != nullptr && count < pages.size() &&
           pages[count].place.number < part->first_number + part->pages)
      ++count;
    if (part != nullptr) {
      part->table.load(pages.first(count));
    } else {
      pages.front().error = missing_part();
    }
    pages = pages.subspan(count);
  }
}

Result<void> Reader::read_page(Pfn pfn, MutableBytes out) const {
  if (!pages_.is_dumped(pfn)) {
    return fail(make_error(ErrorKind::NoPage, fmt::format("page {:#x}", pfn),
                           pages_.exists(pfn) ? "absent" : "not memory of this machine",
                           "a page of the image")
                    .of(info_.path));
  }
  std::vector<WantedPage> wanted;
  wanted.push_back({{pfn, pages_.rank(pfn)}, out.data(), {}, {}});
  load(wanted);
  if (wanted[0].error) return fail(std::move(*wanted[0].error));
  return {};
}

// ---- map and check

Result<RangeMap> Reader::map() const {
  RangeMap map;
  dump_.label_records(map);
  label_headers(map);
  dump_.label(map, headers_.bitmap1.offset, headers_.bitmap1.bytes, "bitmap of existing pages");
  dump_.label(map, headers_.bitmap2.offset, headers_.bitmap2.bytes, "bitmap of dumped pages");
  const std::uint64_t here = parts_.opened().pages;
  dump_.label(map, headers_.descriptors, here * sizeof(PageDescriptor),
              fmt::format("{} page descriptors", grouped(here)));
  TRY_OK(label_page_data(map));
  return map;
}

// Notes and VMCOREINFO usually lie in the sub header's blocks, and VMCOREINFO inside the notes: each byte
// gets the label of the innermost.
void Reader::label_headers(RangeMap& map) const {
  dump_.label(map, 0, sizeof(Header), "kdump header");
  dump_.label(map, sizeof(Header), headers_.block_size - sizeof(Header), "rest of the kdump header's block");
  struct Part {
    Blob where;
    const char* text;
  };
  std::vector<Part> parts = {{{headers_.sub_header.offset, sizeof(SubHeader)}, "kdump sub header"},
                             {headers_.eraseinfo, "erase information"}};
  const Blob& info = headers_.vmcoreinfo;
  const Blob& notes = headers_.notes;
  if (info.bytes > 0 && info.offset >= notes.offset && info.end() <= notes.end()) {
    parts.push_back({{notes.offset, info.offset - notes.offset}, "notes"});
    parts.push_back({{info.end(), notes.end() - info.end()}, "notes"});
  } else {
    parts.push_back({notes, "notes"});
  }
  parts.push_back({info, "VMCOREINFO"});
  std::sort(parts.begin(), parts.end(),
            [](const Part& a, const Part& b) { return a.where.offset < b.where.offset; });
  std::uint64_t done = headers_.sub_header.offset;
  for (const Part& part : parts) {
    if (part.where.bytes == 0) continue;
    const std::uint64_t gap_end = std::min(part.where.offset, headers_.sub_header.end());
    if (done < gap_end) dump_.label(map, done, gap_end - done, "rest of the sub header's blocks");
    dump_.label(map, part.where.offset, part.where.bytes, part.text);
    done = std::max(done, part.where.end());
  }
  if (done < headers_.sub_header.end())
    dump_.label(map, done, headers_.sub_header.end() - done, "rest of the sub header's blocks");
}

Result<void> Reader::label_page_data(RangeMap& map) const {
  struct Stretch {
    std::uint64_t offset = 0;
    std::uint64_t end = 0;
    std::uint64_t pages = 0;
  };
  std::vector<Stretch> stretches;
  TRY_OK(for_each_descriptor([&](const PagePlace& page, const Part* part, const PageDescriptor* d) {
    if (part != &parts_.opened() || d == nullptr || part->table.check(*d, page)) return;
    const std::uint64_t end = d->offset + d->size;
    // Data mostly goes on where that of an earlier page ended; between it lie pages that share their data,
    // mostly zeros.
    const auto recent = stretches.end() - std::min<std::ptrdiff_t>(4, std::ssize(stretches));
    const auto it = std::find_if(recent, stretches.end(), [&](const Stretch& s) {
      return s.end == d->offset || (s.offset <= d->offset && end <= s.end);
    });
    if (it == stretches.end()) {
      stretches.push_back({d->offset, end, 1});
      return;
    }
    it->end = std::max(it->end, end);
    ++it->pages;
  }));
  std::sort(stretches.begin(), stretches.end(),
            [](const Stretch& a, const Stretch& b) { return a.offset < b.offset; });
  for (std::size_t i = 0; i < stretches.size();) {
    Stretch joined = stretches[i++];
    for (; i < stretches.size() && stretches[i].offset <= joined.end; ++i) {  // pages may share their data
      joined.end = std::max(joined.end, stretches[i].end);
      joined.pages += stretches[i].pages;
    }
    dump_.label(map, joined.offset, joined.end - joined.offset,
                "page data: " + counted(joined.pages, "page"));
  }
  return {};
}

StructureCheck Reader::check_structure() const {
  StructureCheck check;
  check.damage = info_.damage;
  const bool notes_are_good = !info_.has_finding("broken-note");
  check.layers.push_back({"header", notes_are_good ? LayerResult::Ok : LayerResult::Bad,
                          notes_are_good ? info_.variant : info_.variant + ", broken notes"});
  check.layers.push_back({"bitmaps", pages_.stray_pages() == 0 ? LayerResult::Ok : LayerResult::Bad,
                          pages_.stray_pages() == 0
                              ? fmt::format("{} pages in the dump", grouped(pages_.dumped_pages()))
                              : fmt::format("{} pages in the dump that the machine does not have",
                                            grouped(pages_.stray_pages()))});
  std::uint64_t bad = 0;
  bool all_zlib = pages_.dumped_pages() > 0;
  const auto visited =
      for_each_descriptor([&](const PagePlace& page, const Part* part, const PageDescriptor* d) {
        all_zlib = all_zlib && d != nullptr && d->flags == kFlagZlib;
        if (d == nullptr || part->table.check(*d, page)) ++bad;
      });
  if (!visited) check.damage.push_back({visited.error(), {}});
  const bool good = visited && bad == 0;
  check.layers.push_back({"page descriptors", good ? LayerResult::Ok : LayerResult::Bad,
                          good ? "all inside the dump" : fmt::format("{} broken", grouped(bad))});
  check.pages_have_checksums = good && all_zlib;  // zlib streams carry an Adler-32
  return check;
}

}  // namespace

bool recognise(const FormatHead& head) {
  const auto starts_with = [&](const char* signature, std::size_t size) {
    return head.bytes.size() >= size && std::memcmp(head.bytes.data(), signature, size) == 0;
  };
  return starts_with(kSignature, 8) || starts_with(kOldSignature, 8);
}

Result<std::unique_ptr<ImageReader>> open(std::shared_ptr<const File> file, const OpenOptions& options) {
  return Reader::open(std::move(file), options);
}

}  // namespace hib::kdump
