// A file that exists only as a layout: the vmcore or the raw memory that restore would write, read without
// writing it.
#pragma once

#include <memory>

#include "lib/image/linear_layout.h"
#include "lib/mount/content.h"
#include "lib/mount/memory.h"
#include "lib/os/extents.h"

namespace hib::mount {

class LayoutFile final : public Content {
 public:
  LayoutFile(LinearLayout layout, std::shared_ptr<const Memory> memory);

  std::uint64_t size() const override { return layout_.file_bytes; }
  std::uint64_t stored_bytes() const override { return stored_bytes_; }
  Outcome read(std::uint64_t offset, MutableBytes out, Wait wait) const override;
  std::uint64_t next_data(std::uint64_t offset) const override;
  std::uint64_t next_hole(std::uint64_t offset) const override;

  // What is decoded together with the byte at `offset`, and where in the file that part of it lies that is
  // around the byte. Nothing where the byte is in no page, or pages are read singly.
  std::optional<std::size_t> unit_at(std::uint64_t offset) const;
  std::optional<DeviceRange> unit_range_at(std::uint64_t offset) const;
  const Memory& memory() const { return *memory_; }

 private:
  std::optional<Pfn> page_at(std::uint64_t offset) const;
  std::uint64_t bytes_of(const LayoutPiece& piece) const;
  std::uint64_t end_of(const LayoutPiece& piece) const { return piece.offset + bytes_of(piece); }
  // The first piece that ends behind `offset`; the end where none does.
  std::vector<LayoutPiece>::const_iterator piece_from(std::uint64_t offset) const;

  const LinearLayout layout_;
  const std::shared_ptr<const Memory> memory_;
  std::uint64_t stored_bytes_ = 0;
};

}  // namespace hib::mount
