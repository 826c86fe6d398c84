#include "lib/image/reader.h"

#include <algorithm>
#include <cstring>

namespace hib {

bool ImageInfo::has_finding(std::string_view code) const {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const Finding& finding) { return finding.code == code; });
}

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::Note: return "note";
    case Severity::Warning: return "warning";
    case Severity::Error: return "error";
  }
  return "unknown";
}

std::string_view name_of(ImageState state) {
  switch (state) {
    case ImageState::Unknown: return "unknown";
    case ImageState::Complete: return "complete";
    case ImageState::Incomplete: return "incomplete";
    case ImageState::Armed: return "armed";
    case ImageState::Consumed: return "consumed";
    case ImageState::None: return "none";
  }
  return "unknown";
}
namespace {

// Cuts runs into batches of kBatchPages; a run without bytes costs nothing and is not cut.
class RunSplitter final : public BatchSource {
 public:
  explicit RunSplitter(std::unique_ptr<RunSource> runs) : runs_(std::move(runs)) {}

  Result<bool> next(PageBatch& batch) override {
    batch.clear();
    batch.number = number_++;
    std::uint64_t room = kBatchPages;
    while (room > 0 && batch.runs.size() < kBatchPages) {
      if (pending_.count == 0) {
        TRY(const std::optional<PageRun> run, runs_->next());
        if (!run) break;
        pending_ = *run;
      }
      PageRun part = pending_;
      if (part.state == PageState::Data) {
        part.count = std::min(part.count, room);
        room -= part.count;
      }
      batch.runs.push_back(part);
      pending_.first += part.count;
      pending_.count -= part.count;
    }
    return !batch.runs.empty();
  }

 private:
  std::unique_ptr<RunSource> runs_;
  PageRun pending_;
  std::uint64_t number_ = 0;
};

}  // namespace

void PageBatch::clear() {
  context.reset();
  pages.reset();
  runs.clear();
  items.clear();
  damage.clear();
}

Result<std::unique_ptr<BatchSource>> ImageReader::batches() const {
  TRY(auto source, runs());
  return std::unique_ptr<BatchSource>(new RunSplitter(std::move(source)));
}

std::optional<std::uint8_t> fill_value(ByteView page) {
  const std::byte* p = page.data();
  if (p[0] != p[1] || std::memcmp(p, p + 1, 64) != 0) return std::nullopt;  // nearly every page ends here
  if (std::memcmp(p, p + 64, page.size() - 64) != 0) return std::nullopt;
  return std::to_integer<std::uint8_t>(p[0]);
}

void classify_pages(Pfn first, std::uint64_t count, const std::byte* bytes, std::uint32_t page_size,
                    std::vector<PageItem>& items) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const ByteView page(bytes + i * page_size, page_size);
    if (const auto fill = fill_value(page)) {
      const PageRun run{first + i, 1, PageState::Fill, *fill};
      if (!items.empty() && run.continues(items.back().run)) {
        ++items.back().run.count;
      } else {
        items.push_back({run, nullptr, {}});
      }
    } else {
      items.push_back({{first + i, 1, PageState::Data, 0}, page.data(), hash128(page)});
    }
  }
}

const std::vector<Breadcrumb>& ImageReader::history() const {
  static const std::vector<Breadcrumb> none;
  return none;
}

Result<void> ImageReader::check_bytes(const std::function<void(std::uint64_t, std::uint64_t)>&) const {
  return fail(
      make_error(ErrorKind::Unsupported, "hashes", info().format + " has none over its bytes", "a .hib image")
          .of(info().path));
}

}  // namespace hib
