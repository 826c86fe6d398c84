#include "format/elf/reader.h"

#include <algorithm>
#include <cstring>
#include <map>

#include <fmt/format.h>

#include "format/elf/decode.h"
#include "format/elf/kcore.h"
#include "format/elf/layout.h"
#include "format/elf/process_core.h"
#include "lib/base/text.h"
#include "lib/image/dump_file.h"
#include "lib/image/extent_reader.h"
#include "lib/image/input.h"
#include "lib/image/vmcore_notes.h"
#include "lib/os/running_memory.h"

namespace hib::elf {
namespace {

std::vector<Note> read_notes(const File& file, const Headers& headers, RangeMap& labels,
                             std::vector<Finding>& findings) {
  std::vector<Note> notes;
  for (std::size_t i = 0; i < headers.program.size(); ++i) {
    const ProgramHeader& p = headers.program[i];
    if (p.type != kPtNote || p.filesz == 0) continue;
    if (p.filesz > kMaxNotesBytes) {
      findings.push_back({"broken-note", Severity::Warning, p.offset,
                          fmt::format("program header {}: {} bytes of notes, at most {} are read", i,
                                      p.filesz, kMaxNotesBytes)});
      continue;
    }
    auto raw = file.read_at(p.offset, p.filesz);
    if (!raw) {
      findings.push_back({"broken-note", Severity::Error, p.offset, raw.error().line()});
      continue;
    }
    labels.add(p.offset, p.filesz, fmt::format("PT_NOTE {}", i));
    auto parsed = parse_notes(*raw, p.offset, findings);
    std::move(parsed.begin(), parsed.end(), std::back_inserter(notes));
  }
  return notes;
}

// The kernel's image has two segments in a vmcore, with two virtual addresses for the same bytes: the smaller
// one says nothing new.
void drop_second_addresses(std::vector<Extent>& extents) {
  std::map<std::uint64_t, std::vector<const Extent*>>
      by_shift;  // offset - address, modulo 2^64: equal for the same bytes
  for (const Extent& extent : extents) by_shift[extent.file_offset - extent.physical].push_back(&extent);
  std::vector<bool> drop(extents.size());
  for (auto& [shift, same] : by_shift) {
    std::sort(same.begin(), same.end(), [](const Extent* a, const Extent* b) {
      return std::pair(a->physical, ~a->size_bytes) < std::pair(b->physical, ~b->size_bytes);
    });
    const Extent* widest = nullptr;
    for (const Extent* extent : same) {
      const bool inside = widest != nullptr && extent->size_bytes == extent->stored_bytes &&
                          widest->size_bytes == widest->stored_bytes &&
                          extent->size_bytes <= widest->size_bytes &&
                          extent->physical - widest->physical <= widest->size_bytes - extent->size_bytes;
      if (inside) drop[static_cast<std::size_t>(extent - extents.data())] = true;
      if (!inside) widest = extent;
    }
  }
  std::size_t i = 0;
  std::erase_if(extents, [&](const Extent&) { return drop[i++]; });
}

Result<std::vector<Extent>> load_segments(const File& file, const Headers& headers) {
  std::vector<Extent> extents;
  for (std::size_t i = 0; i < headers.program.size(); ++i) {
    const ProgramHeader& p = headers.program[i];
    if (p.type != kPtLoad || (p.memsz == 0 && p.filesz == 0)) continue;
    if (p.filesz > p.memsz) {
      return fail(file.error(ErrorKind::Corrupt, headers.phoff + i * headers.phentsize,
                             fmt::format("program header {}: p_filesz", i), fmt::format("{:#x}", p.filesz),
                             fmt::format("at most p_memsz, {:#x}", p.memsz)));
    }
    extents.push_back({p.paddr, p.memsz, p.offset, p.filesz, fmt::format("PT_LOAD {}", i)});
  }
  drop_second_addresses(extents);
  if (extents.empty()) {
    return fail(file.error(ErrorKind::NotRecognised, headers.phoff, "program headers", "no PT_LOAD segment",
                           "a vmcore with memory"));
  }
  return extents;
}

// The extent in pieces: those that are not used hold nothing.
void add_without_unused(const Extent& extent, const std::vector<PfnRange>& unused, std::uint32_t page_size,
                        std::vector<Extent>& out) {
  const std::uint64_t end = extent.physical + extent.size_bytes;
  std::uint64_t at = extent.physical;
  const auto add = [&](std::uint64_t until, bool is_used) {
    if (until <= at) return;
    const std::uint64_t offset = at - extent.physical;
    const std::uint64_t stored =
        std::min(until - at, extent.stored_bytes - std::min(extent.stored_bytes, offset));
    out.push_back({at, until - at, extent.file_offset + offset, is_used ? stored : 0, extent.name});
    at = until;
  };
  auto range = std::partition_point(unused.begin(), unused.end(), [&](const PfnRange& r) {
    return (r.first + r.second) * page_size <= at;
  });
  for (; range != unused.end() && range->first * page_size < end; ++range) {
    add(std::max(at, range->first * page_size), true);
    add(std::min(end, (range->first + range->second) * page_size), false);
  }
  add(end, true);
}

}  // namespace

bool recognise(const FormatHead& head) {
  return head.bytes.size() >= sizeof(Ident) && std::memcmp(head.bytes.data(), kMagic, sizeof(kMagic)) == 0;
}

namespace {

Result<std::unique_ptr<ImageReader>> open_plain(std::shared_ptr<const File> file,
                                                const OpenOptions& options) {
  TRY(const Headers headers, decode_headers(*file));
  const bool is_live = is_kcore(headers);
  TRY(std::vector<Extent> extents, is_live ? system_ram(headers) : load_segments(*file, headers));
  ImageInfo info;
  info.format = "elf";
  const auto segments = std::count_if(headers.program.begin(), headers.program.end(),
                                      [](const ProgramHeader& p) { return p.type == kPtLoad; });
  info.variant = is_live ? kRunningVariant
                         : fmt::format("ELF{} core, {}", headers.is_64 ? 64 : 32,
                                       counted(static_cast<std::uint64_t>(segments), "PT_LOAD segment"));
  describe_input(*file, info);
  RangeMap labels;
  labels.add(0, headers.header_bytes, "ELF header");
  labels.add(headers.phoff, headers.program.size() * headers.phentsize, "program headers");
  if (headers.shoff != 0) labels.add(headers.shoff, headers.sections_bytes, "section headers");
  const std::vector<Note> notes = read_notes(*file, headers, labels, info.findings);
  if (auto machine = refuse_core_of_a_process(notes); !machine)
    return fail(std::move(machine).error().at(headers.phoff).of(file->path()));
  auto records = records_from_notes(notes);
  if (const std::string machine = machine_name(headers.machine); !machine.empty())
    info.kernel.machine = machine;
  if (const std::string* text = vmcoreinfo_of(records)) {
    const auto values = parse_vmcoreinfo(*text);
    const auto it = values.find("PAGESIZE");
    for (std::uint32_t size = kMinPageBytes; it != values.end() && size <= kMaxPageBytes; size *= 2) {
      if (it->second == std::to_string(size)) info.page_size = size;
    }
  }
  if (!options.unused.empty()) {
    std::vector<Extent> pieces;
    for (const Extent& extent : extents) add_without_unused(extent, options.unused, info.page_size, pieces);
    extents = std::move(pieces);
  }
  return ExtentReader::create(std::move(file), std::move(info), std::move(extents), std::move(records),
                              std::move(labels));
}

}  // namespace

Result<std::unique_ptr<ImageReader>> open(std::shared_ptr<const File> file, const OpenOptions& options) {
  TRY(DumpFile dump, DumpFile::open(file));
  if (!dump.is_flattened()) return open_plain(std::move(file), options);
  return open_flattened(std::move(dump), [&](auto inside) { return open_plain(inside, options); });
}

}  // namespace hib::elf
