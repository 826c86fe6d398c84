#include "format/swsusp/acceptance.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/codec/crc32.h"
#include "lib/codec/md5.h"

namespace hib::swsusp {
namespace {

constexpr unsigned kFirstLz4 = 6009;       // Linux 6.9: LZ4 and its flag
constexpr unsigned kFirstZeroFlag = 6006;  // Linux 6.6: PFNs with the zero flag

Layer layer(const char* name, LayerResult result, std::string text) {
  return {name, result, std::move(text)};
}

Layer check_hibernation(const Machine& machine) {
  constexpr const char* kName = "here: hibernation";
  if (!machine.can_hibernate) return layer(kName, LayerResult::NotChecked, "/sys/power/state cannot be read");
  return *machine.can_hibernate ? layer(kName, LayerResult::Ok, "possible")
                                : layer(kName, LayerResult::Bad,
                                        "this kernel cannot hibernate now: not built in, or locked down");
}

Layer check_format(const ImageRecord& image, const Machine& machine) {
  constexpr const char* kName = "here: format";
  if (!image.uses_zero_flag) return layer(kName, LayerResult::Ok, "known to every kernel since 2.6.38");
  if (machine.release_number() == 0)
    return layer(kName, LayerResult::NotChecked, "the kernel's release cannot be read");
  if (machine.release_number() < kFirstZeroFlag)
    return layer(
        kName, LayerResult::Bad,
        fmt::format("the image marks zero pages in its PFN list, which Linux {} does not know (6.6 does)",
                    machine.release));
  return layer(kName, LayerResult::Ok,
               fmt::format("zero pages in the PFN list: Linux {} knows them", machine.release));
}

Layer check_codec(const ImageRecord& image, const Machine& machine) {
  constexpr const char* kName = "here: codec";
  if (image.codec == "none") return layer(kName, LayerResult::Ok, "none needed");
  if (image.codec == "lz4" && machine.release_number() != 0 && machine.release_number() < kFirstLz4) {
    return layer(
        kName, LayerResult::Bad,
        fmt::format("lz4 came with Linux 6.9; this is {}, which takes the image for LZO", machine.release));
  }
  if (std::find(machine.compressors.begin(), machine.compressors.end(), image.codec) !=
      machine.compressors.end()) {
    return layer(kName, LayerResult::Ok,
                 fmt::format("{} is there, or can be loaded; if it is a module, the initramfs needs it too",
                             image.codec));
  }
  if (machine.release.empty())
    return layer(kName, LayerResult::NotChecked, "the kernel's release cannot be read");
  if (!machine.knows_modules)
    return layer(kName, LayerResult::NotChecked, "the modules of the kernel are not there to be looked at");
  return layer(kName, LayerResult::Bad,
               fmt::format("\"{} compression is not available\": neither loaded nor among the modules of {}",
                           image.codec, machine.release));
}

Layer check_page_count(const ImageRecord& image, const Machine& machine) {
  constexpr const char* kName = "here: page count";
  if (!machine.present_pages) return layer(kName, LayerResult::NotChecked, "/proc/zoneinfo cannot be read");
  if (*machine.present_pages == image.info.num_physpages)
    return layer(kName, LayerResult::Ok, grouped(image.info.num_physpages) + " pages of RAM");
  return layer(kName, LayerResult::Bad,
               fmt::format("\"Image mismatch: memory size\": {} pages of RAM here, {} in the image",
                           grouped(*machine.present_pages), grouped(image.info.num_physpages)));
}

// The firmware's table as the kernel hashes it: the number of entries, then address, size and type of each,
// packed.
std::optional<std::vector<std::byte>> firmware_table(const Machine& machine) {
  std::vector<std::byte> table;
  const auto append = [&](const auto& value) {
    const ByteView raw = object_bytes(value);
    table.insert(table.end(), raw.begin(), raw.end());
  };
  append(le32(static_cast<std::uint32_t>(machine.memory_map.size())));
  for (const MemoryMapEntry& entry : machine.memory_map) {
    if (entry.type == 0) return std::nullopt;
    append(le64(entry.start));
    append(le64(entry.size));
    append(le32(entry.type));
  }
  return table;
}

Layer check_memory_map(const ImageRecord& image, const Machine& machine) {
  constexpr const char* kName = "here: memory map";
  const RestoreRecord& record = image.info.restore;
  if (record.kind != RestoreKind::X86 || (!record.memory_map_crc && !record.memory_map_md5))
    return layer(kName, LayerResult::NotProvable, "the image records none");
  if (machine.memory_map.empty())
    return layer(kName, LayerResult::NotChecked, "/sys/firmware/memmap cannot be read");
  const auto table = firmware_table(machine);
  if (!table)
    return layer(kName, LayerResult::NotChecked, "/sys/firmware/memmap has an entry of an unknown type");
  std::string here;
  std::string there;
  if (record.memory_map_crc) {
    here = fmt::format("{:08x}", crc32(*table));
    there = fmt::format("{:08x}", *record.memory_map_crc);
  } else {
    Md5 md5;
    md5.update(*table);
    here = hex_digest(md5.digest());
    there = *record.memory_map_md5;
  }
  if (here == there) return layer(kName, LayerResult::Ok, here);
  return layer(
      kName, LayerResult::Bad,
      fmt::format("\"Hibernate inconsistent memory map detected!\": {} here, {} in the image", here, there));
}

Layer check_hardware(const ImageRecord& image, const Machine& machine) {
  constexpr const char* kName = "here: hardware signature";
  if ((image.flags & kFlagHwSig) == 0)
    return layer(kName, LayerResult::NotProvable, "the image records none");
  if (!machine.hardware_signature)
    return layer(kName, LayerResult::NotChecked, "the FACS table cannot be read (that takes root)");
  const std::string here = fmt::format("{:08x}", *machine.hardware_signature);
  const std::string there = fmt::format("{:08x}", image.hw_sig);
  if (here == there) return layer(kName, LayerResult::Ok, here);
  return layer(kName, LayerResult::Bad,
               fmt::format("\"Suspend image hardware signature mismatch ({} now {})\": refused with "
                           "acpi_sleep=s4_hwsig, else only a warning",
                           there, here));
}

Layer check_kernel(const ImageRecord& image, const Machine& machine) {
  constexpr const char* kName = "here: kernel";
  const InfoPage& info = image.info;
  switch (info.restore.kind) {
    case RestoreKind::X86:
      return info.restore.meant_magic
                 ? layer(kName, LayerResult::Bad,
                         fmt::format("\"Unrecognized hibernate image header format!\": magic {:#x} in the "
                                     "image, and kernels know {:#x}",
                                     info.restore.magic, *info.restore.meant_magic))
                 : layer(kName, LayerResult::Ok, "x86 does not ask for the same kernel");
    case RestoreKind::Arm64:
    case RestoreKind::Version:
      return info.restore.version == machine.version
                 ? layer(kName, LayerResult::Ok, printable(machine.version))
                 : layer(kName, LayerResult::Bad,
                         fmt::format("the kernel must be the same build: {} here, {} in the image",
                                     printable(machine.version), printable(info.restore.version)));
    case RestoreKind::Uts: {
      if (info.restore.is_uts_damaged)
        return layer(kName, LayerResult::Bad,
                     "\"Image mismatch: system type\": it is not Linux in the image");
      const bool same = info.uts.release == machine.release && info.uts.version == machine.version &&
                        info.uts.machine == machine.arch;
      return same ? layer(kName, LayerResult::Ok, printable(machine.release))
                  : layer(
                        kName, LayerResult::Bad,
                        fmt::format("\"Image mismatch: kernel release\" or version: {} here, {} in the image",
                                    printable(machine.release), printable(info.uts.release.value_or(""))));
    }
    case RestoreKind::Unknown:
      return layer(kName, LayerResult::NotChecked, "the restore record is of an unknown kind");
  }
  return {};
}

}  // namespace

std::vector<Layer> check_acceptance(const ImageRecord& image, const Machine& machine) {
  return {check_hibernation(machine),    check_kernel(image, machine),     check_format(image, machine),
          check_codec(image, machine),   check_page_count(image, machine), check_memory_map(image, machine),
          check_hardware(image, machine)};
}

}  // namespace hib::swsusp
