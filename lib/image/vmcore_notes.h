// What ELF and kdump files say of the machine: ELF notes (processor registers, VMCOREINFO), turned into
// records and back.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/image/info.h"
#include "lib/image/reader.h"
#include "lib/image/record.h"

namespace hib {

struct Note {
  std::string name;
  std::uint32_t type = 0;
  std::vector<std::byte> desc;
};

inline constexpr std::uint64_t kMaxNotesBytes = 64U << 20;

// The notes in `bytes`, up to the first that does not fit; that one becomes a finding.
std::vector<Note> parse_notes(ByteView bytes, std::uint64_t file_offset, std::vector<Finding>& findings);
std::vector<std::byte> encode_notes(const std::vector<Note>& notes);

// "machine" (from VMCOREINFO) and "processors" (all other notes), where there is anything to say.
std::vector<Record> records_from_notes(const std::vector<Note>& notes);
std::vector<Note> notes_from_records(const std::vector<Record>& records);

// KEY=VALUE lines of VMCOREINFO (Documentation/admin-guide/kdump/vmcoreinfo.rst).
std::map<std::string, std::string, std::less<>> parse_vmcoreinfo(std::string_view text);
// A number of VMCOREINFO: SYMBOL, KERNELOFFSET and what begins with 0x are hexadecimal, the others decimal
// and possibly negative (modulo 2^64).
std::optional<std::uint64_t> vmcoreinfo_number(std::string_view text, std::string_view key);
// Virtual minus physical of the kernel's image: x86-64 and arm64 tell.
std::optional<std::uint64_t> kernel_image_offset(std::string_view vmcoreinfo);
// Where the kernel maps physical address 0, or would: arm64 tells.
std::optional<std::uint64_t> direct_map_base(std::string_view vmcoreinfo);

const std::string* vmcoreinfo_of(const std::vector<Record>& records);
void set_vmcoreinfo(std::vector<Record>& records, std::string text);

// The ELF machine numbers that Linux runs on, as `uname -m` names them; empty when unknown.
std::string machine_name(std::uint16_t elf_machine);
std::uint16_t elf_machine(std::string_view name);  // 0 when unknown

// Fills what is missing of the kernel's identity: from the machine record, the release from VMCOREINFO, then
// release, version and machine from init_uts_ns in the pages, whose place VMCOREINFO names. Reads at most two
// pages.
KernelIdentity kernel_identity(const ImageReader& image);

// What init_uts_ns alone says, where VMCOREINFO says it is; nothing where it is not there.
KernelIdentity kernel_in_pages(const ImageReader& image, std::string_view vmcoreinfo);

}  // namespace hib
