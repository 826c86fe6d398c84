// The kernel's own list of its symbols (kallsyms), read out of its memory. No file is needed.
//
// Tables and encodings: scripts/kallsyms.c and kernel/kallsyms.c of Linux 6.0 to 7.2. VMCOREINFO names the
// tables from Linux 6.0 on (5fd8fea935a1, f09bddbd8661); the markers, which it does not name, prove the
// names: each of them must lie where its 256 names begin.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/memory/address_space.h"

namespace hib::memory {

// Limits, checked before anything is allocated.
inline constexpr std::uint32_t kMaxSymbols = 4U << 20;
inline constexpr std::uint64_t kMaxNamesBytes = 64U << 20;
inline constexpr std::uint64_t kMaxTokenBytes = 512;
inline constexpr std::size_t kTokens = 256;
inline constexpr std::size_t kMarkerStep = 256;  // names from one marker to the next

// How table and number become an address; told by the values, not by the release.
enum class SymbolOffsets {
  PerCpu,      // up to 6.14: 0 and above is itself (per-CPU), below is base - 1 - offset
  FromBase,    // 6.15: base + offset, unsigned
  FromItself,  // 7.0: the offset's own address + offset, signed
};

class Symbols {
 public:
  // NotFound where VMCOREINFO does not name the tables (before Linux 6.0); Corrupt where the tables
  // contradict each other.
  static Result<Symbols> read(const AddressSpace& memory);

  // NotFound where no symbol has that name, Corrupt where several have. Per-CPU symbols up to 6.14 have their
  // offset.
  Result<Address> address_of(std::string_view name) const;

  std::uint32_t count() const { return count_; }
  SymbolOffsets offsets() const { return rule_; }

  Symbols(Symbols&&) = default;
  Symbols& operator=(Symbols&&) = default;

 private:
  Symbols() = default;
  Result<void> read_tokens(const AddressSpace& memory, Address table, Address index);
  Result<void> read_names(const AddressSpace& memory, Address names, Address tokens);
  Result<void> read_offsets(const AddressSpace& memory, Address offsets, std::optional<Address> base);
  bool names_end_at_markers(ByteView region, Address region_address, bool long_names);
  bool is_name(ByteView name, std::string_view wanted) const;
  Address address(std::uint32_t index) const;

  std::uint32_t count_ = 0;
  std::vector<std::string_view> tokens_;  // of 256, in token_bytes_
  std::vector<std::byte> token_bytes_;
  std::vector<std::byte> names_;            // as they lie in memory
  std::vector<std::uint32_t> name_starts_;  // where a name's length begins, in names_
  bool has_long_names_ = false;             // lengths of 128 and above take two bytes
  std::vector<std::byte> offset_bytes_;     // count_ of le32
  SymbolOffsets rule_ = SymbolOffsets::PerCpu;
  Address offsets_address_ = 0;
  Address base_ = 0;
};

}  // namespace hib::memory
