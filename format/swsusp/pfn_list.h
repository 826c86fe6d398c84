// The PFN pages: which page of memory each data page of the stream is.
#pragma once

#include <vector>

#include "format/swsusp/abi.h"
#include "lib/image/info.h"
#include "lib/image/pages.h"

namespace hib::swsusp {

// Consecutive PFNs of one kind. Data: their pages are data pages `data_index`, `data_index` + 1, … of the
// stream.
struct PfnRun {
  Pfn first = 0;
  std::uint64_t data_index = 0;  // zero pages: of the next data page
  std::uint32_t count = 0;
  bool zero = false;

  Pfn end() const { return first + count; }
  std::uint64_t data_end() const { return data_index + (zero ? 0 : count); }
};

class PfnList {
 public:
  std::vector<PfnRun> runs;      // ascending in PFN and in data_index
  std::uint64_t data_pages = 0;  // listed, skipped ones included
  std::uint64_t zero_pages = 0;
  std::vector<Damage> damage;
  bool uses_zero_flag = false;  // Linux 6.6 and later

  Pfn end_pfn() const { return runs.empty() ? 0 : runs.back().end(); }
};

// Counts what the PFN pages list, for when it is not known how many of them there are.
class PfnCounter {
 public:
  explicit PfnCounter(const Abi& abi) : abi_(abi) {}

  // False, and the page does not count, when it holds no PFNs.
  bool add_page(ByteView page);

  bool has_ended() const { return ended_; }  // the end mark was there
  std::uint64_t pages() const { return pages_; }
  std::uint64_t data_pages() const { return data_pages_; }
  // Of the whole stream, if the list ends here.
  std::uint64_t stream_pages() const { return 1 + pages_ + data_pages_; }

 private:
  Abi abi_;
  std::uint64_t pages_ = 0;
  std::uint64_t data_pages_ = 0;
  Pfn next_ = 0;
  bool ended_ = false;
};

// Takes the PFN pages one after the other. A page that could not be read is passed as an empty view: the
// entries before the first and after the last such page can still be placed, those after it by counting from
// the end.
class PfnListDecoder {
 public:
  // `image_pages` as the info page says.
  PfnListDecoder(const Abi& abi, std::uint64_t image_pages);

  // `file_offset`: where the page, or the chunk that it is in, lies.
  void add_page(ByteView page, std::uint64_t file_offset);
  bool has_ended() const { return ended_; }  // the end mark was there
  PfnList finish();

 private:
  void add_entry(std::uint64_t value, std::uint64_t entry, std::uint64_t file_offset);
  void note(std::uint64_t entry, std::uint64_t file_offset, const char* what, std::string found,
            std::string allowed);

  Abi abi_;
  std::uint64_t image_pages_;
  std::uint64_t zero_flag_;
  std::uint64_t page_ = 0;
  std::uint64_t last_offset_ = 0;
  bool ended_ = false;
  bool gap_ = false;                 // a PFN page was unreadable
  std::size_t first_after_gap_ = 0;  // index of the first run behind it
  std::uint64_t data_before_gap_ = 0;
  PfnList list_;
};

}  // namespace hib::swsusp
