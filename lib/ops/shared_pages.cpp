#include "lib/ops/shared_pages.h"

#include <algorithm>

#include "lib/os/cancel.h"

namespace hib {
namespace {

void make_distinct(std::vector<std::uint64_t>& hashes) {
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
}

std::uint64_t count_common(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
  std::uint64_t count = 0;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    if (*x == *y) ++count;
    const bool is_behind = *x <= *y;
    if (*y <= *x) ++y;
    if (is_behind) ++x;
  }
  return count;
}

}  // namespace

Result<SharedPages::Hashes> SharedPages::stored_hashes(PageHashSource& source,
                                                       std::uint64_t& data_pages) const {
  Hashes hashes;
  for (;;) {
    TRY(const auto run, source.next());
    if (!run) return hashes;
    if (cancelled()) return fail(cancelled_error());
    if (run->run.state != PageState::Data) continue;
    data_pages += run->run.count;
    std::copy_if(run->hashes, run->hashes + run->run.count, std::back_inserter(hashes),
                 [&](std::uint64_t hash) { return is_counted(hash); });
  }
}

Result<SharedPages::Hashes> SharedPages::hashes_of_pages(const ImageReader& image,
                                                         const PipelineOptions& options,
                                                         std::uint64_t& data_pages) {
  Hashes hashes;
  PipelineOptions reading = options;
  reading.inspect = [&](const PageBatch& batch) -> Result<void> {
    for (const PageItem& item : batch.items) {
      if (item.run.state != PageState::Data) continue;
      ++data_pages;
      if (is_counted(item.hash.low)) hashes.push_back(item.hash.low);
    }
    return {};
  };
  TRY(const PipelineResult result, run_pipeline(image, nullptr, reading));
  for (Damage& damage : result.all_damage()) note(std::move(damage));
  return hashes;
}

// Opening an image and reading its pages may find the same place.
void SharedPages::note(Damage damage) {
  const std::string line = damage.error.line();
  const bool is_known = std::any_of(report_.damage.begin(), report_.damage.end(),
                                    [&](const Damage& known) { return known.error.line() == line; });
  if (!is_known) report_.damage.push_back(std::move(damage));
}

std::uint64_t SharedPages::kept() const {
  std::uint64_t count = 0;
  for (const Hashes& hashes : hashes_) count += hashes.size();
  return count;
}

// Hashes are evenly spread, so that half of them remain.
void SharedPages::sample_less() {
  report_.sampled *= 2;
  for (Hashes& hashes : hashes_) {
    std::erase_if(hashes, [&](std::uint64_t hash) { return !is_counted(hash); });
    hashes.shrink_to_fit();
  }
}

Result<void> SharedPages::add(const ImageReader& image, const PipelineOptions& options) {
  const ImageInfo& info = image.info();
  if (page_size_ == 0) page_size_ = info.page_size;
  if (info.page_size != page_size_) {
    return fail(make_error(ErrorKind::Unsupported, "page size", std::to_string(info.page_size),
                           std::to_string(page_size_) + ", as in " + report_.images.front().path)
                    .of(info.path));
  }
  for (const Damage& damage : info.damage) note(damage);
  SharedPagesImage of{info.path, info.format};
  TRY(const auto stored, stored_page_hashes(image, options));
  of.by_stored_hashes = stored != nullptr;
  TRY(Hashes hashes, stored != nullptr ? stored_hashes(*stored, of.data_pages)
                                       : hashes_of_pages(image, options, of.data_pages));
  make_distinct(hashes);
  hashes_.push_back(std::move(hashes));
  report_.images.push_back(std::move(of));
  while (kept() > most_hashes_) sample_less();
  return {};
}

Result<SharedPagesReport> SharedPages::report() && {
  const std::size_t count = hashes_.size();
  report_.shared.assign(count, std::vector<std::uint64_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = i; j < count; ++j) {
      if (cancelled()) return fail(cancelled_error());
      const std::uint64_t common = i == j ? hashes_[i].size() : count_common(hashes_[i], hashes_[j]);
      report_.shared[i][j] = report_.shared[j][i] = common * report_.sampled;
    }
    report_.images[i].contents = report_.shared[i][i];
  }
  return std::move(report_);
}

}  // namespace hib
