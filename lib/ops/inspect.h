// What an image is, from as little of it as that takes.
#pragma once

#include <optional>

#include "lib/image/reader.h"
#include "lib/memory/kernel_log.h"
#include "lib/ops/page_strip.h"

namespace hib {

// What the strip of an image tells apart. A page of one repeated byte that is not zero is data.
enum class StripKind : std::uint8_t { Data, Zero, Absent, Unreadable };

struct InspectReport {
  ImageInfo info;  // with the kernel's identity filled in where two pages tell it
  std::vector<Record> records;
  bool searched = false;                     // all pages were looked at to find the kernel
  std::optional<PageCounts> swapped;         // swapped-out pages, where the image has them
  std::optional<std::uint64_t> kaslr_slide;  // this and the next from VMCOREINFO
  std::optional<std::string> build_id;
  std::vector<PageRun> runs;             // with `want_runs`
  std::optional<PageStrip> strip;        // with `want_strip`: its kinds are those of StripKind
  std::vector<LabelledRange> map;        // with `want_map`
  std::vector<Damage> damage;            // with `want_damage`; each is a finding of `info` too
  std::optional<memory::KernelLog> log;  // with `want_log`
};

struct InspectOptions {
  bool want_runs = false;
  bool want_strip = false;
  bool want_map = false;
  bool want_damage = false;   // looks for it in all structures; pages are not read
  bool want_log = false;      // what dmesg would show; an error where it cannot be had
  bool was_searched = false;  // for the kernel, by find_kernel()
};

Result<InspectReport> inspect(const ImageReader& image, const InspectOptions& options);

}  // namespace hib
