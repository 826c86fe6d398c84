// The one loop that carries pages from an image to a sink: parallel where that helps, in order where it must
// be, in bounded memory. Counting, the content digest, damage, progress and cancellation live here and
// nowhere else.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "lib/image/reader.h"
#include "lib/image/sink.h"

namespace hib {

struct Progress {
  std::uint64_t done_bytes = 0;  // of memory
  std::uint64_t total_bytes = 0;
};
using ProgressCallback = std::function<void(const Progress&)>;

struct PipelineOptions {
  unsigned threads = 0;       // 0: all processors
  bool with_swapped = false;  // swapped-out pages too, after memory: their numbers are those of WithSwapped
  bool salvage = false;       // damaged pages become unreadable; otherwise the first damage ends the work
  bool may_salvage = false;   // who asks has --salvage: an error of damage says so
  bool hashes_only = false;   // neither a sink nor inspect: see PageBatch
  ProgressCallback progress;  // called from one thread at a time
  // Called in order with every loaded batch, after the counting; for work that is not a sink.
  std::function<Result<void>(const PageBatch&)> inspect;
};

struct PipelineResult {
  PageCounts pages;
  Hash128 content_digest;
  // Of swapped-out pages, with PipelineOptions::with_swapped; the digest is over their slots.
  PageCounts swapped;
  // Pages that the image says it has, and that were in no batch: what leads to them is broken.
  std::uint64_t missing_pages = 0;
  Hash128 swapped_digest;
  std::vector<Damage> damage;  // of pages
  WholeCheck whole;            // what only the pass over all of them told

  std::vector<Damage> all_damage() const;  // of pages, then of the whole
};

// With a null sink the image is only read. On success the sink has been finished.
Result<PipelineResult> run_pipeline(const ImageReader& source, PageSink* sink,
                                    const PipelineOptions& options);

// The page hashes that the image stores. Null where it stores none, and with salvage: who asks for that wants
// to know which pages are lost, so they have to be read.
Result<std::unique_ptr<PageHashSource>> stored_page_hashes(const ImageReader& image,
                                                           const PipelineOptions& options);

unsigned processor_count();

// "256 pages lost"; of an image whose end is missing, at least so many.
std::string lost_pages(std::uint64_t count, const ImageInfo& image);

}  // namespace hib
