// An image goes through the pipeline into another format: what create, restore and the saver do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/image/format.h"
#include "lib/ops/added_records.h"
#include "lib/ops/pipeline.h"
#include "lib/ops/second_look.h"

namespace hib {

struct ConvertRequest {
  std::string source;
  std::string source_format;               // empty: found by content
  OpenOptions open;                        // of the source; `salvage` goes for the whole conversion
  std::string output;                      // "-" is standard output
  std::vector<DeviceRange> output_window;  // not empty: only these pieces of the output, a block device
  const Format* as = nullptr;
  WriteOptions write;                     // `base` and `records` are filled in
  std::string base;                       // path of the image that write.base is to be
  std::vector<Record> added_records;      // beside what the source says: see add_records()
  std::vector<std::string> other_inputs;  // paths that must not be the output either
  bool describe = true;                   // fill ConvertReport::written
  bool is_live = false;                   // the source changes while it is read
  unsigned threads = 0;                   // 0: all processors
  ProgressCallback progress;
};

struct ConvertReport {
  ImageInfo source;
  PageCounts pages;
  Hash128 content_digest;
  std::vector<Damage> damage;               // of the source; none unless salvaged
  std::uint64_t missing_pages = 0;          // see PipelineResult
  bool marks_lost_pages = false;            // the output does
  std::optional<OtherKernel> other_kernel;  // that of the added records: what they say of it was left out
  std::optional<Seen> live;  // of a source that changes: what a second look at some of its pages saw
  // What the machine had swapped out, and the source does not hold. Of memory that is no hibernation image,
  // none; nothing: not known.
  std::optional<std::uint64_t> missing_slots = 0;
  WriteReport written;

  bool is_partial() const;  // pages are lost, and the output does not say so, or they were lost only now
};

// An offset of the source that is not one of its own is the output's, which is written into: the request is
// changed.
void give_offset_to_output(const Formats& formats, ConvertRequest& request);

// On success the output is whole and flushed. On an error it is as it was before, with two exceptions: a
// block device may hold a beginning of it, and an existing target that a format writes into
// (Format::write_into) then holds nothing that passes for an image.
Result<ConvertReport> convert(const Formats& formats, const ConvertRequest& request);

}  // namespace hib
