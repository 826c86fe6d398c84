// What create and restore have in common: an image goes through the pipeline into a new output.
#pragma once

#include <functional>

#include "cli/common.h"
#include "format/hib/writer.h"
#include "lib/image/sink.h"
#include "lib/ops/pipeline.h"
#include "lib/os/output.h"

namespace hib::cli {

struct ReplayRequest {
  std::string verb;  // "create", "restore"
  std::string source;
  std::string output;
  std::string as;     // format of the output
  std::string codec;  // kdump, swsusp; empty: the default of the format
  int level = 1;
  std::uint32_t chunk_kib = 1024;
  std::string base;                   // hib: incremental over this image
  std::string records;                // hib: a JSON file of records to add
  std::vector<Record> added_records;  // hib: more of them
  std::string target_offset;          // swsusp: page of the target that holds the swap header
  bool by_extents = false;            // swsusp: the target is a swap file of this machine
  bool force = false;
  std::vector<PfnRange> unused;            // an ELF source's pages that need not be kept
  std::vector<DeviceRange> output_window;  // not empty: only these pieces of the output, a block device
  ProgressCallback progress;               // called beside the progress line
  std::vector<container::Breadcrumb> breadcrumbs;  // hib: what has happened before
};

int replay(const Context& context, const ReplayRequest& request);

}  // namespace hib::cli
