#include "format/swsusp/locate.h"

#include <algorithm>

#include <fmt/format.h>

#include "format/swsusp/info_page.h"
#include "format/swsusp/swap_file.h"
#include "lib/base/text.h"
#include "lib/os/partitions.h"

namespace hib::swsusp {
namespace {

constexpr std::size_t kHeadBytes = 65536;
constexpr std::size_t kExtMagic = 1080;  // u16 in an ext2/3/4 superblock
constexpr std::size_t kMbrSignature = 510;
constexpr std::size_t kGptSignature = 512;
constexpr std::size_t kMbrEntries = 446;

std::uint16_t u16_at(ByteView bytes, std::size_t offset) {
  le16 value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

bool starts_with(ByteView head, const unsigned char* magic, std::size_t size) {
  return head.size() >= size && std::memcmp(head.data(), magic, size) == 0;
}

bool is_ext(ByteView head) { return head.size() >= 2048 && u16_at(head, kExtMagic) == 0xEF53; }

bool has_partition_table(ByteView head) {
  if (head.size() < 1024) return false;
  if (as_text(head.subspan(kGptSignature, 8)) == "EFI PART") return true;
  if (u16_at(head, kMbrSignature) != 0xAA55) return false;
  bool any = false;
  for (std::size_t i = 0; i < 4; ++i) {  // each entry: a boot flag that is 0 or 0x80, a type
    const ByteView entry = head.subspan(kMbrEntries + 16 * i, 16);
    if (entry[0] != std::byte{0} && entry[0] != std::byte{0x80}) return false;
    any = any || entry[4] != std::byte{0};
  }
  return any;
}

// Higher is better: an image before an area without one.
int rank(const Located& found) {
  switch (found.header.state) {
    case State::Armed: return 3;
    case State::Consumed: return 2;
    case State::Plain: return 1;
  }
  return 0;
}

Result<std::vector<std::byte>> head_at(const File& file, std::uint64_t offset, std::uint64_t size) {
  return file.read_at(
      offset, std::min<std::uint64_t>({size, kHeadBytes, file.size() - std::min(offset, file.size())}));
}

class Search {
 public:
  explicit Search(std::shared_ptr<const File> file) : file_(std::move(file)) {}

  Result<Located> at_offset(std::uint64_t pages) {
    for (const std::uint32_t page_size : kPageSizes) {
      const auto offset = checked_mul<std::uint64_t>(pages, page_size);
      if (!offset || *offset >= file_->size()) break;
      TRY(const auto head, head_at(*file_, *offset, page_size));
      const auto header = find_header(head);
      if (!header || header->page_size != page_size) continue;
      return Located{*header,
                     BlockSpace(file_, page_size, 0, file_->size()),
                     pages,
                     *offset,
                     fmt::format("at page {}", pages),
                     {},
                     {}};
    }
    return fail(file_->error(ErrorKind::NotRecognised, 0, fmt::format("--offset {}", pages),
                             "no swap signature in that page",
                             "the number that /sys/power/resume_offset had"));
  }

  Result<Located> anywhere() {
    TRY(const auto head, head_at(*file_, 0, file_->size()));
    if (const auto header = find_header(head)) return whole_file(*header);
    if (is_ext(head)) look_into_file_system(0, file_->size(), "");
    if (has_partition_table(head)) look_into_partitions();
    if (found_.empty()) return fail(nothing_found(head));
    return best();
  }

 private:
  // The area begins where the file begins: a device or a copy of it, or a swap file whose blocks are counted
  // on the device of its file system.
  Result<Located> whole_file(const Header& header) {
    Located found{header, BlockSpace(file_, header.page_size, 0, file_->size()), 0, 0, "", {}, {}};
    if (header.state == State::Plain || header.dialect == Dialect::Uswsusp ||
        leads_to_an_image(found.space, header))
      return found;
    if (auto extents = swap_file_extents(*file_)) {
      BlockSpace space(file_, header.page_size, *extents);
      if (leads_to_an_image(space, header)) {
        found.space = space;
        found.place = "swap file of a mounted file system";
        found.header_block = block_of_start(space);
        found.swap_file = std::move(extents);
      }
    }
    return found;
  }

  // The device's page that is the file's first page.
  static std::uint64_t block_of_start(const BlockSpace& space) {
    for (std::uint64_t block = 0; block < space.block_count();) {
      const std::uint64_t there = space.contiguous(block, space.block_count() - block);
      if (there > 0 && space.file_offset(block) == 0U) return block;
      block += std::max<std::uint64_t>(there, 1);
    }
    return 0;
  }

  // The part of an image that is there is read.
  std::vector<Finding> cut_partition(const Partition& partition) const {
    if (partition.missing == 0) return {};
    return {{"partition-cut", Severity::Warning, file_->size(),
             fmt::format("partition {} ends {} behind the end of the file: the copy of the disk is not whole",
                         partition.number, human_bytes(partition.missing))}};
  }

  void look_into_partitions() {
    for (const Partition& partition : list_partitions(*file_)) {
      const auto head = head_at(*file_, partition.offset, partition.size);
      if (!head) continue;
      ++partitions_;
      const std::string name = fmt::format("partition {}", partition.number);
      if (const auto header = find_header(*head)) {
        found_.push_back({*header,
                          BlockSpace(file_, header->page_size, partition.offset, partition.size),
                          0,
                          partition.offset,
                          name,
                          {},
                          cut_partition(partition)});
      } else if (is_ext(*head)) {
        look_into_file_system(partition.offset, partition.size, name + ", ");
      } else if (starts_with(*head, kLuksMagic, sizeof(kLuksMagic))) {
        encrypted_ = true;
      }
    }
  }

  void look_into_file_system(std::uint64_t base, std::uint64_t size, const std::string& name) {
    ++file_systems_;
    for (const SwapFile& swap : find_swap_files(*file_, base)) {
      const auto offset = checked_add(base, swap.first_byte);
      if (!offset) continue;
      const auto head = head_at(*file_, *offset, size);
      if (!head) continue;
      const auto header = find_header(*head);
      if (!header || swap.first_byte % header->page_size != 0) continue;
      found_.push_back({*header,
                        BlockSpace(file_, header->page_size, base, size),
                        swap.first_byte / header->page_size,
                        *offset,
                        fmt::format("{}swap file (inode {}, resume_offset {})", name, swap.inode,
                                    swap.first_byte / header->page_size),
                        swap.extents,
                        {}});
    }
  }

  Result<Located> best() {
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Located& a, const Located& b) { return rank(a) > rank(b); });
    Located out = std::move(found_.front());
    for (std::size_t i = 1; i < found_.size(); ++i) {
      out.findings.push_back({"another-swap-area", Severity::Note, found_[i].header_offset,
                              "there is another swap area: " + found_[i].place});
    }
    return out;
  }

  Error nothing_found(ByteView head) const {
    if (starts_with(head, kLuksMagic, sizeof(kLuksMagic)) || encrypted_) {
      return file_
          ->error(ErrorKind::Unsupported, 0, "format",
                  "an encrypted LUKS volume: what is in it cannot be seen", "a swap area")
          .advise("open it read-only (cryptsetup open --readonly) and name the device that appears");
    }
    if (partitions_ > 0) {
      return file_
          ->error(ErrorKind::NotRecognised, 0, "format",
                  fmt::format("a disk with {} partitions, none of them with a swap area or an ext file "
                              "system that holds one",
                              partitions_),
                  "a hibernation image")
          .advise("--offset PAGES says where the swap header lies");
    }
    if (file_systems_ > 0) {
      return file_->error(ErrorKind::NotRecognised, 0, "format", "an ext file system without a swap file",
                          "a hibernation image");
    }
    const bool empty = std::all_of(head.begin(), head.end(), [](std::byte b) { return b == std::byte{0}; });
    return file_
        ->error(ErrorKind::NotRecognised, 0, "format",
                empty ? "zeros where a swap header would be"
                      : "no swap signature at the end of a first page of 4 to 64 KiB",
                "a swap area")
        .advise("--offset PAGES says where the swap header lies");
  }

  std::shared_ptr<const File> file_;
  std::vector<Located> found_;
  std::size_t partitions_ = 0;
  std::size_t file_systems_ = 0;
  bool encrypted_ = false;
};

}  // namespace

bool leads_to_an_image(const BlockSpace& space, const Header& header) {
  const Abi abi{header.page_size, 8, header.big_endian};
  std::vector<std::byte> page(header.page_size);
  if (header.image == 0 || space.contiguous(header.image, 1) == 0 || !space.read(header.image, page))
    return false;
  const std::uint64_t info_block = abi.u64(page, 0);
  if (info_block == 0 || space.contiguous(info_block, 1) == 0 || !space.read(info_block, page)) return false;
  return parse_info_page(page, abi, true).evidence > 0;
}

bool may_hold_swap_area(ByteView head) {
  return find_header(head).has_value() || has_partition_table(head) || is_ext(head) ||
         starts_with(head, kLuksMagic, sizeof(kLuksMagic));
}

Result<Located> locate(std::shared_ptr<const File> file, const OpenOptions& options) {
  Search search(std::move(file));
  return options.swap_offset ? search.at_offset(*options.swap_offset) : search.anywhere();
}

}  // namespace hib::swsusp
