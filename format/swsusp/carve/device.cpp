#include "format/swsusp/carve/device.h"

#include <algorithm>

namespace hib::swsusp {
namespace {

constexpr std::int64_t kSectorBytes = 512;
constexpr std::size_t kNeighbours = 8;     // map pages of several images may lie between one and the next
constexpr std::size_t kMostByVotes = 16;   // devices that only map pages speak for
constexpr std::uint64_t kEnoughVotes = 2;  // one can be chance
constexpr std::uint64_t kVotesOfPlace = 2;
constexpr std::uint64_t kNearBytes = 1 << 20;  // between the first map page and the info page

// What the map pages that were found say of where the device begins.
class Votes {
 public:
  // If the page at this byte of the file is that block.
  void add(std::uint64_t file_offset, std::uint64_t block, std::uint32_t page_size, std::uint64_t weight) {
    if (block >= kTooManyBlocks || file_offset > kTooManyBlocks * page_size) return;
    const std::int64_t start =
        static_cast<std::int64_t>(file_offset) - static_cast<std::int64_t>(block * page_size);
    if (start % kSectorBytes == 0) votes_.push_back({start, weight});
  }

  // To be called when all have voted: equal starts count together.
  void count() {
    std::sort(votes_.begin(), votes_.end(), [](const Vote& a, const Vote& b) { return a.start < b.start; });
    std::vector<Vote> sums;
    for (const Vote& vote : votes_) {
      if (!sums.empty() && sums.back().start == vote.start)
        sums.back().weight += vote.weight;
      else
        sums.push_back(vote);
    }
    votes_ = std::move(sums);
  }

  std::uint64_t of(std::int64_t start) const {
    const auto it = std::lower_bound(votes_.begin(), votes_.end(), start,
                                     [](const Vote& vote, std::int64_t s) { return vote.start < s; });
    return it != votes_.end() && it->start == start ? it->weight : 0;
  }

  std::vector<std::int64_t> best(std::size_t most) const {
    std::vector<Vote> sums = votes_;
    std::erase_if(sums, [](const Vote& vote) { return vote.weight < kEnoughVotes; });
    std::stable_sort(sums.begin(), sums.end(),
                     [](const Vote& a, const Vote& b) { return a.weight > b.weight; });
    std::vector<std::int64_t> starts;
    for (const Vote& vote : sums) {
      if (starts.size() < most) starts.push_back(vote.start);
    }
    return starts;
  }

 private:
  struct Vote {
    std::int64_t start = 0;
    std::uint64_t weight = 0;
  };
  std::vector<Vote> votes_;
};

// A map page's first block lies right behind it, the first of all names the info page, and each names the
// next one; all of them lie near. That next one alone is weak: where the device seems to begin 512 blocks
// further on, another map page lies there.
Votes votes_of(const Catalogue& catalogue) {
  Votes votes;
  const std::vector<FoundMapPage>& pages = catalogue.map_pages;
  auto info = catalogue.info_pages.begin();
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const FoundMapPage& page = pages[i];
    votes.add(page.offset, page.mark.first_entry - 1, page.abi.page_size, kVotesOfPlace);
    for (std::size_t j = i + 1; j < std::min(i + 1 + kNeighbours, pages.size()); ++j) {
      if (page.mark.next != 0 && pages[j].abi == page.abi)
        votes.add(pages[j].offset, page.mark.next, page.abi.page_size, 1);
    }
    while (info != catalogue.info_pages.end() && info->offset < page.offset) ++info;
    std::size_t looked_at = 0;
    for (auto near = info; near != catalogue.info_pages.end() && near->offset - page.offset <= kNearBytes &&
                           looked_at < kNeighbours;
         ++near, ++looked_at) {
      if (near->abi.page_size == page.abi.page_size)
        votes.add(near->offset, page.mark.first_entry, page.abi.page_size, kEnoughVotes);
    }
  }
  votes.count();
  return votes;
}

}  // namespace

BlockSpace Device::space(std::uint32_t page_size) const {
  if (start >= 0) return {file, page_size, static_cast<std::uint64_t>(start), bytes};
  const std::uint64_t before = 0 - static_cast<std::uint64_t>(start);
  return {file, page_size, std::vector<FileExtent>{{before, 0, bytes}}};
}

Device Device::as_long_as_file() const { return device_at(file, {}, start); }

std::uint64_t Device::end_block(std::uint32_t page_size) const {
  const std::uint64_t before = start < 0 ? 0 - static_cast<std::uint64_t>(start) : 0;
  return (before + bytes) / page_size;
}

std::optional<std::uint64_t> Device::block_at(std::uint64_t file_offset, std::uint32_t page_size) const {
  if (start >= 0 && file_offset < static_cast<std::uint64_t>(start)) return std::nullopt;
  const std::uint64_t into = file_offset - static_cast<std::uint64_t>(start);
  if (into % page_size != 0 || into / page_size >= end_block(page_size)) return std::nullopt;
  return into / page_size;
}

Device device_at(std::shared_ptr<const File> file, const std::vector<Partition>& partitions,
                 std::int64_t start) {
  Device device{std::move(file), start, 0, start == 0 && partitions.empty()};
  const std::uint64_t file_bytes = device.file->size();
  const std::uint64_t before = start < 0 ? 0 : std::min(static_cast<std::uint64_t>(start), file_bytes);
  device.bytes = file_bytes - before;
  for (const Partition& partition : partitions) {
    if (start <= 0 || partition.offset != before) continue;
    device.bytes = std::min(device.bytes, partition.size);
    device.has_end = true;
  }
  return device;
}

std::vector<Device> likely_devices(const std::shared_ptr<const File>& file,
                                   const std::vector<Partition>& partitions, const Catalogue& catalogue) {
  const Votes votes = votes_of(catalogue);
  std::vector<std::int64_t> starts;
  for (const Partition& partition : partitions) starts.push_back(static_cast<std::int64_t>(partition.offset));
  starts.push_back(0);
  for (const FoundHeader& header : catalogue.headers)
    starts.push_back(static_cast<std::int64_t>(header.offset));
  const std::vector<std::int64_t> by_votes = votes.best(kMostByVotes);
  starts.insert(starts.end(), by_votes.begin(), by_votes.end());
  std::stable_sort(starts.begin(), starts.end(),
                   [&](std::int64_t a, std::int64_t b) { return votes.of(a) > votes.of(b); });
  std::vector<Device> devices;
  for (const std::int64_t start : starts) {
    const bool is_known = std::any_of(devices.begin(), devices.end(),
                                      [&](const Device& device) { return device.start == start; });
    if (!is_known) devices.push_back(device_at(file, partitions, start));
  }
  return devices;
}

}  // namespace hib::swsusp
