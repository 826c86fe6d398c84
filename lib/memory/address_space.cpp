#include "lib/memory/address_space.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/image/vmcore_notes.h"

namespace hib::memory {
Result<AddressSpace> AddressSpace::open(const ImageReader& image) {
  AddressSpace space(image, {});
  auto found = space.find_tables(image);
  if (!found) return fail(std::move(found).error().of(image.info().path));
  return space;
}

Result<void> AddressSpace::find_tables(const ImageReader& image) {
  const Record* machine = find_record(image.records(), kMachineRecord);
  const std::string* text = vmcoreinfo_of(image.records());
  if (text == nullptr)
    return fail(make_error(ErrorKind::NotFound, "record machine", "no VMCOREINFO",
                           "VMCOREINFO, which names the kernel's page tables"));
  const std::string* architecture = machine->text("machine");
  if (image.info().page_size != kPageBytes || (architecture != nullptr && *architecture != "x86_64"))
    return fail(make_error(ErrorKind::Unsupported, "record machine: machine",
                           architecture == nullptr ? fmt::format("pages of {} bytes", image.info().page_size)
                                                   : printable(*architecture),
                           "x86_64, with pages of 4096 bytes"));
  vmcoreinfo_ = parse_vmcoreinfo(*text);

  auto table = vmcoreinfo("SYMBOL(swapper_pg_dir)");
  if (!table) table = vmcoreinfo("SYMBOL(init_top_pgt)");
  auto phys_base = vmcoreinfo("NUMBER(phys_base)");
  if (const auto* number = machine->number("phys_base"); number != nullptr && !phys_base) phys_base = *number;
  if (!table || !phys_base)
    return fail(make_error(ErrorKind::NotFound, "VMCOREINFO",
                           table ? "no NUMBER(phys_base)" : "no SYMBOL(swapper_pg_dir)",
                           "both, to find the kernel's page tables"));
  if (*table < kKernelMap)
    return fail(make_error(ErrorKind::Corrupt, "VMCOREINFO: SYMBOL(swapper_pg_dir)", hex(*table),
                           fmt::format("{} and above", hex(kKernelMap))));
  tables_.top = *table - kKernelMap + *phys_base;
  tables_.encryption = vmcoreinfo("NUMBER(sme_mask)").value_or(0);
  const bool has_five = vmcoreinfo("NUMBER(pgtable_l5_enabled)").value_or(0) == 1;
  tables_.paging = has_five ? Paging::Levels5 : Paging::Levels4;
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
