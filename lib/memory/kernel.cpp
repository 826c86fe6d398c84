#include "lib/memory/kernel.h"

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::memory {
namespace {

Result<Kernel> open_parts(const ImageReader& image) {
  TRY(AddressSpace memory, AddressSpace::open(image));
  TRY(Symbols symbols, Symbols::read(memory));
  TRY(Types types, Types::read(memory, symbols));
  return Kernel{std::move(memory), std::move(symbols), std::move(types)};
}

}  // namespace

Result<Kernel> Kernel::open(const ImageReader& image) {
  auto kernel = open_parts(image);
  if (!kernel) return fail(std::move(kernel).error().of(image.info().path));
  return kernel;
}

Result<Address> Kernel::field(Address object, std::string_view structure, std::string_view path) const {
  if (object == 0)
    return fail(make_error(ErrorKind::Corrupt, std::string(structure), "a null pointer", "a kernel address"));
  TRY(const Member member, types.member(structure, path));
  return object + member.offset();
}

Result<std::uint64_t> Kernel::number(Address object, std::string_view structure,
                                     std::string_view path) const {
  TRY(const Address place, field(object, structure, path));
  TRY(const Member member, types.member(structure, path));
  TRY(const TypeKind kind, types.kind(member.type));
  if (kind == TypeKind::Struct) return number(object, structure, fmt::format("{}.counter", path));
  TRY(const std::uint64_t size, types.size_bytes(member.type));
  const bool is_number = size == 1 || size == 2 || size == 4 || size == 8;
  if (!is_number || member.bits != 0 || member.bit_offset % 8 != 0)
    return fail(make_error(ErrorKind::Unsupported, fmt::format("BTF: {}.{}", structure, path),
                           member.bits != 0 ? "a bit-field" : fmt::format("{} bytes", size),
                           "a number of 1, 2, 4 or 8 bytes"));
  le64 value;
  TRY_OK(memory.read(place, MutableBytes(value.raw).first(size)));
  return std::uint64_t{value};
}

Result<bool> has_member(const Types& types, std::string_view structure, std::string_view path) {
  const auto member = types.member(structure, path);
  if (member) return true;
  if (member.error().kind == ErrorKind::NotFound) return false;
  return fail(member.error());
}

}  // namespace hib::memory
