#include "format/swsusp/carve/headerless.h"

#include <algorithm>

#include <fmt/format.h>

#include "format/swsusp/carve/assemble.h"
#include "format/swsusp/carve/find_codec.h"
#include "format/swsusp/parts.h"
#include "format/swsusp/reader.h"
#include "lib/base/text.h"
#include "lib/image/swapped_record.h"
#include "lib/os/partitions.h"

namespace hib::swsusp {
namespace {

constexpr const char* kLostWithHeader =
    "lost with the swap header: whether the pages are as they were saved cannot be proven";

bool is_at_same_byte(const BlockSpace& a, const BlockSpace& b, std::uint64_t block) {
  return a.page_size() == b.page_size() && a.file_offset(block) == b.file_offset(block);
}

bool leads_to(const Header& header, std::uint64_t block) {
  return header.state != State::Plain && header.dialect == Dialect::Swsusp && header.image == block;
}

// The swap area that begins where the device does.
std::optional<Located> area_at_start(const Device& device, const BlockSpace& space) {
  std::vector<std::byte> page(space.page_size());
  if (!space.read(0, page)) return std::nullopt;
  const auto header = find_header(page);
  if (!header || header->page_size != space.page_size()) return std::nullopt;
  return Located{*header, space, 0, space.file_offset(0).value_or(device.file->size()), "", {}, {}};
}

// The swap area in which the image lies, where its header is there: it may lead to the image, or be another
// one's that was written over it.
std::optional<Located> area_of(const Device& device, const BlockSpace& space,
                               const std::optional<Located>& known, std::uint64_t first,
                               const BlockSet& image) {
  std::vector<Located> areas;
  if (auto area = area_at_start(device, space)) areas.push_back(std::move(*area));
  if (known && is_at_same_byte(known->space, space, first)) areas.push_back(*known);
  for (const Located& area : areas) {
    if (leads_to(area.header, first)) return area;
  }
  for (const Located& area : areas) {
    const BlockSet slots = SwapSlots::of(area).blocks();
    if (common(slots, image) == image) return area;
  }
  return std::nullopt;
}

// What the kernel would have written, as far as the image itself tells it.
Header header_for(const Located* area, const Abi& abi, std::uint64_t first, Codec codec) {
  Header header = area != nullptr ? area->header : Header{};
  if (leads_to(header, first)) return header;
  header.dialect = Dialect::Swsusp;
  header.state = State::Plain;
  header.page_size = abi.page_size;
  header.big_endian = abi.big_endian;
  header.image = first;
  header.flags = codec == Codec::None ? kFlagNoCompress : codec == Codec::Lz4 ? kFlagLz4 : 0;
  header.crc32 = header.hw_sig = 0;
  return header;
}

// As if the area were all of that, without bad pages.
SlotPlaces all_slots_of(const BlockSpace& space, Header header, const std::vector<BlockList::Run>& image) {
  header.last_page =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(space.block_count(), ~std::uint32_t{0}) - 1);
  header.bad_pages.clear();
  return slots_beside(Located{std::move(header), space, 0, 0, "", {}, {}}, image);
}

// A file system on it may have held the image in a swap file.
bool is_nothing_else(const Device& device) {
  return device.has_end &&
         content_name(*device.file, static_cast<std::uint64_t>(device.start), device.bytes).empty();
}

// The area is a swap file whose header is there, or begins with the device.
SlotPlaces places_without_own_header(const Device& device, const std::optional<Located>& area,
                                     const Header& header, const std::vector<BlockList::Run>& image) {
  const std::uint32_t page_size = header.page_size;
  SlotPlaces places =
      area ? slots_beside(*area, image) : all_slots_of(device.space(page_size), header, image);
  places.area = area || is_nothing_else(device) ? AreaIs::Likely : AreaIs::Guessed;
  if (area && (area->swap_file || area->header_block != 0)) return places;
  places.space = device.as_long_as_file().space(page_size);
  DeviceSlots all{all_slots_of(places.space, header, image).slots, 0, 0};
  if (device.start < 0)
    all.first_block = (0 - static_cast<std::uint64_t>(device.start) + page_size - 1) / page_size;
  if (!image.empty()) all.image_end = image.back().block + image.back().count;
  places.device = std::move(all);
  return places;
}

class ByMapPages {
 public:
  ByMapPages(const Device& device, const Abi& abi, std::uint64_t block, const Surroundings* around)
      : device_(device),
        abi_(abi),
        space_(device.space(abi.page_size)),
        block_(block),
        around_(around == nullptr ? &own_around_ : around),
        is_searched_(around != nullptr) {
    if (around != nullptr) return;
    if (auto area = locate(device.file, {})) own_around_.area = std::move(*area);
  }

  Result<HeaderlessImage> open() {
    TRY_OK(assemble());
    TRY_OK(open_stream());
    if (!is_newest() || !stream_->damage().empty()) TRY_OK(leave_out_what_others_took(Witness::Chain));
    if (stream_->is_compressed() && !stream_->damage().empty())
      TRY_OK(leave_out_what_others_took(Witness::MapPage));
    return finish();
  }

 private:
  // By the header. Any other image may have been written over later, and have left no map page.
  bool is_newest() const { return area_ && leads_to(area_->header, chain_.first); }

  // Once for a chain that is whole; a broken one is mended by what else lies on the device.
  Result<void> assemble() {
    chain_ = assemble_chain(space_, abi_, block_, around_->chains);
    const bool is_whole = chain_.is_whole && begins_with_info_page() && !chain_.chain.ends_empty();
    if (is_whole || is_searched_) return {};
    TRY_OK(search({static_cast<std::uint64_t>(std::max<std::int64_t>(device_.start, 0)), device_.bytes}));
    chain_ = assemble_chain(space_, abi_, block_, around_->chains);
    return {};
  }

  bool begins_with_info_page() const {
    std::vector<std::byte> page(abi_.page_size);
    return read_entries(space_, chain_.chain.blocks, 0, page) &&
           parse_info_page(page, abi_, true).evidence > 0;
  }

  Result<void> search(DeviceRange part) {
    const auto partitions = list_partitions(*device_.file);
    Catalogue stock;
    TRY_OK(take_stock_of(*device_.file, part, partitions, stock, {}));
    own_around_.chains = link_map_pages(stock, device_);
    is_searched_ = true;
    return {};
  }

  Result<void> open_stream() {
    const BlockSet image = block_set(all_blocks(chain_.chain));
    area_ = area_of(device_, space_, around_->area, chain_.first, image);
    TRY(const Codec codec, codec_of());
    header_ = header_for(area_ ? &*area_ : nullptr, abi_, chain_.first, codec);
    TRY(stream_,
        SwapStream::open(space_, header_, area_ ? area_->header_block : 0, chain_.chain, is_newest()));
    return {};
  }

  Result<Codec> codec_of() {
    std::vector<std::byte> page(abi_.page_size);
    TRY_OK(read_entries(space_, chain_.chain.blocks, 0, page));
    const InfoPage info = parse_info_page(page, abi_, true);
    const auto codec = find_codec(space_, chain_.chain.blocks, info);
    if (codec) return *codec;
    return chain_.chain.blocks.size() == info.pages ? Codec::None : Codec::Lzo;
  }

  // Blocks that another image names hold what was written last, and that is not known to be ours.
  Result<void> leave_out_what_others_took(Witness witness) {
    if (!is_searched_) TRY_OK(search(part_of_image()));
    const BlockSet taken = taken_by_others(space_, chain_, around_->chains, witness);
    if (taken.empty()) return {};
    for (const auto& [first, end] : taken) taken_blocks_ += end - first;
    forget_blocks(chain_.chain, taken);
    return open_stream();
  }

  // Map pages of an image that was written over this one lie among its blocks.
  DeviceRange part_of_image() const {
    const BlockSet image = block_set(all_blocks(chain_.chain));
    if (image.empty()) return {};
    const std::uint64_t start = space_.file_offset(image.front().first).value_or(0);
    const std::uint64_t end = space_.file_offset(image.back().second - 1).value_or(start);
    return {start, std::max(end, start) - start + abi_.page_size};
  }

  Result<HeaderlessImage> finish() {
    HeaderlessImage image;
    image.first_map_block = chain_.first;
    if (is_newest()) image.named = header_.state;
    image.lost_map_pages = chain_.lost_map_pages;
    image.rebuilt_map_pages = chain_.rebuilt_map_pages;
    image.taken_blocks = taken_blocks_;
    image.stream = stream_.get();
    if (image.named) {
      TRY(image.reader, read_swsusp(*area_, std::move(stream_)));
    } else {
      SnapshotParts parts = make_parts();
      TRY(image.reader, SnapshotReader::create(std::move(stream_), std::move(parts)));
    }
    image.snapshot = static_cast<const SnapshotReader*>(image.reader.get());
    return image;
  }

  SnapshotParts make_parts() const {
    const MapChain& chain = stream_->chain();
    SnapshotParts parts;
    ImageInfo& info = parts.info;
    info.format = "swsusp";
    info.variant = fmt::format("without a header, from block {} on", chain_.first);
    info.state = ImageState::None;
    info.codec = header_.codec();
    if (area_ && !area_->header.uuid_text().empty())
      info.details.emplace_back("swap UUID", area_->header.uuid_text() + ", of the area that lies there now");
    info.details.emplace_back(
        "map", fmt::format("{} from block {} on, {} in {}", counted(chain.map_pages.size(), "map page"),
                           chain_.first, counted(chain.blocks.size(), "block"),
                           counted(chain.blocks.runs().size(), "run")));
    info.findings.push_back(
        {"carved", Severity::Warning, space_.file_offset(chain_.first),
         "no swap header leads to this image: no kernel resumes from it as it is, and its "
         "checksum is not known"});
    if (taken_blocks_ > 0) {
      info.findings.push_back(
          {"taken-blocks", Severity::Warning, std::nullopt,
           counted(taken_blocks_, "block") + " of it lie in another image too, and are left out"});
    }
    parts.layers.push_back(
        {"header", LayerResult::NotProvable,
         fmt::format("lost, and with it checksum, flags and hardware signature; {} by what "
                     "lies in the blocks",
                     info.codec == "none" ? "uncompressed" : info.codec)});
    parts.no_crc = kLostWithHeader;
    const auto area = area_;
    parts.label = [area](RangeMap& map) {
      if (area) label_header(map, *area);
    };
    ImageRecord& record = parts.record;
    record.codec = info.codec;
    record.flags = header_.flags;
    record.blocks = all_blocks(chain);
    if (area_) {
      record.swap_uuid = area_->header.uuid_text();
      record.swap_label = area_->header.label;
      record.header_block = area_->header_block;
    }
    parts.slots = places_without_own_header(device_, area_, header_, record.blocks);
    if (parts.slots->area == AreaIs::Guessed) {
      info.findings.push_back({std::string(kSwapAreaEndUnknown), Severity::Note, std::nullopt,
                               "where its swap area ended is not known: only the kernel's own account leads "
                               "to pages that the machine had swapped out"});
    }
    return parts;
  }

  const Device& device_;
  Abi abi_;
  BlockSpace space_;
  std::uint64_t block_;
  Surroundings own_around_;
  const Surroundings* around_;
  bool is_searched_;
  AssembledChain chain_;
  std::optional<Located> area_;
  Header header_;
  std::unique_ptr<SwapStream> stream_;
  std::uint64_t taken_blocks_ = 0;
};

}  // namespace

Result<HeaderlessImage> open_headerless(const Device& device, const Abi& abi, std::uint64_t block,
                                        const Surroundings* around) {
  return ByMapPages(device, abi, block, around).open();
}

Result<std::unique_ptr<ImageReader>> open_mended(const Located& found) {
  const BlockSpace& space = found.space;
  const std::uint64_t bytes = space.block_count() * space.page_size();
  const auto start = space.file_offset(0);
  if (!start || bytes > kMostSearched) {
    return fail(make_error(ErrorKind::Unsupported, "map chain",
                           start ? human_bytes(bytes) : "pieces of a file",
                           "a device of up to " + human_bytes(kMostSearched)));
  }
  const Device device{space.file_handle(), static_cast<std::int64_t>(*start), bytes};
  const Header& header = found.header;
  TRY(auto image, open_headerless(device, {header.page_size, 8, header.big_endian}, header.image));
  if (image.named) return std::move(image.reader);
  return fail(make_error(ErrorKind::NotRecognised, "map chain", "another image", "that of the swap header"));
}

Result<std::unique_ptr<ImageReader>> open_headerless_uswsusp(const Device& device, const Abi& abi,
                                                             std::uint64_t block,
                                                             const std::string& passphrase) {
  const BlockSpace space = device.space(abi.page_size);
  auto area = area_at_start(device, space);
  Located found = area
                      ? std::move(*area)
                      : Located{{}, space, 0, space.file_offset(0).value_or(device.file->size()), "", {}, {}};
  found.place = fmt::format("without a header, header page at block {}", block);
  Header& header = found.header;
  if (header.uswsusp_image != block * abi.page_size) header.state = State::Plain;
  header.page_size = abi.page_size;
  header.big_endian = abi.big_endian;
  header.uswsusp_image = block * abi.page_size;
  header.dialect = Dialect::Uswsusp;
  return read_uswsusp(found, passphrase);
}

}  // namespace hib::swsusp
