// The files of one dump: one, or the parts that makedumpfile --split has made. Every part has the headers and
// bitmaps of the whole, and the descriptors and data of its own range of pages.
#pragma once

#include <memory>
#include <vector>

#include "format/kdump/bitmap.h"
#include "format/kdump/page_data.h"

namespace hib::kdump {

struct Part {
  Part(DumpFile dump_file, Headers decoded) : dump(std::move(dump_file)), headers(std::move(decoded)) {}
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  DumpFile dump;
  Headers headers;
  PageTable table{dump, headers};
  std::uint64_t first_number = 0;  // of its first page, counted in the whole dump
  std::uint64_t pages = 0;

  Pfn start() const { return headers.is_part ? headers.part_start : 0; }
  Pfn end() const { return headers.is_part ? headers.part_end : headers.max_mapnr; }
};

class Parts {
 public:
  // `opened` and, when it is a part, those beside it: regular files in its folder with the same header. Of
  // two that hold the same pages the first counts, and `opened` always does.
  static Parts find(std::unique_ptr<Part> opened);

  void count_pages(const PageMap& pages);

  const Part& opened() const { return *opened_; }
  const std::vector<std::unique_ptr<Part>>& all() const { return parts_; }  // ascending, disjoint
  // The part with page `number` of the dump; null where its part was not found.
  const Part* of(std::uint64_t number) const;
  // Ranges of pages whose part was not found.
  std::vector<PfnRange> missing() const;

 private:
  std::vector<std::unique_ptr<Part>> parts_;
  const Part* opened_ = nullptr;
};

}  // namespace hib::kdump
