// The kernel's own addresses of the machine in an image: virtual to physical, through the page tables that
// the kernel itself used. x86-64 with 4 or 5 levels, pages of 4 KiB, 2 MiB and 1 GiB (Intel SDM volume
// 3A, 4.5).
//
// Where the tables begin comes from the record "machine": VMCOREINFO's SYMBOL(swapper_pg_dir) (or
// init_top_pgt), which lies in the map of the kernel image, and phys_base, from VMCOREINFO or the record.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/image/reader.h"

namespace hib::memory {

// A virtual address of the kernel.
using Address = std::uint64_t;

constexpr Address kKernelMap = 0xFFFFFFFF80000000;  // __START_KERNEL_map
constexpr std::uint64_t kPageBytes = 4096;

// Reads change nothing but a cache of pages; one thread at a time. Borrows the image.
class AddressSpace {
 public:
  // NotFound where the image does not say where the tables are; Unsupported for another architecture.
  static Result<AddressSpace> open(const ImageReader& image);

  AddressSpace(AddressSpace&&) = default;
  AddressSpace& operator=(AddressSpace&&) = default;

  // `out.size()` bytes from `address` on. NoPage, with the address, where the kernel has nothing mapped there
  // or the image does not hold the page; Corrupt where a table leads out of memory. Then `out` is partly
  // written.
  Result<void> read(Address address, MutableBytes out) const;

  Result<std::uint64_t> physical(Address address) const;

  // A layout type (le32, le64) at `address`.
  template <typename T>
  Result<T> object(Address address) const {
    T value;
    TRY_OK(read(address, MutableBytes(value.raw)));
    return value;
  }
  Result<std::uint64_t> word(Address address) const;
  Result<std::vector<std::byte>> bytes(Address address, std::uint64_t count) const;

  // Text up to a NUL or a byte that cannot be had, at most `limit` bytes. It is hostile: printable() it.
  Result<std::string> text(Address address, std::size_t limit) const;

  // A value of VMCOREINFO: "SYMBOL(kallsyms_names)", "NUMBER(phys_base)".
  std::optional<std::uint64_t> vmcoreinfo(std::string_view key) const;

  unsigned levels() const { return levels_; }
  std::uint64_t memory_bytes() const { return end_pfn_ * kPageBytes; }
  std::uint64_t pages_read() const { return pages_read_; }  // asked of the image so far

 private:
  explicit AddressSpace(const ImageReader& image);

  Result<void> find_tables();
  bool is_canonical(Address address) const;
  Error not_mapped(Address address, unsigned level) const;
  Result<ByteView> page(std::uint64_t pfn) const;
  Result<void> read_page(std::uint64_t pfn, MutableBytes out) const;

  struct CachedPage {
    std::uint64_t pfn = 0;
    std::unique_ptr<std::byte[]> bytes;
  };

  const ImageReader* image_;
  std::uint64_t end_pfn_ = 0;
  std::map<std::string, std::string, std::less<>> vmcoreinfo_;
  std::uint64_t top_table_ = 0;     // physical
  std::uint64_t address_bits_ = 0;  // of a table's entry that are the address
  unsigned levels_ = 4;

  mutable std::list<CachedPage> recent_;  // the most recently used one first
  mutable std::unordered_map<std::uint64_t, std::list<CachedPage>::iterator> cached_;
  mutable std::uint64_t pages_read_ = 0;
};

}  // namespace hib::memory
