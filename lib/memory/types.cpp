#include "lib/memory/types.h"

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::memory {
namespace {

constexpr std::uint16_t kMagic = 0xEB9F;
constexpr std::uint32_t kMaxName = 0x1000000;  // BTF_MAX_NAME_OFFSET
constexpr std::uint64_t kPointerBytes = 8;

// struct btf_header. Offsets of the sections count from its end, which is hdr_len.
struct HeaderLayout {
  le16 magic;
  std::byte version;
  std::byte flags;
  le32 header_bytes;
  le32 types_offset;
  le32 types_bytes;
  le32 strings_offset;
  le32 strings_bytes;
};
static_assert(sizeof(HeaderLayout) == 24);

// struct btf_type. Bits of info: 0-23 vlen, 24-30 kind, 31 kind_flag; older kernels use fewer of them and
// leave the others zero.
struct TypeLayout {
  le32 name;
  le32 info;
  le32 size_or_type;
};
static_assert(sizeof(TypeLayout) == 12);

struct MemberLayout {  // struct btf_member
  le32 name;
  le32 type;
  le32 offset;
};
static_assert(sizeof(MemberLayout) == 12);

struct ArrayLayout {  // struct btf_array
  le32 element;
  le32 index;
  le32 count;
};
static_assert(sizeof(ArrayLayout) == 12);

// Bytes that follow a struct btf_type.
std::uint64_t detail_bytes(TypeKind kind, std::uint64_t entries) {
  switch (kind) {
    case TypeKind::Int:
    case TypeKind::Variable:
    case TypeKind::DeclarationTag: return 4;
    case TypeKind::Array: return 12;
    case TypeKind::Struct:
    case TypeKind::Union:
    case TypeKind::DataSection:
    case TypeKind::Enum64: return 12 * entries;
    case TypeKind::Enum:
    case TypeKind::FunctionPrototype: return 8 * entries;
    case TypeKind::Void:
    case TypeKind::Pointer:
    case TypeKind::Forward:
    case TypeKind::Typedef:
    case TypeKind::Volatile:
    case TypeKind::Const:
    case TypeKind::Restrict:
    case TypeKind::Function:
    case TypeKind::Float:
    case TypeKind::TypeTag: return 0;
  }
  return 0;
}

bool is_structure(TypeKind kind) { return kind == TypeKind::Struct || kind == TypeKind::Union; }

bool is_wrapper(TypeKind kind) {
  return kind == TypeKind::Typedef || kind == TypeKind::Volatile || kind == TypeKind::Const ||
         kind == TypeKind::Restrict || kind == TypeKind::TypeTag;
}

template <typename T>
T layout_at(ByteView bytes, std::uint64_t place) {
  T value;
  std::memcpy(&value, bytes.data() + place, sizeof(value));
  return value;
}

}  // namespace

// ---- reading

Result<Types> Types::read(const AddressSpace& memory, const Symbols& symbols) {
  TRY(const Address start, symbols.address_of("__start_BTF"));
  TRY(const Address stop, symbols.address_of("__stop_BTF"));
  if (stop <= start || stop - start > kMaxBtfBytes)
    return fail(make_error(ErrorKind::Corrupt, "__stop_BTF", hex(stop),
                           fmt::format("at most {} bytes after __start_BTF {}", kMaxBtfBytes, hex(start))));
  TRY(std::vector<std::byte> bytes, memory.bytes(start, stop - start));
  auto types = parse(std::move(bytes));
  if (types) return types;
  Error error = std::move(types).error();
  const Address place = start + error.offset.value_or(0);
  error.offset.reset();  // of an error that is shown, it counts from the start of a file
  return fail(std::move(error).in(fmt::format("kernel address {}", hex(place))));
}

Result<Types> Types::parse(std::vector<std::byte> btf) {
  Types types;
  types.bytes_ = std::move(btf);
  TRY_OK(types.find_sections());
  TRY_OK(types.find_types());
  return types;
}

Error Types::corrupt(std::uint64_t place, std::string where, std::string found, std::string allowed) const {
  return make_error(ErrorKind::Corrupt, "BTF: " + std::move(where), std::move(found), std::move(allowed))
      .at(place);
}

Result<void> Types::find_sections() {
  if (bytes_.size() > kMaxBtfBytes)
    return fail(make_error(ErrorKind::Limit, "BTF", counted(bytes_.size(), "byte"),
                           fmt::format("at most {}", kMaxBtfBytes)));
  Cursor in(bytes_, 0, "BTF header");
  TRY(const auto header, in.read<HeaderLayout>("header"));
  if (header.magic != kMagic) return fail(corrupt(0, "magic", hex(header.magic), hex(kMagic)));
  if (header.version != std::byte{1})
    return fail(make_error(ErrorKind::Unsupported, "BTF: version",
                           std::to_string(std::to_integer<unsigned>(header.version)), "1")
                    .at(2));
  const std::uint64_t begin = header.header_bytes;
  if (begin < sizeof(HeaderLayout) || begin > bytes_.size())
    return fail(corrupt(4, "hdr_len", std::to_string(begin),
                        fmt::format("{} to {}", sizeof(HeaderLayout), bytes_.size())));
  const auto check = [&](std::uint64_t place, const char* name, std::uint64_t offset,
                         std::uint64_t size) -> Result<void> {
    if (offset > bytes_.size() - begin || size > bytes_.size() - begin - offset)
      return fail(corrupt(place, name, fmt::format("{} bytes at {}", size, offset),
                          fmt::format("inside {} bytes", bytes_.size() - begin)));
    return {};
  };
  TRY_OK(check(8, "types", header.types_offset, header.types_bytes));
  TRY_OK(check(16, "strings", header.strings_offset, header.strings_bytes));
  types_begin_ = begin + header.types_offset;
  types_end_ = types_begin_ + header.types_bytes;
  strings_begin_ = begin + header.strings_offset;
  strings_size_ = header.strings_bytes;
  if (strings_size_ == 0 || strings_size_ >= kMaxName ||
      bytes_[strings_begin_ + strings_size_ - 1] != std::byte{0})
    return fail(corrupt(strings_begin_, "strings",
                        fmt::format("{} bytes, or no NUL at the end", strings_size_),
                        fmt::format("1 to {} bytes that end with a NUL", kMaxName - 1)));
  return {};
}

// Where each type begins. What a type refers to is checked when it is followed.
Result<void> Types::find_types() {
  Cursor in(ByteView(bytes_).subspan(types_begin_, types_end_ - types_begin_), types_begin_, "BTF types");
  while (!in.at_end()) {
    const std::uint64_t place = in.offset();
    const std::string where = fmt::format("type {}", places_.size() + 1);
    if (places_.size() == kMaxTypes)
      return fail(
          make_error(ErrorKind::Limit, "BTF: " + where, "one more", fmt::format("{} types", kMaxTypes))
              .at(place));
    TRY(const auto layout, in.read<TypeLayout>(where));
    const auto kind = static_cast<std::uint8_t>(layout.info >> 24 & 0x7F);
    if (kind == 0 || kind > static_cast<std::uint8_t>(TypeKind::Enum64))
      return fail(make_error(kind == 0 ? ErrorKind::Corrupt : ErrorKind::Unsupported,
                             fmt::format("BTF: {}: kind", where), std::to_string(kind),
                             "1 to 19: newer BTF than this program knows")
                      .at(place + 4));
    if (layout.name >= strings_size_)
      return fail(corrupt(place, where + ": name", std::to_string(std::uint32_t{layout.name}),
                          fmt::format("below {}", strings_size_)));
    places_.push_back(static_cast<std::uint32_t>(place));
    const Type found = type_at(place);
    TRY_OK(in.bytes(detail_bytes(found.kind, found.entries), where));
  }
  return {};
}

// ---- types

Types::Type Types::type_at(std::uint64_t place) const {
  const auto layout = layout_at<TypeLayout>(bytes_, place);
  Type found;
  found.name = layout.name;
  found.kind = static_cast<TypeKind>(layout.info >> 24 & 0x7F);
  found.has_bit_fields = layout.info >> 31 != 0;
  found.entries = layout.info & 0xFFFFFF;
  found.size_or_type = layout.size_or_type;
  found.details = place + sizeof(TypeLayout);
  return found;
}

Result<Types::Type> Types::type(TypeId id) const {
  if (id == 0) return Type{};
  if (id > places_.size())
    return fail(make_error(ErrorKind::Corrupt, "BTF: a reference", fmt::format("type {}", id),
                           fmt::format("0 to {}", places_.size())));
  return type_at(places_[id - 1]);
}

std::string_view Types::name_at(std::uint32_t offset) const {
  if (offset >= strings_size_) return {};
  return until_nul(as_text(ByteView(bytes_).subspan(strings_begin_ + offset, strings_size_ - offset)));
}

Result<TypeId> Types::resolved(TypeId id) const {
  for (unsigned steps = 0; steps < kMaxTypeChain; ++steps) {
    TRY(const Type found, type(id));
    if (!is_wrapper(found.kind)) return id;
    id = found.size_or_type;
  }
  return fail(make_error(ErrorKind::Corrupt, fmt::format("BTF: type {}", id),
                         "a chain of names without an end", fmt::format("at most {}", kMaxTypeChain)));
}

Result<TypeKind> Types::kind(TypeId id) const {
  TRY(id, resolved(id));
  TRY(const Type found, type(id));
  return found.kind;
}

Result<std::uint64_t> Types::size_bytes(TypeId id) const {
  std::uint64_t count = 1;
  for (unsigned dimensions = 0; dimensions < kMaxTypeChain; ++dimensions) {
    TRY(id, resolved(id));
    TRY(const Type found, type(id));
    if (found.kind == TypeKind::Array) {
      const auto array = layout_at<ArrayLayout>(bytes_, found.details);
      const auto product = checked_mul(count, std::uint64_t{array.count});
      if (!product)
        return fail(corrupt(found.details, fmt::format("type {}: elements", id), "more than 2^64", "fewer"));
      count = *product;
      id = array.element;
      continue;
    }
    const bool has_size = is_structure(found.kind) || found.kind == TypeKind::Int ||
                          found.kind == TypeKind::Enum || found.kind == TypeKind::Enum64 ||
                          found.kind == TypeKind::Float;
    if (!has_size && found.kind != TypeKind::Pointer)
      return fail(make_error(ErrorKind::Unsupported, fmt::format("BTF: type {}", id), "no size",
                             "a number, a pointer, a structure or an array of those"));
    const auto bytes = checked_mul(count, has_size ? std::uint64_t{found.size_or_type} : kPointerBytes);
    if (!bytes)
      return fail(corrupt(found.details, fmt::format("type {}: size", id), "more than 2^64", "less"));
    return *bytes;
  }
  return fail(make_error(ErrorKind::Corrupt, fmt::format("BTF: type {}", id),
                         "arrays of arrays without an end", fmt::format("at most {}", kMaxTypeChain)));
}

Result<std::uint64_t> Types::size_bytes(std::string_view name) const {
  TRY(const TypeId id, structure(name));
  return size_bytes(id);
}

std::optional<TypeId> Types::find_structure(std::string_view name) const {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const Type found = type_at(places_[i]);
    if (is_structure(found.kind) && name_at(found.name) == name) return static_cast<TypeId>(i + 1);
  }
  return std::nullopt;
}

Result<TypeId> Types::structure(std::string_view name) const {
  if (const auto found = find_structure(name)) return *found;
  return fail(make_error(ErrorKind::NotFound, fmt::format("BTF: {}", name),
                         fmt::format("not among {} types", places_.size()), "a structure of this kernel"));
}

// ---- members

// One search through a structure and the unnamed ones in it.
struct Types::Search {
  std::size_t members_seen = 0;
  unsigned depth = 0;
};

Member Types::member_at(const Type& structure, std::uint32_t number, std::uint32_t& name) const {
  const auto layout = layout_at<MemberLayout>(bytes_, structure.details + number * sizeof(MemberLayout));
  name = layout.name;
  if (!structure.has_bit_fields) return {layout.offset, 0, layout.type};
  return {layout.offset & 0xFFFFFF, layout.offset >> 24, layout.type};
}

Result<std::optional<Member>> Types::find_member(const Type& structure, std::string_view name,
                                                 Search& search) const {
  if (++search.depth > kMaxAnonymousDepth)
    return fail(corrupt(structure.details, "unnamed structures", "in each other without an end",
                        fmt::format("at most {}", kMaxAnonymousDepth)));
  for (std::uint32_t i = 0; i < structure.entries; ++i) {
    if (++search.members_seen > kMaxMembersSeen)
      return fail(make_error(ErrorKind::Limit, "BTF: members", "too many in one structure",
                             fmt::format("at most {}", kMaxMembersSeen))
                      .at(structure.details));
    std::uint32_t name_offset = 0;
    Member found = member_at(structure, i, name_offset);
    const std::string_view its_name = name_at(name_offset);
    if (its_name == name) return std::optional<Member>(found);
    if (!its_name.empty()) continue;
    TRY(const TypeId inner_id, resolved(found.type));
    TRY(const Type inner, type(inner_id));
    if (!is_structure(inner.kind)) continue;
    TRY(const std::optional<Member> inside, find_member(inner, name, search));
    if (inside)
      return std::optional<Member>(Member{found.bit_offset + inside->bit_offset, inside->bits, inside->type});
  }
  --search.depth;
  return std::optional<Member>();
}

Result<Member> Types::member(std::string_view name, std::string_view path) const {
  TRY(const TypeId id, structure(name));
  auto found = member(id, path);
  if (!found) return fail(std::move(found).error().in(fmt::format("BTF: {}", name)));
  return found;
}

Result<Member> Types::member(TypeId id, std::string_view path) const {
  Member whole{0, 0, id};
  while (!path.empty()) {
    const std::string_view name = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), name.size() + 1));
    TRY(const TypeId inside, resolved(whole.type));
    TRY(const Type structure, type(inside));
    Search search;
    std::optional<Member> found;
    if (is_structure(structure.kind) && !name.empty()) {
      TRY(found, find_member(structure, name, search));
    }
    if (!found)
      return fail(make_error(ErrorKind::NotFound, fmt::format("member {}", name), "not there",
                             "a member of this structure"));
    whole = {whole.bit_offset + found->bit_offset, found->bits, found->type};
  }
  return whole;
}

}  // namespace hib::memory
