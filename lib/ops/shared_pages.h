// How much of their memory several images have in common: contents of pages, wherever they lie.
#pragma once

#include <string>
#include <vector>

#include "lib/image/reader.h"
#include "lib/ops/pipeline.h"

namespace hib {

struct SharedPagesImage {
  std::string path;
  std::string format;
  std::uint64_t data_pages = 0;   // whose bytes are not all equal
  std::uint64_t contents = 0;     // distinct ones among them
  bool by_stored_hashes = false;  // no page was read
};

struct SharedPagesReport {
  std::vector<SharedPagesImage> images;
  // shared[i][j]: distinct contents that image i and image j both have; symmetric, shared[i][i] is
  // images[i].contents.
  std::vector<std::vector<std::uint64_t>> shared;
  // Of how many contents one was counted, by its hash: 1 where all were. Counts are of all, extrapolated.
  std::uint64_t sampled = 1;
  std::vector<Damage> damage;  // with salvage
};

// Takes images one by one, and keeps nothing of them but hashes: in all no more than `most_hashes`, 8 bytes
// each. When they become more, only contents are counted whose hash ends with one more zero bit.
class SharedPages {
 public:
  static constexpr std::uint64_t kMostHashes = 64U << 20;
  explicit SharedPages(std::uint64_t most_hashes = kMostHashes) : most_hashes_(most_hashes) {}

  // Stored page hashes where the image has them; otherwise its pages are read, once.
  Result<void> add(const ImageReader& image, const PipelineOptions& options);
  Result<SharedPagesReport> report() &&;

 private:
  using Hashes = std::vector<std::uint64_t>;

  Result<Hashes> stored_hashes(PageHashSource& source, std::uint64_t& data_pages) const;
  Result<Hashes> hashes_of_pages(const ImageReader& image, const PipelineOptions& options,
                                 std::uint64_t& data_pages);
  bool is_counted(std::uint64_t hash) const { return (hash & (report_.sampled - 1)) == 0; }
  void note(Damage damage);
  void sample_less();
  std::uint64_t kept() const;

  std::uint64_t most_hashes_;
  std::uint32_t page_size_ = 0;
  std::vector<Hashes> hashes_;  // of each image: sorted, distinct
  SharedPagesReport report_;
};

}  // namespace hib
