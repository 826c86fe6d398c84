#include "lib/memory/address_space.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/image/vmcore_notes.h"

namespace hib::memory {
namespace {

constexpr std::uint64_t kPresent = 1;
constexpr std::uint64_t kLargePage = 0x80;                  // PS, in tables of the levels 2 and 3
constexpr std::uint64_t kAddressBits = 0x000FFFFFFFFFF000;  // 12 to 51
constexpr unsigned kEntryBits = 9;
constexpr unsigned kPageBits = 12;
constexpr std::size_t kCachedPages = 2048;  // 8 MiB

unsigned shift_of(unsigned level) { return kPageBits + kEntryBits * (level - 1); }

}  // namespace

AddressSpace::AddressSpace(const ImageReader& image) : image_(&image), end_pfn_(image.info().end_pfn) {}

Result<AddressSpace> AddressSpace::open(const ImageReader& image) {
  AddressSpace space(image);
  auto found = space.find_tables();
  if (!found) return fail(std::move(found).error().of(image.info().path));
  return space;
}

Result<void> AddressSpace::find_tables() {
  const Record* machine = find_record(image_->records(), kMachineRecord);
  const std::string* text = vmcoreinfo_of(image_->records());
  if (text == nullptr)
    return fail(make_error(ErrorKind::NotFound, "record machine", "no VMCOREINFO",
                           "VMCOREINFO, which names the kernel's page tables"));
  const std::string* architecture = machine->text("machine");
  if (image_->info().page_size != kPageBytes || (architecture != nullptr && *architecture != "x86_64"))
    return fail(make_error(ErrorKind::Unsupported, "record machine: machine",
                           architecture == nullptr
                               ? fmt::format("pages of {} bytes", image_->info().page_size)
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
  // With memory encryption one of the address bits says that a page is encrypted.
  address_bits_ = kAddressBits & ~vmcoreinfo("NUMBER(sme_mask)").value_or(0);
  top_table_ = (*table - kKernelMap + *phys_base) & address_bits_;
  levels_ = vmcoreinfo("NUMBER(pgtable_l5_enabled)").value_or(0) == 1 ? 5 : 4;
  return {};
}

std::optional<std::uint64_t> AddressSpace::vmcoreinfo(std::string_view key) const {
  const auto it = vmcoreinfo_.find(key);
  if (it == vmcoreinfo_.end()) return std::nullopt;
  return vmcoreinfo_number(fmt::format("{}={}\n", key, it->second), key);
}

// ---- translation

bool AddressSpace::is_canonical(Address address) const {
  const unsigned unused_bits = 64 - shift_of(levels_ + 1);
  const auto extended =
      static_cast<std::uint64_t>(static_cast<std::int64_t>(address << unused_bits) >> unused_bits);
  return extended == address;
}

Error AddressSpace::not_mapped(Address address, unsigned level) const {
  return make_error(ErrorKind::NoPage, fmt::format("kernel address {}", hex(address)),
                    fmt::format("not mapped, by the table of level {}", level), "an address that is mapped");
}

Result<std::uint64_t> AddressSpace::physical(Address address) const {
  if (!is_canonical(address))
    return fail(make_error(ErrorKind::NoPage, fmt::format("kernel address {}", hex(address)), "not canonical",
                           fmt::format("{} bits, extended by their sign", shift_of(levels_ + 1))));
  std::uint64_t table = top_table_;
  for (unsigned level = levels_; level >= 1; --level) {
    const unsigned shift = shift_of(level);
    auto entries = page(table / kPageBytes);
    if (!entries)
      return fail(std::move(entries).error().in(
          fmt::format("kernel address {}: table of level {}", hex(address), level)));
    le64 raw;
    std::memcpy(&raw, entries->data() + ((address >> shift) & 511) * sizeof(raw), sizeof(raw));
    const std::uint64_t entry = raw;
    if ((entry & kPresent) == 0) return fail(not_mapped(address, level));
    const std::uint64_t inside = (std::uint64_t{1} << shift) - 1;
    const bool is_page = level == 1 || (level <= 3 && (entry & kLargePage) != 0);
    if (is_page) return (entry & address_bits_ & ~inside) | (address & inside);
    table = entry & address_bits_;
  }
  return fail(not_mapped(address, 1));
}

// ---- reading

Result<void> AddressSpace::read_page(std::uint64_t pfn, MutableBytes out) const {
  if (pfn >= end_pfn_)
    return fail(make_error(ErrorKind::Corrupt, "page tables", fmt::format("PFN {:#x}", pfn),
                           fmt::format("below {:#x}, the end of memory", end_pfn_)));
  ++pages_read_;
  return image_->read_page(pfn, out);
}

// Valid until the next call.
Result<ByteView> AddressSpace::page(std::uint64_t pfn) const {
  if (const auto it = cached_.find(pfn); it != cached_.end()) {
    recent_.splice(recent_.begin(), recent_, it->second);
    return ByteView(recent_.front().bytes.get(), kPageBytes);
  }
  CachedPage fresh;
  if (recent_.size() == kCachedPages) {
    fresh = std::move(recent_.back());
    cached_.erase(fresh.pfn);
    recent_.pop_back();
  } else {
    fresh.bytes = std::make_unique<std::byte[]>(kPageBytes);
  }
  TRY_OK(read_page(pfn, MutableBytes(fresh.bytes.get(), kPageBytes)));
  fresh.pfn = pfn;
  recent_.push_front(std::move(fresh));
  cached_[pfn] = recent_.begin();
  return ByteView(recent_.front().bytes.get(), kPageBytes);
}

Result<void> AddressSpace::read(Address address, MutableBytes out) const {
  const bool is_bulk = out.size() > 2 * kPageBytes;  // read once: it would only drive others out of the cache
  while (!out.empty()) {
    TRY(const std::uint64_t place, physical(address));
    const std::uint64_t into = place % kPageBytes;
    const std::size_t size = std::min<std::size_t>(out.size(), kPageBytes - into);
    Result<void> done;
    if (is_bulk && size == kPageBytes) {
      done = read_page(place / kPageBytes, out.first(size));
    } else {
      auto found = page(place / kPageBytes);
      if (found)
        std::memcpy(out.data(), found->data() + into, size);
      else
        done = fail(std::move(found).error());
    }
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
