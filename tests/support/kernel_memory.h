// A kernel's memory made by hand: page tables, symbols and types that lib/memory finds its way through. Each
// piece can be damaged on its own.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lib/image/reader.h"
#include "lib/memory/address_space.h"
#include "lib/memory/paging_x86.h"
#include "lib/memory/symbols.h"
#include "lib/memory/types.h"

namespace hib::test {

using Bytes = std::vector<std::byte>;

template <typename T>
void append(Bytes& bytes, const T& value) {
  const ByteView raw = object_bytes(value);
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}
template <typename T>
void put(Bytes& bytes, std::size_t at, const T& value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

// An image whose pages are reached by the kernel's addresses, mapped as they are written.
class KernelMemory final : public ImageReader {
 public:
  static constexpr memory::Address kTopTable = memory::kKernelMap + 0x1000;
  static constexpr std::uint64_t kPhysBase = 0x100000;
  static constexpr Pfn kEndPfn = 0x100000;  // 4 GiB

  explicit KernelMemory(unsigned levels = 4);

  void write(memory::Address address, ByteView bytes);
  void write_word(memory::Address address, std::uint64_t value) { write(address, object_bytes(le64(value))); }
  void write_text(memory::Address address, std::string_view text);

  // A page of 2 MiB (level 2) or 1 GiB (level 3) at `physical`, none of whose pages is in the image yet.
  void map_large(memory::Address address, unsigned level, std::uint64_t physical);
  void write_physical(std::uint64_t physical, ByteView bytes);
  void set_entry(memory::Address address, unsigned level, std::uint64_t entry);  // of the table of that level
  std::uint64_t entry(memory::Address address, unsigned level);
  void lose(memory::Address address) { pages_.erase(physical(address) / memory::kPageBytes); }
  std::uint64_t physical(memory::Address address);

  std::size_t page_count() const { return pages_.size(); }
  // `size` bytes of the page that is number `index` in the image.
  void overwrite(std::size_t index, std::size_t offset, std::size_t size, std::uint64_t value);

  // Lines of VMCOREINFO; without a value the line is taken out.
  void set_vmcoreinfo(const std::string& key, std::optional<std::string> value);
  void set_symbol(const std::string& name, memory::Address address);
  Record& machine() { return records_.front(); }
  ImageInfo& changeable_info() { return info_; }
  void forget_records() { records_.clear(); }

  const ImageInfo& info() const override { return info_; }
  const std::vector<Record>& records() const override { return records_; }
  Result<std::unique_ptr<RunSource>> runs() const override;
  void load(PageBatch&) const override {}
  Result<void> read_page(Pfn pfn, MutableBytes out) const override;
  Result<RangeMap> map() const override;
  StructureCheck check_structure() const override { return {}; }
  std::uint64_t pages_read() const { return pages_read_; }

 private:
  Bytes& page(Pfn pfn);
  std::uint64_t entry_place(memory::Address address, unsigned level, bool create);
  std::uint64_t map_page(memory::Address address);

  unsigned levels_;
  ImageInfo info_;
  std::vector<Record> records_;
  std::map<std::string, std::string> vmcoreinfo_;
  std::map<Pfn, Bytes> pages_;
  Pfn next_pfn_ = 0x200;
  mutable std::uint64_t pages_read_ = 0;
};

// The tables of kallsyms for a list of symbols.
struct SymbolTables {
  static constexpr memory::Address kNumber = 0xFFFFFFFF82000000;
  static constexpr memory::Address kNames = kNumber + 0x1000;
  static constexpr memory::Address kOffsets = kNumber + 0x200000;
  static constexpr memory::Address kBasePlace = kNumber + 0x300000;
  static constexpr memory::Address kBase = 0xFFFFFFFF81000000;

  memory::SymbolOffsets rule = memory::SymbolOffsets::PerCpu;
  bool long_names = true;
  bool wide_markers = false;                                     // of 8 bytes, as before Linux 4.20
  std::vector<std::pair<std::string, memory::Address>> symbols;  // type and name: "Dswap_info"

  Bytes names, markers, tokens, token_index, offsets;  // made by build(); change them before place()

  void build();
  void place(KernelMemory& memory) const;
  memory::Address markers_address() const;
  memory::Address tokens_address() const;
  memory::Address index_address() const { return tokens_address() + tokens.size(); }
};

// BTF for a list of types; each function returns the new type's id.
class Btf {
 public:
  struct Member {
    std::string name;
    std::uint32_t type = 0;
    std::uint32_t bit_offset = 0;
    std::uint32_t bits = 0;  // of a bit-field
  };

  std::uint32_t integer(const std::string& name, std::uint32_t bytes);
  std::uint32_t pointer(std::uint32_t to) { return simple(memory::TypeKind::Pointer, "", to); }
  std::uint32_t simple(memory::TypeKind kind, const std::string& name, std::uint32_t size_or_type,
                       std::uint32_t entries = 0, const Bytes& details = {});
  std::uint32_t array(std::uint32_t element, std::uint32_t count);
  std::uint32_t structure(const std::string& name, std::uint32_t bytes, const std::vector<Member>& members,
                          bool is_union = false);
  Bytes bytes() const;
  std::uint32_t count() const { return count_; }
  std::size_t types_bytes() const { return types_.size(); }

 private:
  std::uint32_t string(const std::string& text);

  Bytes types_;
  std::string strings_ = std::string(1, '\0');
  std::uint32_t count_ = 0;
};

}  // namespace hib::test
