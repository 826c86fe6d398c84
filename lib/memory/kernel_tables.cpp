#include "lib/memory/kernel_tables.h"

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/image/vmcore_notes.h"
#include "lib/memory/paging_arm64.h"
#include "lib/memory/paging_x86.h"

namespace hib::memory {
namespace {

constexpr std::string_view kTable = "SYMBOL(swapper_pg_dir)";
constexpr std::string_view kImageOffset = "NUMBER(kimage_voffset)";

Error not_said(std::string_view key) {
  return make_error(ErrorKind::NotFound, "VMCOREINFO", fmt::format("no {}", key),
                    "what tells where the kernel's page tables are");
}

Error not_read(std::string found) {
  return make_error(ErrorKind::Unsupported, "record machine: machine", std::move(found),
                    "x86_64 with pages of 4096 bytes, or aarch64");
}

// The table lies in the map of the kernel image. phys_base, where that begins, older kernels do not tell:
// then the record may.
Result<KernelTables> tables_of_x86(const Record& machine, std::string_view vmcoreinfo) {
  auto table = vmcoreinfo_number(vmcoreinfo, kTable);
  if (!table) table = vmcoreinfo_number(vmcoreinfo, "SYMBOL(init_top_pgt)");
  if (!table) return fail(not_said(kTable));
  auto phys_base = vmcoreinfo_number(vmcoreinfo, "NUMBER(phys_base)");
  if (const auto* number = machine.number("phys_base"); number != nullptr && !phys_base) phys_base = *number;
  if (!phys_base) return fail(not_said("NUMBER(phys_base)"));
  if (*table < kKernelMap)
    return fail(make_error(ErrorKind::Corrupt, fmt::format("VMCOREINFO: {}", kTable), hex(*table),
                           fmt::format("{} and above", hex(kKernelMap))));
  KernelTables found;
  found.image_offset = kKernelMap - *phys_base;
  found.tables.top = *table - found.image_offset;
  found.tables.encryption = vmcoreinfo_number(vmcoreinfo, "NUMBER(sme_mask)").value_or(0);
  const bool has_five = vmcoreinfo_number(vmcoreinfo, "NUMBER(pgtable_l5_enabled)").value_or(0) == 1;
  found.tables.paging = has_five ? x86::kLevels5 : x86::kLevels4;
  return found;
}

// VA_BITS is what the kernel was built for. A processor may have fewer: then TCR_EL1_T1SZ says so. With pages
// of 64 KiB the table is still that of VA_BITS, and the processor is given a part of it.
Result<KernelTables> tables_of_arm64(std::string_view vmcoreinfo, std::uint64_t page_bytes) {
  const auto table = vmcoreinfo_number(vmcoreinfo, kTable);
  if (!table) return fail(not_said(kTable));
  const auto image_offset = vmcoreinfo_number(vmcoreinfo, kImageOffset);
  if (!image_offset) return fail(not_said(kImageOffset));
  const auto built_for = vmcoreinfo_number(vmcoreinfo, "NUMBER(VA_BITS)");
  if (!built_for) return fail(not_said("NUMBER(VA_BITS)"));
  const auto unused = vmcoreinfo_number(vmcoreinfo, "NUMBER(TCR_EL1_T1SZ)");
  const bool has_64k = page_bytes == 65536;
  const std::uint64_t bits = has_64k || !unused ? *built_for : 64 - *unused;
  for (const Paging& paging : arm64::pagings(page_bytes)) {
    if (paging.used_bits != bits) continue;
    return KernelTables{{paging, *table - *image_offset, 0}, *image_offset};
  }
  return fail(not_read(fmt::format("pages of {} bytes and addresses of {} bits", page_bytes, bits)));
}

}  // namespace

Result<KernelTables> kernel_tables(const Record& machine, std::uint64_t page_bytes) {
  const std::string* vmcoreinfo = machine.text("vmcoreinfo");
  if (vmcoreinfo == nullptr)
    return fail(make_error(ErrorKind::NotFound, "record machine", "no VMCOREINFO",
                           "VMCOREINFO, which names the kernel's page tables"));
  const std::string* name = machine.text("machine");
  const bool has_arm64_words = vmcoreinfo_number(*vmcoreinfo, kImageOffset).has_value() &&
                               vmcoreinfo_number(*vmcoreinfo, "NUMBER(VA_BITS)").has_value();
  // The image may count in smaller pages than its kernel.
  if (name == nullptr ? has_arm64_words : *name == "aarch64")
    return tables_of_arm64(*vmcoreinfo, vmcoreinfo_number(*vmcoreinfo, "PAGESIZE").value_or(page_bytes));
  if (name != nullptr && *name != "x86_64") return fail(not_read(printable(*name)));
  if (page_bytes != kPageBytes) return fail(not_read(fmt::format("pages of {} bytes", page_bytes)));
  return tables_of_x86(machine, *vmcoreinfo);
}

}  // namespace hib::memory
