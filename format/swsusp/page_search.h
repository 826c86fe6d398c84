// What a kernel's pages say of it, page by page, where nothing leads there: VMCOREINFO and the "Linux
// version" banner.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/image/reader.h"

namespace hib::swsusp {

struct Banner {
  std::string release;
  std::string version;
};

// "Linux version 6.1.0-56-amd64 (builder@host) (gcc …) #1 SMP …": release and version. Not the format of such
// a line, nor one without the number of the build: some kernels have such a line beside their own.
std::optional<Banner> banner_in(std::string_view text);

inline constexpr std::string_view kVmcoreinfoStart = "OSRELEASE=";
inline constexpr std::uint64_t kKernelReach = 64 << 20;        // a kernel image is not larger
inline constexpr std::uint64_t kMaxSearchedBytes = 512 << 20;  // of pages

// VMCOREINFO of x86-64 and arm64 counts when its kernel runs this memory: a virtual machine in memory has one
// too. What others say cannot be proven.
//
// First looks at the pages from where the kernel lies, if that is known, then at all from the lowest on. Ends
// when both were found, or enough was looked at.
class PageSearch {
 public:
  explicit PageSearch(const ImageReader& image) : image_(image), page_(image.info().page_size) {}

  void run(Pfn kernel);

  std::optional<std::string> vmcoreinfo;
  std::optional<Banner> banner;

 private:
  bool is_done() const;
  void look_at(Pfn begin, Pfn end);
  void look_at_page(Pfn pfn);
  bool may_run_this_memory(const std::string& text);

  const ImageReader& image_;
  std::vector<std::byte> page_;
  std::uint64_t looked_at_ = 0;
  unsigned proofs_ = 0;
};

}  // namespace hib::swsusp
