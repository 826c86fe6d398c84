// Push side of an image: the writer of a format. The pipeline (lib/ops/pipeline.h) drives it:
//   plan    one thread, batches in PFN order: decides what becomes of each page
//   encode  any thread: the expensive part (compression), touches nothing but the job
//   append  one thread, jobs in the order of plan: writes
// A sink that has not been finished has written nothing that anyone can see.
#pragma once

#include <memory>

#include "lib/base/error.h"
#include "lib/image/reader.h"
#include "lib/image/record.h"

namespace hib {

// What was written, beside the pages: for scripts by name, for people as lines.
struct WriteReport {
  FieldList facts;
  std::vector<std::string> lines;
};

class PageSink {
 public:
  class Job {
   public:
    virtual ~Job() = default;
  };

  virtual ~PageSink() = default;
  virtual Result<void> begin() = 0;
  virtual Result<std::unique_ptr<Job>> plan(std::shared_ptr<const PageBatch> batch) = 0;
  virtual Result<void> encode(Job& job) = 0;
  virtual Result<void> append(Job& job) = 0;

  struct Totals {
    PageCounts pages;
    Hash128 content_digest;
    PageCounts swapped;  // of swapped-out pages, to a sink that was given any
    Hash128 swapped_digest;
    std::size_t broken_places = 0;  // of the source, with salvage: what was written is not all of it
    std::uint64_t missing_pages = 0;
  };
  // After the last append: writes what comes last, flushes, and makes the output visible.
  virtual Result<void> finish(const Totals& totals) = 0;

  // After finish().
  virtual WriteReport report() const { return {}; }
};

}  // namespace hib
