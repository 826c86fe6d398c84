#include "format/elf/writer.h"

#include <algorithm>
#include <cstring>

#include "format/elf/layout.h"
#include "lib/image/linear_sink.h"
#include "lib/image/vmcore_notes.h"

namespace hib::elf {
namespace {

constexpr std::uint16_t kEmX86_64 = 62;
constexpr std::uint64_t kPageAlignment = 4096;  // of segments in the file, whatever the page size

void append(std::vector<std::byte>& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

std::uint16_t machine_of(const ImageReader& source) {
  const auto& machine = source.info().kernel.machine;
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
  if (program_headers >= kPnXnum) {  // the count then stands in section header 0, right behind the program headers
    h.shoff = sizeof(Header64) + program_headers * sizeof(Program64);
    h.shentsize = sizeof(Section64);
    h.shnum = 1;
  }
  return h;
}

Program64 program_header(std::uint32_t type, std::uint64_t offset, std::uint64_t paddr, std::uint64_t size) {
  Program64 p{};
  p.type = type;
  p.offset = offset;
  p.paddr = paddr;
  p.filesz = size;
  p.memsz = type == kPtLoad ? size : 0;
  return p;
}

}  // namespace

// Header, program headers, notes, then one PT_LOAD for each run of present pages; pages that are not in the image are in
// no segment, so that no tool takes them for zeros.
Result<std::unique_ptr<PageSink>> make_writer(Output& output, const ImageReader& source) {
  const std::uint32_t page_size = source.info().page_size;
  TRY(const std::vector<PageRun> runs, present_runs(source));
  const std::vector<std::byte> notes = encode_notes(notes_from_records(source.records()));
  const std::uint64_t count = runs.size() + 1;
  const std::uint64_t section_bytes = count >= kPnXnum ? sizeof(Section64) : 0;
  const std::uint64_t notes_offset = sizeof(Header64) + count * sizeof(Program64) + section_bytes;

  LinearLayout layout;
  layout.page_size = page_size;
  std::vector<std::byte> head;
  append(head, object_bytes(header_for(machine_of(source), count)));
  append(head, object_bytes(program_header(kPtNote, notes_offset, 0, notes.size())));
  std::uint64_t offset = round_up(notes_offset + notes.size(), kPageAlignment);
  std::vector<LayoutPiece> pages;
  for (const PageRun& run : runs) {
    append(head, object_bytes(program_header(kPtLoad, offset, run.first * page_size, run.count * page_size)));
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
  return make_linear_sink(output, std::move(layout));
}

}  // namespace hib::elf
