// Proves as much of an image as its format can prove, layer by layer.
#pragma once

#include <optional>
#include <string>

#include "lib/image/reader.h"
#include "lib/ops/pipeline.h"

namespace hib {

enum class Verdict { Good, Damaged, Unverifiable };

struct VerifyReport {
  Verdict verdict = Verdict::Good;
  std::vector<Layer> layers;
  std::vector<Damage> damage;
  PageCounts pages;  // by content
  Hash128 content_digest;
  std::optional<PageCounts> swapped;         // swapped-out pages, where the image keeps them
  std::vector<MemoryMapEntry> firmware_map;  // of the machine, out of its memory; empty: not found
  std::vector<Layer> acceptance;  // of a hibernation image, by a machine; filled in by who asks for it

  bool acceptable() const;  // no layer of `acceptance` is bad
};

// The image must have been opened with salvage, so that damage is found instead of stopping at the first.
// `look_at` is called in order with every loaded batch.
Result<VerifyReport> verify(const ImageReader& image, unsigned threads, const ProgressCallback& progress,
                            const std::function<void(const PageBatch&)>& look_at = {});

}  // namespace hib
