#include "lib/image/extent_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/image/runs.h"
#include "lib/os/cancel.h"

namespace hib {
namespace {

// A smaller hole costs less to read than to remember.
constexpr std::uint64_t kSmallestHole = 64U << 10;
constexpr std::uint64_t kComparedBytes = 1U << 20;  // at once
constexpr std::size_t kMaxSeeks = 1U << 20;         // of a file with more holes the rest is read

// Which state wins for a page that two pieces share, because memory is cut inside it: lost bytes make the
// whole page lost, any bytes at all are better than none, and a hole holds only zeros.
int precedence(PageState state) {
  switch (state) {
    case PageState::Absent: return 0;
    case PageState::Fill: return 1;
    case PageState::Data: return 2;
    case PageState::Unreadable: return 3;
  }
  return 0;
}

}  // namespace

Result<std::unique_ptr<ImageReader>> ExtentReader::create(std::shared_ptr<const File> file, ImageInfo info,
                                                          std::vector<Extent> extents,
                                                          std::vector<Record> records, RangeMap labels) {
  auto reader = std::unique_ptr<ExtentReader>(new ExtentReader(std::move(file), std::move(info)));
  reader->records_ = std::move(records);
  reader->labels_ = std::move(labels);
  for (const Extent& extent : extents) {
    TRY_OK(reader->check(extent));
    reader->labels_.add(extent.file_offset, reader->available_bytes(extent), extent.name);
  }
  reader->find_pieces(std::move(extents));
  reader->find_runs();
  return std::unique_ptr<ImageReader>(std::move(reader));
}

Result<void> ExtentReader::check(const Extent& extent) const {
  const auto end = checked_add(extent.physical, extent.size_bytes);
  if (!end || *end > kMaxPfn * kMinPageBytes) {
    return fail(file_->error(ErrorKind::Corrupt, extent.file_offset, extent.name + ": physical range",
                             fmt::format("{:#x} + {:#x}", extent.physical, extent.size_bytes),
                             "an end at 2^52 or below"));
  }
  if (!checked_add(extent.file_offset, extent.stored_bytes)) {
    return fail(file_->error(ErrorKind::Corrupt, extent.file_offset, extent.name + ": file range",
                             fmt::format("{:#x} + {:#x}", extent.file_offset, extent.stored_bytes),
                             "an end below 2^64"));
  }
  return {};
}

std::uint64_t ExtentReader::available_bytes(const Extent& extent) const {
  if (extent.file_offset >= file_->size()) return 0;
  return std::min(extent.stored_bytes, file_->size() - extent.file_offset);
}

void ExtentReader::report_missing_bytes(const Extent& extent) {
  const std::uint64_t page = info_.page_size;
  const Pfn first = (extent.physical + available_bytes(extent)) / page;
  const Pfn end = (extent.physical + extent.stored_bytes + page - 1) / page;
  Damage damage{file_->error(ErrorKind::Truncated, file_->size(), extent.name,
                             fmt::format("the file ends after {} bytes", file_->size()),
                             fmt::format("{} are needed", extent.file_offset + extent.stored_bytes)),
                {{first, end - first}}};
  info_.state = ImageState::Incomplete;
  info_.findings.push_back({"truncated", Severity::Error, file_->size(), damage.error.line()});
  info_.damage.push_back(std::move(damage));
}

void ExtentReader::add_pieces(const Extent& extent) {
  const std::uint64_t available = available_bytes(extent);
  const auto add = [&](std::uint64_t from, std::uint64_t to, PageState state) {
    if (from < to) pieces_.push_back({extent.physical + from, to - from, extent.file_offset + from, state});
  };
  std::uint64_t read_from = 0;  // what lies before is done
  for (std::uint64_t at = 0; at < available && seeks_ < kMaxSeeks; ++seeks_) {
    const DeviceRange data = file_->data_from(extent.file_offset + at);
    const std::uint64_t start = std::min(data.start - extent.file_offset, available);
    if (start - at >= kSmallestHole) {
      add(read_from, at, PageState::Data);
      add(at, start, PageState::Fill);
      read_from = start;
    }
    at = start + std::min(data.bytes, available - start);
  }
  add(read_from, available, PageState::Data);
  add(available, extent.stored_bytes, PageState::Unreadable);
  add(extent.stored_bytes, extent.size_bytes, PageState::Absent);
  if (available < extent.stored_bytes) report_missing_bytes(extent);
}

void ExtentReader::find_pieces(std::vector<Extent> extents) {
  std::stable_sort(extents.begin(), extents.end(),
                   [](const Extent& a, const Extent& b) { return a.physical < b.physical; });
  std::uint64_t end = 0;
  for (Extent& extent : extents) {
    extent.stored_bytes = std::min(extent.stored_bytes, extent.size_bytes);
    const std::uint64_t extent_end = extent.physical + extent.size_bytes;
    if (extent.physical < end) {
      const std::uint64_t cut = std::min(end - extent.physical, extent.size_bytes);
      overlaps_.push_back(
          {extent.name, extent.physical, std::min(cut, available_bytes(extent)), extent.file_offset});
      info_.findings.push_back(
          {"overlap", Severity::Warning, extent.file_offset,
           fmt::format("{} repeats {} of memory from {:#x} on; the segment that starts lower counts",
                       extent.name, human_bytes(cut), extent.physical)});
      extent.physical += cut;
      extent.size_bytes -= cut;
      extent.file_offset += std::min(extent.stored_bytes, cut);
      extent.stored_bytes -= std::min(extent.stored_bytes, cut);
    }
    add_pieces(extent);
    end = std::max(end, extent_end);
  }
}

void ExtentReader::find_runs() {
  const std::uint64_t page = info_.page_size;
  for (const Piece& piece : pieces_) {
    const Pfn first = piece.physical / page;
    const Pfn end = (piece.end() + page - 1) / page;
    add_run({first, end - first, piece.state, 0});
  }
  for (const PageRun& run : runs_) info_.pages.add(run);
  if (!runs_.empty()) info_.end_pfn = runs_.back().end();
}

void ExtentReader::add_run(PageRun run) {
  if (!runs_.empty() && runs_.back().end() > run.first) {  // they share one page
    if (precedence(run.state) > precedence(runs_.back().state)) {
      if (--runs_.back().count == 0) runs_.pop_back();
    } else {
      ++run.first;
      --run.count;
    }
  }
  if (run.count == 0) return;
  append_run(runs_, run);
}

Result<std::unique_ptr<RunSource>> ExtentReader::runs() const { return source_of(runs_); }

void ExtentReader::load(PageBatch& batch) const {
  std::uint64_t pages = 0;
  for (const PageRun& run : batch.runs) pages += run.state == PageState::Data ? run.count : 0;
  batch.buffer.resize(pages * info_.page_size);
  std::byte* next = batch.buffer.data();
  for (const PageRun& run : batch.runs) {
    if (run.state != PageState::Data) {
      batch.items.push_back({run, nullptr, {}});
      continue;
    }
    const MutableBytes out(next, run.count * info_.page_size);
    auto read = read_memory(run.first * info_.page_size, out);
    if (read) {
      classify_pages(run.first, run.count, next, info_.page_size, batch.items);
    } else {
      batch.damage.push_back({std::move(read).error(), {{run.first, run.count}}});
      batch.items.push_back({{run.first, run.count, PageState::Unreadable, 0}, nullptr, {}});
    }
    next += out.size();
  }
}

Result<void> ExtentReader::read_page(Pfn pfn, MutableBytes out) const {
  const auto run =
      std::upper_bound(runs_.begin(), runs_.end(), pfn, [](Pfn p, const PageRun& r) { return p < r.end(); });
  if (run == runs_.end() || pfn < run->first || !run->is_present()) {
    const bool known = run != runs_.end() && pfn >= run->first;
    return fail(make_error(ErrorKind::NoPage, fmt::format("page {:#x}", pfn),
                           known ? std::string(name_of(run->state)) : "not memory of this machine",
                           "a page of the image")
                    .of(info_.path));
  }
  return read_memory(pfn * info_.page_size, out);
}

Result<void> ExtentReader::read_memory(std::uint64_t start, MutableBytes out) const {
  const std::uint64_t end = start + out.size();
  auto piece = std::upper_bound(pieces_.begin(), pieces_.end(), start,
                                [](std::uint64_t p, const Piece& e) { return p < e.end(); });
  std::uint64_t position = start;
  for (; piece != pieces_.end() && piece->physical < end; ++piece) {
    if (piece->state != PageState::Data) continue;
    const std::uint64_t from = std::max(start, piece->physical);
    const std::uint64_t to = std::min(end, piece->end());
    // Bytes of a page that no extent holds: the edge of memory inside a page.
    std::fill_n(out.data() + (position - start), from - position, std::byte{0});
    TRY_OK(
        file_->read_at(piece->file_offset + (from - piece->physical), out.subspan(from - start, to - from)));
    position = to;
  }
  std::fill_n(out.data() + (position - start), end - position, std::byte{0});
  return {};
}

Result<RangeMap> ExtentReader::map() const { return labels_; }

Result<std::optional<std::uint64_t>> ExtentReader::contradiction(const Overlap& overlap,
                                                                 std::uint64_t most_bytes) const {
  const std::uint64_t size = std::min(overlap.size_bytes, most_bytes);
  std::vector<std::byte> counts;
  std::vector<std::byte> other;
  for (std::uint64_t at = 0; at < size; at += kComparedBytes) {
    if (cancelled()) return fail(cancelled_error());
    counts.resize(std::min(size - at, kComparedBytes));
    other.resize(counts.size());
    TRY_OK(read_memory(overlap.physical + at, counts));
    TRY_OK(file_->read_at(overlap.file_offset + at, other));
    const auto differs = std::mismatch(counts.begin(), counts.end(), other.begin()).first - counts.begin();
    const std::uint64_t first = at + static_cast<std::uint64_t>(differs);
    if (first < at + counts.size()) return std::optional(first);
  }
  return std::optional<std::uint64_t>();
}

Layer ExtentReader::check_overlaps(std::vector<Damage>& damage) const {
  std::uint64_t left = file_->size();  // bytes to compare: many extents may share the same ones
  std::size_t wrong = 0;
  std::size_t skipped = 0;
  for (const Overlap& overlap : overlaps_) {
    auto differs = contradiction(overlap, left);
    if (!differs) {
      damage.push_back({std::move(differs).error(), {}});
      ++wrong;
    } else if (*differs) {
      damage.push_back({file_->error(ErrorKind::Corrupt, overlap.file_offset + **differs, overlap.name,
                                     fmt::format("other bytes of address {:#x} than the segment that counts",
                                                 overlap.physical + **differs),
                                     "the same bytes wherever segments overlap"),
                        {}});
      ++wrong;
    } else if (left < overlap.size_bytes) {
      ++skipped;
    }
    left -= std::min(left, overlap.size_bytes);
  }
  constexpr const char* kName = "overlapping segments";
  if (wrong > 0)
    return {kName, LayerResult::Bad, fmt::format("{} of {} contradict another", wrong, overlaps_.size())};
  if (skipped > 0)
    return {kName, LayerResult::NotChecked, fmt::format("{} of {}", skipped, overlaps_.size())};
  return {kName, LayerResult::Ok,
          counted(overlaps_.size(), "segment") + " with the same bytes as another for the same memory"};
}

StructureCheck ExtentReader::check_structure() const {
  StructureCheck check;
  check.damage = info_.damage;
  check.layers.push_back({"headers", LayerResult::Ok, info_.variant});
  check.layers.push_back({"segments", info_.damage.empty() ? LayerResult::Ok : LayerResult::Bad,
                          info_.damage.empty()
                              ? std::string("all inside the file")
                              : fmt::format("{} not wholly in the file", info_.damage.size())});
  if (!overlaps_.empty()) check.layers.push_back(check_overlaps(check.damage));
  return check;
}

}  // namespace hib
