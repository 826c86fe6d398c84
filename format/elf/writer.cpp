#include "format/elf/writer.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "format/elf/layout.h"
#include "lib/image/linear_sink.h"
#include "lib/image/vmcore_notes.h"

namespace hib::elf {
namespace {

constexpr std::uint16_t kEmX86_64 = 62;
constexpr std::uint16_t kEmAarch64 = 183;
constexpr std::uint64_t kPageAlignment = 4096;  // of segments in the file, whatever the page size

void append(std::vector<std::byte>& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

std::uint16_t machine_of(const ImageReader& source) {
  const auto machine = kernel_identity(source).machine;
  const std::uint16_t number = machine ? elf_machine(*machine) : 0;
  return number != 0 ? number : kEmX86_64;
}

Header64 header_for(std::uint16_t machine, std::uint64_t program_headers) {
  Header64 h{};
  std::memcpy(h.ident.magic, kMagic, sizeof(kMagic));
  h.ident.file_class = kClass64;
  h.ident.data = kLittleEndian;
  h.ident.version = 1;
  h.type = kTypeCore;
  h.machine = machine;
  h.version = 1;
  h.phoff = sizeof(Header64);
  h.ehsize = sizeof(Header64);
  h.phentsize = sizeof(Program64);
  h.phnum = static_cast<std::uint16_t>(std::min<std::uint64_t>(program_headers, kPnXnum));
  if (program_headers >=
      kPnXnum) {  // the count then stands in section header 0, right behind the program headers
    h.shoff = sizeof(Header64) + program_headers * sizeof(Program64);
    h.shentsize = sizeof(Section64);
    h.shnum = 1;
  }
  return h;
}

Program64 program_header(std::uint32_t type, std::uint64_t offset, std::uint64_t vaddr, std::uint64_t paddr,
                         std::uint64_t size) {
  Program64 p{};
  p.type = type;
  p.offset = offset;
  p.vaddr = vaddr;
  p.paddr = paddr;
  p.filesz = size;
  p.memsz = type == kPtLoad ? size : 0;
  return p;
}

// Where the kernel sees physical memory, as far as the records say. gdb finds nothing without, and drgn not
// even the page tables. As in /proc/vmcore, the kernel's own image has a second segment at its own addresses.
struct VirtualMap {
  std::uint64_t direct_map = 0;  // virtual address of physical 0; 0: not known
  std::uint64_t image_virtual = 0;
  std::uint64_t image_physical = 0;
  std::uint64_t image_bytes = 0;  // 0: not known

  std::uint64_t of(std::uint64_t physical) const { return direct_map == 0 ? 0 : direct_map + physical; }
};

constexpr std::uint64_t kImageAlign = 2 << 20;
constexpr std::uint64_t kImageBytes = 64
                                      << 20;  // more than any; what lies behind it only has a second address

VirtualMap virtual_map(const ImageReader& source, std::uint16_t machine) {
  VirtualMap map;
  if (machine != kEmX86_64 && machine != kEmAarch64) return map;
  const std::string* vmcoreinfo = vmcoreinfo_of(source.records());
  const Record* record = find_record(source.records(), kMachineRecord);
  if (const auto* direct_map = record == nullptr ? nullptr : record->number("page_offset"))
    map.direct_map = *direct_map;
  else if (vmcoreinfo != nullptr)
    map.direct_map = direct_map_base(*vmcoreinfo).value_or(0);
  const auto stext = vmcoreinfo == nullptr ? std::nullopt : vmcoreinfo_number(*vmcoreinfo, "SYMBOL(_stext)");
  const auto offset = vmcoreinfo == nullptr ? std::nullopt : kernel_image_offset(*vmcoreinfo);
  if (stext && offset) {
    map.image_virtual = *stext / kImageAlign * kImageAlign;
    map.image_physical = map.image_virtual - *offset;
    map.image_bytes = kImageBytes;
  }
  return map;
}

// The part of a run that the kernel's image may lie in; empty when there is none.
PageRun image_part(const PageRun& run, const VirtualMap& map, std::uint32_t page_size) {
  const Pfn first = std::max(run.first, map.image_physical / page_size);
  const Pfn end = std::min(run.end(), (map.image_physical + map.image_bytes) / page_size);
  return first < end ? PageRun{first, end - first, PageState::Data, 0} : PageRun{};
}

// Without VMCOREINFO a reader takes pages for 4 KiB: then the note says their size, and nothing else.
std::vector<std::byte> notes_of(const ImageReader& source) {
  std::vector<Record> records = source.records();
  const std::uint32_t page_size = source.info().page_size;
  if (vmcoreinfo_of(records) == nullptr && page_size != kMinPageBytes)
    set_vmcoreinfo(records, fmt::format("PAGESIZE={}\n", page_size));
  return encode_notes(notes_from_records(records));
}

}  // namespace

Result<LinearLayout> layout_of(const ImageReader& source) {
  const std::uint32_t page_size = source.info().page_size;
  TRY(const std::vector<PageRun> runs, present_runs(source));
  const std::vector<std::byte> notes = notes_of(source);
  const std::uint16_t machine = machine_of(source);
  const VirtualMap virtual_addresses = virtual_map(source, machine);
  const auto has_image = [&](const PageRun& run) {
    return image_part(run, virtual_addresses, page_size).count > 0;
  };
  const std::uint64_t count =
      1 + runs.size() + static_cast<std::uint64_t>(std::count_if(runs.begin(), runs.end(), has_image));
  const std::uint64_t section_bytes = count >= kPnXnum ? sizeof(Section64) : 0;
  const std::uint64_t notes_offset = sizeof(Header64) + count * sizeof(Program64) + section_bytes;

  LinearLayout layout;
  layout.page_size = page_size;
  std::vector<std::byte> head;
  append(head, object_bytes(header_for(machine, count)));
  append(head, object_bytes(program_header(kPtNote, notes_offset, 0, 0, notes.size())));
  std::uint64_t offset = round_up(notes_offset + notes.size(), kPageAlignment);
  std::vector<LayoutPiece> pages;
  for (std::uint64_t at = offset; const PageRun& run : runs) {
    if (const PageRun part = image_part(run, virtual_addresses, page_size); part.count > 0) {
      const std::uint64_t physical = part.first * page_size;
      append(head, object_bytes(program_header(
                       kPtLoad, at + (part.first - run.first) * page_size,
                       virtual_addresses.image_virtual + (physical - virtual_addresses.image_physical),
                       physical, part.count * page_size)));
    }
    at += run.count * page_size;
  }
  for (const PageRun& run : runs) {
    append(head, object_bytes(program_header(kPtLoad, offset, virtual_addresses.of(run.first * page_size),
                                             run.first * page_size, run.count * page_size)));
    pages.push_back({offset, {}, run.first, run.count});
    offset += run.count * page_size;
  }
  if (section_bytes != 0) {
    Section64 section{};
    section.info = static_cast<std::uint32_t>(count);
    append(head, object_bytes(section));
  }
  append(head, notes);
  layout.pieces.push_back({0, std::move(head), 0, 0});
  std::move(pages.begin(), pages.end(), std::back_inserter(layout.pieces));
  layout.file_bytes = offset;
  return layout;
}

Result<std::unique_ptr<PageSink>> make_writer(Output& output, const ImageReader& source,
                                              const WriteOptions&) {
  TRY(LinearLayout layout, layout_of(source));
  return make_linear_sink(output, std::move(layout));
}

}  // namespace hib::elf
