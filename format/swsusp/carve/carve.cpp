#include "format/swsusp/carve/carve.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "format/swsusp/carve/describe.h"
#include "format/swsusp/carve/found_images.h"
#include "format/swsusp/image_record.h"
#include "format/swsusp/parts.h"
#include "lib/base/text.h"
#include "lib/os/cancel.h"

namespace hib::swsusp {
namespace {

// What a hostile file cannot exceed.
constexpr std::size_t kMostImages = 256;
constexpr std::size_t kMostListedPages = 16;  // info pages that nothing leads to
constexpr std::uint64_t kMostWalks = 4;       // all blocks of the file, as often, in the chains of all images
constexpr unsigned kLoneInfoPageEvidence = 10;  // all of it

std::vector<BlockList::Run> blocks_in_record(const ImageReader& image) {
  const Record* record = find_record(image.records(), kSwsuspRecord);
  if (record == nullptr) return {};
  auto decoded = decode_image_record(*record);
  return decoded ? std::move(decoded->blocks) : std::vector<BlockList::Run>();
}

class Carver {
 public:
  Carver(std::shared_ptr<const File> file, const OpenOptions& options, Catalogue stock)
      : file_(std::move(file)), options_(options), stock_(std::move(stock)) {
    walks_left_ = kMostWalks * (file_->size() / kPageSizes[0]) + Catalogue::kMostInfoPages;
    if (auto area = locate(file_, {})) area_ = std::move(*area);
  }

  Carving carve(const std::vector<Partition>& partitions) {
    const std::vector<Device> devices = likely_devices(file_, partitions, stock_);
    for (const Device& device : devices) look_on(device);
    for (const Device& device : devices) look_for_damaged_beginnings(device);
    list_lone_info_pages();
    return {stock_.unreadable_bytes, std::move(found_).take(), notes()};
  }

 private:
  void look_on(const Device& device) {
    if (cancelled()) return;
    Surroundings around{untaken(link_map_pages(stock_, device), device), area_};
    std::stable_sort(
        around.chains.begin(), around.chains.end(), [](const ChainOfFound& a, const ChainOfFound& b) {
          return a.has_beginning != b.has_beginning ? a.has_beginning : a.blocks.size() > b.blocks.size();
        });
    for (const ChainOfFound& chain : around.chains) {
      if (!is_taken(device, chain) && (chain.has_beginning || chain.is_convincing()))
        add_chain(device, chain, around);
    }
    for (const FoundUswsusp& found : stock_.uswsusp) add_uswsusp(device, found);
  }

  // ---- each is looked at once

  std::uint64_t offset_of(const Device& device, const Abi& abi, std::uint64_t block) const {
    return device.space(abi.page_size).file_offset(block).value_or(file_->size());
  }
  bool is_taken(const Device& device, const ChainOfFound& chain) const {
    return taken_.contains(offset_of(device, chain.abi, chain.blocks.front()));
  }
  // An image that was found on one device is not one on another.
  std::vector<ChainOfFound> untaken(std::vector<ChainOfFound> chains, const Device& device) const {
    std::erase_if(chains, [&](const ChainOfFound& chain) { return is_taken(device, chain); });
    return chains;
  }
  void take(const Device& device, const Abi& abi, const std::vector<std::uint64_t>& map_pages) {
    for (const std::uint64_t block : map_pages) taken_.insert(offset_of(device, abi, block));
  }

  bool may_walk(std::uint64_t entries) {
    if (found_.size() >= kMostImages || entries > walks_left_) {
      ++not_looked_at_;
      return false;
    }
    walks_left_ -= entries;
    return true;
  }

  // ---- what there is

  void put(FoundImage found, const char* format, const Device& device, const Abi& abi, std::uint64_t block) {
    found.image.format = format;
    found.image.at = {block, device.start};
    found.image.offset = offset_of(device, abi, block);
    found_.add(std::move(found));
  }

  void add_chain(const Device& device, const ChainOfFound& chain, const Surroundings& around) {
    if (!may_walk(chain.blocks.size() * chain.abi.map_entries())) return;
    if (add_image(device, chain.abi, chain.blocks.front(), chain.is_convincing(), around)) return;
    if (!chain.is_convincing()) return;
    FoundImage found;
    describe_remains(chain, found.image);
    put(std::move(found), "swsusp", device, chain.abi, chain.blocks.front());
    take(device, chain.abi, chain.blocks);
  }

  // True when there is an image, or what is left of one.
  bool add_image(const Device& device, const Abi& abi, std::uint64_t block, bool is_convincing,
                 const Surroundings& around) {
    auto opened = open_headerless(device, abi, block, &around);
    if (!opened || info_pages_taken_.contains(opened->stream->info_offset())) return false;
    FoundImage found;
    describe(*opened, found.image);
    const bool is_doubtful = found.image.confidence == Confidence::Possible;
    if (is_doubtful && !(is_convincing && opened->stream->info_page().evidence > 0)) return false;
    const MapChain& chain = opened->stream->chain();
    take(device, abi, chain.map_pages);
    info_pages_taken_.insert(opened->stream->info_offset());
    found.bytes = bytes_of(device.space(abi.page_size), all_blocks(chain));
    found.proves_content = found.image.confidence == Confidence::Certain && !opened->stream->is_compressed();
    put(std::move(found), "swsusp", device, abi, block);
    return true;
  }

  void add_uswsusp(const Device& device, const FoundUswsusp& candidate) {
    const std::uint32_t page_size = candidate.abi.page_size;
    const auto block = device.block_at(candidate.offset, page_size);
    if (!block || *block == 0 || taken_.contains(candidate.offset)) return;
    if (!leads_to_extents(device, candidate) || !may_walk(device.end_block(page_size))) return;
    auto image = open_headerless_uswsusp(device, candidate.abi, *block, options_.passphrase);
    if (!image) return;
    FoundImage found;
    describe_uswsusp(**image, found.image);
    found.bytes = bytes_of(device.space(page_size), blocks_in_record(**image));
    found.proves_content = found.image.confidence == Confidence::Certain;
    taken_.insert(candidate.offset);
    put(std::move(found), "uswsusp", device, candidate.abi, *block);
  }

  static bool leads_to_extents(const Device& device, const FoundUswsusp& candidate) {
    const std::uint32_t page_size = candidate.abi.page_size;
    std::vector<std::byte> page(page_size);
    return device.space(page_size).read(candidate.map_start / page_size, page) &&
           is_like_extents_page(page, candidate.abi, device.end_block(page_size) * page_size);
  }

  // An info page without a map page that names it and is whole: the block before it may be one that is not.
  void look_for_damaged_beginnings(const Device& device) {
    std::optional<Surroundings> around;
    for (const FoundInfoPage& info : stock_.info_pages) {
      if (cancelled()) return;
      const auto block = device.block_at(info.offset, info.abi.page_size);
      if (!block || *block == 0 || info_pages_taken_.contains(info.offset)) continue;
      const BlockSpace space = device.space(info.abi.page_size);
      std::vector<std::byte> page(info.abi.page_size);
      const bool is_named = space.read(*block - 1, page) && info.abi.u64(page, 0) == *block &&
                            is_like_map_page(page, info.abi, space.block_count());
      if (!is_named) continue;
      if (!may_walk(info.abi.map_entries())) return;
      if (!around) around = Surroundings{link_map_pages(stock_, device), area_};
      add_image(device, info.abi, *block - 1, true, *around);
    }
  }

  void list_lone_info_pages() {
    const Device whole{file_, 0, file_->size()};
    std::uint64_t found_alone = 0;
    for (const FoundInfoPage& info_page : stock_.info_pages) {
      if (info_pages_taken_.contains(info_page.offset) || found_.is_in_one(info_page.offset)) continue;
      const auto page = file_->read_at(info_page.offset, info_page.abi.page_size);
      if (!page) continue;
      const InfoPage info = read_info_page_as(*page, info_page.abi);
      if (info.evidence < kLoneInfoPageEvidence || ++found_alone > kMostListedPages) continue;
      FoundImage found;
      describe_lone_info_page(info, found.image);
      found.image.format = "swsusp";
      found.image.at = {whole.block_at(info_page.offset, kPageSizes[0]).value_or(0), 0};
      found.image.offset = info_page.offset;
      found_.add(std::move(found));
    }
    lone_info_pages_ = found_alone - std::min<std::uint64_t>(found_alone, kMostListedPages);
  }

  std::vector<CarveFact> notes() const {
    std::vector<CarveFact> notes;
    const auto note = [&](const char* code, std::uint64_t count, const char* text) {
      if (count > 0) notes.push_back({code, fmt::format("{} {}", grouped(count), text)});
    };
    note("left-out", stock_.left_out, "pages look like parts of images, and are more than are kept track of");
    note("not-looked-at", not_looked_at_, "possible beginnings were not looked at: too many of them");
    note("lone-info-pages", lone_info_pages_, "more info pages that no map page names");
    return notes;
  }

  std::shared_ptr<const File> file_;
  const OpenOptions& options_;
  Catalogue stock_;
  std::optional<Located> area_;
  FoundImages found_;
  std::unordered_set<std::uint64_t> taken_;  // bytes of the file where map pages of what was found begin
  std::unordered_set<std::uint64_t> info_pages_taken_;  // the same of its info pages
  std::uint64_t walks_left_ = 0;
  std::uint64_t not_looked_at_ = 0;
  std::uint64_t lone_info_pages_ = 0;
};

}  // namespace

Result<Carving> carve(std::shared_ptr<const File> file, const OpenOptions& options,
                      const CarveProgress& progress) {
  const auto partitions = list_partitions(*file);
  TRY(auto stock, take_stock(*file, partitions, progress));
  Carving carving = Carver(std::move(file), options, std::move(stock)).carve(partitions);
  if (cancelled()) return fail(cancelled_error());
  return carving;
}

}  // namespace hib::swsusp
