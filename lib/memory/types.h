// The types of a kernel as it describes them itself: BTF, which lies in its memory
// (Documentation/bpf/btf.rst, include/uapi/linux/btf.h of Linux 5.10 to 7.2). It tells where a member of a
// structure is, so that nothing here depends on the release of the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/cursor.h"
#include "lib/base/error.h"
#include "lib/memory/address_space.h"
#include "lib/memory/symbols.h"

namespace hib::memory {

// Limits, checked before anything is allocated.
inline constexpr std::uint64_t kMaxBtfBytes = 64U << 20;
inline constexpr std::uint32_t kMaxTypes = 0x100000;   // BTF_MAX_TYPE
inline constexpr unsigned kMaxTypeChain = 64;          // typedef of const of typedef …
inline constexpr unsigned kMaxAnonymousDepth = 32;     // unnamed structures inside each other
inline constexpr std::size_t kMaxMembersSeen = 65536;  // in one search through unnamed structures

using TypeId = std::uint32_t;  // 0 is void

enum class TypeKind : std::uint8_t {
  Void = 0,
  Int = 1,
  Pointer = 2,
  Array = 3,
  Struct = 4,
  Union = 5,
  Enum = 6,
  Forward = 7,
  Typedef = 8,
  Volatile = 9,
  Const = 10,
  Restrict = 11,
  Function = 12,
  FunctionPrototype = 13,
  Variable = 14,
  DataSection = 15,
  Float = 16,
  DeclarationTag = 17,
  TypeTag = 18,
  Enum64 = 19,
};

struct Member {
  std::uint64_t bit_offset = 0;  // from the start of the outermost structure
  std::uint32_t bits = 0;        // of a bit-field; 0 for every other member
  TypeId type = 0;

  std::uint64_t offset() const { return bit_offset / 8; }
};

class Types {
 public:
  // Of the kernel whose memory this is. NotFound where it carries no BTF. Errors name kernel addresses.
  static Result<Types> read(const AddressSpace& memory, const Symbols& symbols);

  // Offsets of errors count from the start of `btf`.
  static Result<Types> parse(std::vector<std::byte> btf);

  // The struct or union of that name; NotFound where there is none.
  Result<TypeId> structure(std::string_view name) const;

  // A member by its path, "f_path.dentry", with unnamed structures looked into. NotFound where a part of the
  // path does not exist.
  Result<Member> member(std::string_view structure, std::string_view path) const;
  Result<Member> member(TypeId structure, std::string_view path) const;

  // Without the names, const and the like around it. Corrupt where those go in a circle.
  Result<TypeId> resolved(TypeId id) const;
  Result<TypeKind> kind(TypeId id) const;             // of the resolved type
  Result<std::uint64_t> size_bytes(TypeId id) const;  // Unsupported for a type that has no size
  Result<std::uint64_t> size_bytes(std::string_view structure) const;

  std::size_t count() const { return places_.size(); }

 private:
  struct Header;
  struct Type {
    std::uint32_t name = 0;
    TypeKind kind = TypeKind::Void;
    bool has_bit_fields = false;
    std::uint32_t entries = 0;  // members, parameters, values
    std::uint32_t size_or_type = 0;
    std::uint64_t details = 0;  // where what follows begins, in bytes_
  };
  struct Search;

  Result<void> find_sections();
  Result<void> find_types();
  Result<Type> type(TypeId id) const;
  Type type_at(std::uint64_t place) const;
  std::string_view name_at(std::uint32_t offset) const;
  std::optional<TypeId> find_structure(std::string_view name) const;
  Result<std::optional<Member>> find_member(const Type& structure, std::string_view name,
                                            Search& search) const;
  Member member_at(const Type& structure, std::uint32_t number, std::uint32_t& name) const;
  Error corrupt(std::uint64_t place, std::string where, std::string found, std::string allowed) const;

  std::vector<std::byte> bytes_;
  std::uint64_t types_begin_ = 0;
  std::uint64_t types_end_ = 0;
  std::uint64_t strings_begin_ = 0;
  std::uint64_t strings_size_ = 0;
  std::vector<std::uint32_t> places_;  // of type 1, 2, … in bytes_
};

}  // namespace hib::memory
