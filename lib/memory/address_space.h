// The memory of a kernel in an image by the kernel's own addresses, through the page tables that it used.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/image/physical_memory.h"
#include "lib/image/reader.h"
#include "lib/memory/page_tables.h"

namespace hib::memory {

// Reads change nothing but a cache of pages; one thread at a time. Borrows the image.
class AddressSpace {
 public:
  // Of x86-64 and arm64. The record "machine" says where the tables begin: kernel_tables.h has the errors.
  static Result<AddressSpace> open(const ImageReader& image);

  // Through tables that are known otherwise. VMCOREINFO is not looked at.
  AddressSpace(const ImageReader& image, const PageTables& tables) : memory_(image), tables_(tables) {}

  AddressSpace(AddressSpace&&) = default;
  AddressSpace& operator=(AddressSpace&&) = default;

  // `out.size()` bytes from `address` on. NoPage, with the address, where the kernel has nothing mapped there
  // or the image does not hold the page; Corrupt where a table leads out of memory. Then `out` is partly
  // written.
  Result<void> read(Address address, MutableBytes out) const;

  Result<std::uint64_t> physical(Address address) const { return translate(memory_, tables_, address); }

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

  unsigned levels() const { return tables_.paging.levels; }
  std::uint64_t image_offset() const {
    return image_offset_;
  }  // as KernelTables has it; 0 if not opened by it
  std::uint64_t memory_bytes() const { return memory_.size_bytes(); }
  std::uint64_t pages_read() const { return memory_.pages_read(); }  // asked of the image so far

 private:
  Result<void> find_tables(const ImageReader& image);

  PhysicalMemory memory_;
  PageTables tables_;
  std::uint64_t image_offset_ = 0;
  std::map<std::string, std::string, std::less<>> vmcoreinfo_;
};

}  // namespace hib::memory
