#include "lib/memory/address_space.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/image/vmcore_notes.h"
#include "lib/memory/kernel_tables.h"

namespace hib::memory {
Result<AddressSpace> AddressSpace::open(const ImageReader& image) {
  AddressSpace space(image, {});
  auto found = space.find_tables(image);
  if (!found) return fail(std::move(found).error().of(image.info().path));
  return space;
}

Result<void> AddressSpace::find_tables(const ImageReader& image) {
  const Record* machine = find_record(image.records(), kMachineRecord);
  TRY(const KernelTables found,
      kernel_tables(machine != nullptr ? *machine : Record{std::string(kMachineRecord), 1, {}},
                    image.info().page_size));
  tables_ = found.tables;
  image_offset_ = found.image_offset;
  vmcoreinfo_ = parse_vmcoreinfo(*machine->text("vmcoreinfo"));
  return {};
}

std::optional<std::uint64_t> AddressSpace::vmcoreinfo(std::string_view key) const {
  const auto it = vmcoreinfo_.find(key);
  if (it == vmcoreinfo_.end()) return std::nullopt;
  return vmcoreinfo_number(fmt::format("{}={}\n", key, it->second), key);
}

Result<void> AddressSpace::read(Address address, MutableBytes out) const {
  while (!out.empty()) {
    TRY(const std::uint64_t place, physical(address));
    const std::size_t size =
        std::min<std::size_t>(out.size(), memory_.page_size() - place % memory_.page_size());
    auto done = memory_.read(place, out.first(size));
    if (!done) return fail(std::move(done).error().in(fmt::format("kernel address {}", hex(address))));
    out = out.subspan(size);
    address += size;
  }
  return {};
}

Result<std::uint64_t> AddressSpace::word(Address address) const {
  TRY(const le64 value, object<le64>(address));
  return std::uint64_t{value};
}

Result<std::vector<std::byte>> AddressSpace::bytes(Address address, std::uint64_t count) const {
  if (count > memory_bytes())
    return fail(make_error(ErrorKind::Corrupt, fmt::format("kernel address {}", hex(address)),
                           counted(count, "byte"),
                           fmt::format("at most {}, the memory's size", memory_bytes())));
  std::vector<std::byte> out(count);
  TRY_OK(read(address, out));
  return out;
}

Result<std::string> AddressSpace::text(Address address, std::size_t limit) const {
  std::string found;
  while (found.size() < limit) {
    const std::size_t size = std::min<std::size_t>(limit - found.size(), kPageBytes - address % kPageBytes);
    std::vector<std::byte> piece(size);
    TRY_OK(read(address, piece));
    const std::string_view text = until_nul(as_text(piece));
    found += text;
    if (text.size() < size) break;
    address += size;
  }
  return found;
}

}  // namespace hib::memory
