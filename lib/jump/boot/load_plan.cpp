#include "lib/jump/boot/load_plan.h"

#include <algorithm>
#include <charconv>
#include <fstream>

#include <elf.h>
#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::jump {
namespace {

// The first two MiB of the region; the rest is the saver's RAM.
constexpr std::uint64_t kBootParams = kLowEnd;
constexpr std::uint64_t kCommandLine = kBootParams + 0x1000;
constexpr std::uint64_t kCommandLineBytes = 0x1000;
constexpr std::uint64_t kStub = kBootParams + 0x2000;
constexpr std::uint64_t kElfHeader = kBootParams + 0x3000;
constexpr std::uint64_t kElfHeaderBytes = 0x10000;
constexpr std::uint64_t kStandbyLowCopy = 1U << 20;
constexpr std::uint64_t kHeaderBytes = 2U << 20;
constexpr std::uint64_t kEmptyNote = kElfHeader + kElfHeaderBytes;
static_assert(kEmptyNote + kPageBytes <= kStandbyLowCopy && kStandbyLowCopy + kLowEnd <= kHeaderBytes);
constexpr std::string_view kNoteName("HIBTOOL\0", 8);

constexpr std::uint64_t kRoomToRun =
    96U << 20;  // beside kernel and initramfs; with 64 MiB writing 512 MiB of memory back ran out of it
constexpr std::uint64_t k4GiB = 1ULL << 32;
constexpr std::size_t kMaxE820 = 128;

enum E820 : std::uint32_t { kRam = 1, kReserved = 2, kSoftReserved = 0xEFFFFFFF };

struct E820Entry {
  le64 start;
  le64 bytes;
  le32 type;
};
static_assert(sizeof(E820Entry) == 20);

std::uint64_t low_copy_in(const MemoryRange& region) { return region.start; }

Result<std::vector<MemoryRange>> low_pieces(const std::vector<MemoryRange>& ram) {
  std::vector<MemoryRange> low;
  for (const MemoryRange& range : ram) {
    if (range.start < kLowEnd) low.push_back({range.start, std::min(range.end(), kLowEnd) - range.start});
  }
  if (low.size() > kMaxLowRanges)
    return fail(make_error(ErrorKind::Unsupported, "memory below 640 KiB",
                           fmt::format("{} pieces", low.size()), fmt::format("up to {}", kMaxLowRanges)));
  return low;
}

// The machine's RAM that the saver must not use as its own: all but the low pieces and the region.
std::vector<MemoryRange> ram_outside(const std::vector<MemoryRange>& ram, const MemoryRange& region) {
  std::vector<MemoryRange> outside;
  const auto add = [&](std::uint64_t start, std::uint64_t end) {
    start = std::max(start, kLowEnd);
    if (start < end) outside.push_back({start, end - start});
  };
  for (const MemoryRange& range : ram) {
    add(range.start, std::min(range.end(), region.start));
    add(std::max(range.start, region.end()), range.end());
  }
  return outside;
}

Result<std::vector<E820Entry>> memory_map_of_saver(const LoadRequest& request, const LoadPlan& plan) {
  std::vector<E820Entry> map;
  const auto add = [&](std::uint64_t start, std::uint64_t bytes, std::uint32_t type) {
    map.push_back({start, bytes, type});
  };
  for (const MemoryMapEntry& entry : request.firmware_map) {
    if (entry.type != kRam)
      add(entry.start, entry.size, entry.type == 0 ? std::uint32_t{kReserved} : entry.type);
  }
  for (const MemoryRange& range : plan.low) add(range.start, range.bytes, kRam);
  for (const MemoryRange& range : memory_of_machine(request.ram, request.region))
    add(range.start, range.bytes, kSoftReserved);
  add(request.region.start + kLowEnd, kHeaderBytes - kLowEnd, kReserved);
  add(request.region.start + kHeaderBytes, request.region.bytes - kHeaderBytes, kRam);
  if (map.size() > kMaxE820)
    return fail(make_error(ErrorKind::Unsupported, "memory map", fmt::format("{} pieces", map.size()),
                           fmt::format("up to {}", kMaxE820)));
  std::sort(map.begin(), map.end(), [](const E820Entry& a, const E820Entry& b) { return a.start < b.start; });
  return map;
}

void store(std::vector<std::byte>& bytes, std::size_t offset, ByteView value) {
  std::copy(value.begin(), value.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
}

// Offsets: Linux, Documentation/arch/x86/zero-page.rst and boot.rst.
std::vector<std::byte> make_boot_params(const LoadRequest& request, const BzImage& kernel,
                                        const std::vector<E820Entry>& map, std::uint64_t load_address,
                                        const Segment& initramfs) {
  std::vector<std::byte> params(kBootParamsBytes);
  const auto set32 = [&](std::size_t offset, std::uint64_t value) {
    store(params, offset, object_bytes(le32(static_cast<std::uint32_t>(value))));
  };
  store(params, 0x1F1, kernel.setup_header);
  params[0x210] = std::byte{0xFF};  // type_of_loader: none of the known ones
  set32(0x214, load_address);
  set32(0x218, initramfs.address);
  set32(0x21C, initramfs.bytes.size());
  set32(0x228, request.region.start + kCommandLine);
  store(params, 0x250, object_bytes(le64(0)));  // setup_data
  store(params, 0x70, object_bytes(le64(request.acpi_rsdp)));
  params[0x1E8] = static_cast<std::byte>(map.size());
  for (std::size_t i = 0; i < map.size(); ++i)
    store(params, 0x2D0 + i * sizeof(E820Entry), object_bytes(map[i]));
  return params;
}

// The machine's memory as the saver's /proc/vmcore shows it: at its own addresses, but the low pieces come
// from their copy.
Result<std::vector<std::byte>> make_elf_header(const LoadRequest& request, const LoadPlan& plan) {
  std::vector<Elf64_Phdr> segments;
  const auto add = [&](std::uint32_t type, std::uint64_t address, std::uint64_t place, std::uint64_t bytes) {
    Elf64_Phdr segment{};
    segment.p_type = type;
    segment.p_flags = type == PT_LOAD ? PF_R | PF_W | PF_X : 0;
    segment.p_offset = place;
    segment.p_paddr = address;
    segment.p_filesz = segment.p_memsz = bytes;
    segments.push_back(segment);
  };
  for (const MemoryRange& note : request.notes) add(PT_NOTE, note.start, note.start, note.bytes);
  if (request.notes.empty())
    add(PT_NOTE, request.region.start + kEmptyNote, request.region.start + kEmptyNote,
        sizeof(Elf64_Nhdr) + kNoteName.size());
  std::uint64_t copy = plan.low_copy;
  for (const MemoryRange& range : plan.low) {
    add(PT_LOAD, range.start, copy, range.bytes);
    copy += range.bytes;
  }
  for (const MemoryRange& range : ram_outside(request.ram, request.region))
    add(PT_LOAD, range.start, range.start, range.bytes);
  const std::size_t size = sizeof(Elf64_Ehdr) + segments.size() * sizeof(Elf64_Phdr);
  if (size > kElfHeaderBytes)
    return fail(make_error(ErrorKind::Unsupported, "memory of this machine",
                           fmt::format("{} pieces", segments.size()), "fewer"));
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_CORE;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof(header);
  header.e_ehsize = sizeof(header);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = static_cast<Elf64_Half>(segments.size());
  std::vector<std::byte> bytes(size);
  store(bytes, 0, object_bytes(header));
  for (std::size_t i = 0; i < segments.size(); ++i)
    store(bytes, sizeof(header) + i * sizeof(Elf64_Phdr), object_bytes(segments[i]));
  return bytes;
}

// For a request without notes: the kernel warns of an ELF header that has none.
std::vector<std::byte> make_empty_note() {
  const Elf64_Nhdr header{static_cast<Elf64_Word>(kNoteName.size()), 0, 0};
  std::vector<std::byte> note(sizeof(header) + kNoteName.size());
  store(note, 0, object_bytes(header));
  store(note, sizeof(header), as_bytes(kNoteName));
  return note;
}

// mov $boot_params, %rsi; mov $entry, %rax; jmp *%rax
std::vector<std::byte> make_stub(std::uint64_t boot_params, std::uint64_t entry) {
  std::vector<std::byte> code{std::byte{0x48}, std::byte{0xBE}};
  const auto append = [&](ByteView bytes) { code.insert(code.end(), bytes.begin(), bytes.end()); };
  append(object_bytes(le64(boot_params)));
  append(as_bytes("\x48\xB8"));
  append(object_bytes(le64(entry)));
  append(as_bytes("\xFF\xE0"));
  return code;
}

Segment segment(std::uint64_t address, std::vector<std::byte> bytes) {
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  return {address, *owner, round_up(owner->size(), kPageBytes), owner};
}

Error does_not_fit(const MemoryRange& region, std::uint64_t needed) {
  const std::uint64_t mib = round_up(needed, 16U << 20) >> 20;
  return make_error(ErrorKind::Refused, "crash region", human_bytes(region.bytes),
                    fmt::format("{} MiB or more", round_up(needed, 1U << 20) >> 20))
      .advise(fmt::format("boot with crashkernel={}M", mib));
}

}  // namespace

std::vector<MemoryRange> memory_of_machine(const std::vector<MemoryRange>& ram, const MemoryRange& region) {
  std::vector<MemoryRange> memory = ram_outside(ram, region);
  memory.push_back({low_copy_in(region), kLowEnd});
  std::sort(memory.begin(), memory.end(),
            [](const MemoryRange& a, const MemoryRange& b) { return a.start < b.start; });
  return memory;
}

Result<LoadPlan> plan_load(const LoadRequest& request, const BzImage& kernel,
                           std::vector<std::byte> initramfs) {
  const MemoryRange& region = request.region;
  if (region.end() > k4GiB || region.start % kPageBytes != 0 || region.bytes % kPageBytes != 0) {
    return fail(make_error(ErrorKind::Unsupported, "crash region",
                           fmt::format("{} to {}", hex(region.start), hex(region.end())),
                           "below 4 GiB: crashkernel=SIZE without \",high\""));
  }
  const std::uint64_t load_address = round_up(region.start + kHeaderBytes, kernel.alignment);
  const std::uint64_t initramfs_bytes = round_up(initramfs.size(), kPageBytes);
  const std::uint64_t needed =
      load_address - region.start + kernel.memory_bytes + 2 * initramfs_bytes + kRoomToRun;
  if (needed > region.bytes) return fail(does_not_fit(region, needed));

  LoadPlan plan;
  plan.low_copy = low_copy_in(region);
  plan.standby_low_copy = region.start + kStandbyLowCopy;
  TRY(plan.low, low_pieces(request.ram));
  plan.boot_params = region.start + kBootParams;
  plan.stub = region.start + kStub;
  plan.entry = load_address + kernel.entry;
  TRY(const auto map, memory_map_of_saver(request, plan));
  TRY(auto elf_header, make_elf_header(request, plan));
  std::string command_line = fmt::format("{} elfcorehdr={} nr_cpus=4 maxcpus=1 nokaslr", request.command_line,
                                         hex(region.start + kElfHeader));
  const std::size_t most = std::min<std::size_t>(kCommandLineBytes - 1, kernel.max_command_line);
  if (command_line.size() > most)
    return fail(make_error(ErrorKind::Usage, "the saver's command line",
                           fmt::format("{} bytes", command_line.size()), fmt::format("up to {}", most)));
  const Segment ramdisk = segment(region.end() - initramfs_bytes, std::move(initramfs));

  const auto add = [&](std::uint64_t address, std::vector<std::byte> bytes) {
    plan.segments.push_back(segment(address, std::move(bytes)));
  };
  add(plan.boot_params, make_boot_params(request, kernel, map, load_address, ramdisk));
  const ByteView text = as_bytes(command_line);
  std::vector<std::byte> line(text.begin(), text.end());
  line.push_back(std::byte{0});
  add(region.start + kCommandLine, std::move(line));
  add(plan.stub, make_stub(plan.boot_params, plan.entry));
  add(region.start + kElfHeader, std::move(elf_header));
  add(region.start + kEmptyNote, make_empty_note());
  for (std::size_t i = 0; i < kernel.parts.size(); ++i) {
    const KernelPart& part = kernel.parts[i];
    const std::uint64_t end = i + 1 < kernel.parts.size() ? kernel.parts[i + 1].offset : kernel.memory_bytes;
    plan.segments.push_back(
        {load_address + part.offset, part.bytes, round_up(end, kPageBytes) - part.offset, kernel.content});
  }
  plan.segments.push_back(ramdisk);
  return plan;
}

}  // namespace hib::jump
