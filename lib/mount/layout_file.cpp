#include "lib/mount/layout_file.h"

#include <algorithm>

namespace hib::mount {

LayoutFile::LayoutFile(LinearLayout layout, std::shared_ptr<const Memory> memory)
    : layout_(std::move(layout)), memory_(std::move(memory)) {
  for (std::uint64_t at = next_data(0); at < size(); at = next_data(at)) {
    const std::uint64_t hole = next_hole(at);
    stored_bytes_ += hole - at;
    at = hole;
  }
}

std::uint64_t LayoutFile::bytes_of(const LayoutPiece& piece) const {
  return piece.page_count == 0 ? piece.literal.size() : piece.page_count * layout_.page_size;
}

std::vector<LayoutPiece>::const_iterator LayoutFile::piece_from(std::uint64_t offset) const {
  return std::upper_bound(layout_.pieces.begin(), layout_.pieces.end(), offset,
                          [&](std::uint64_t o, const LayoutPiece& piece) { return o < end_of(piece); });
}

Outcome LayoutFile::read(std::uint64_t offset, MutableBytes out, Wait wait) const {
  for (auto piece = piece_from(offset); !out.empty(); ++piece) {
    const std::uint64_t piece_start = piece == layout_.pieces.end() ? size() : piece->offset;
    if (piece_start > offset) {  // between pieces
      const std::uint64_t zeros = std::min<std::uint64_t>(out.size(), piece_start - offset);
      std::fill_n(out.begin(), zeros, std::byte{0});
      out = out.subspan(zeros);
      offset += zeros;
    }
    if (out.empty()) break;
    const std::uint64_t inside = offset - piece->offset;
    const MutableBytes part = out.first(std::min<std::uint64_t>(out.size(), end_of(*piece) - offset));
    if (piece->page_count == 0) {
      std::copy_n(piece->literal.begin() + static_cast<std::ptrdiff_t>(inside), part.size(), part.begin());
    } else if (const Outcome outcome = memory_->read(piece->first, inside, part, wait);
               outcome != Outcome::Read) {
      return outcome;
    }
    out = out.subspan(part.size());
    offset += part.size();
  }
  return Outcome::Read;
}

std::uint64_t LayoutFile::next_data(std::uint64_t offset) const {
  for (auto piece = piece_from(offset); piece != layout_.pieces.end(); ++piece) {
    const std::uint64_t from = std::max(offset, piece->offset);
    if (piece->page_count == 0) return from;
    const Pfn end = piece->first + piece->page_count;
    const Pfn data = memory_->next_data(piece->first + (from - piece->offset) / layout_.page_size, end);
    if (data < end) return std::max(from, piece->offset + (data - piece->first) * layout_.page_size);
  }
  return size();
}

std::uint64_t LayoutFile::next_hole(std::uint64_t offset) const {
  for (auto piece = piece_from(offset); piece != layout_.pieces.end(); ++piece) {
    if (piece->offset > offset) return offset;
    if (piece->page_count != 0) {
      const Pfn end = piece->first + piece->page_count;
      const Pfn hole = memory_->next_hole(piece->first + (offset - piece->offset) / layout_.page_size, end);
      if (hole < end) return std::max(offset, piece->offset + (hole - piece->first) * layout_.page_size);
    }
    offset = end_of(*piece);
  }
  return std::min(offset, size());
}

std::optional<Pfn> LayoutFile::page_at(std::uint64_t offset) const {
  const auto piece = piece_from(offset);
  if (piece == layout_.pieces.end() || piece->page_count == 0 || offset < piece->offset) return std::nullopt;
  return piece->first + (offset - piece->offset) / layout_.page_size;
}

std::optional<std::size_t> LayoutFile::unit_at(std::uint64_t offset) const {
  const auto pfn = page_at(offset);
  return pfn ? memory_->unit_of(*pfn) : std::nullopt;
}

std::optional<DeviceRange> LayoutFile::unit_range_at(std::uint64_t offset) const {
  const auto number = unit_at(offset);
  if (!number) return std::nullopt;
  const Unit& unit = memory_->unit(*number);
  const LayoutPiece& piece = *piece_from(offset);
  const Pfn first = std::max(unit.first, piece.first);
  const Pfn end = std::min(unit.end, piece.first + piece.page_count);
  return DeviceRange{piece.offset + (first - piece.first) * layout_.page_size,
                     (end - first) * layout_.page_size};
}

}  // namespace hib::mount
