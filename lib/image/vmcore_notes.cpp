#include "lib/image/vmcore_notes.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "lib/base/cursor.h"
#include "lib/base/text.h"
#include "lib/image/physical_memory.h"

namespace hib {
namespace {

constexpr std::string_view kVmcoreinfoName = "VMCOREINFO";

struct NoteHeader {
  le32 name_bytes;
  le32 desc_bytes;
  le32 type;
};
static_assert(sizeof(NoteHeader) == 12);

Result<Note> parse_note(Cursor& in) {
  TRY(const NoteHeader header, in.read<NoteHeader>("note header"));
  TRY(const ByteView name, in.bytes(header.name_bytes, "note name"));
  TRY_OK(in.bytes(std::min(in.left(), round_up(header.name_bytes, 4) - header.name_bytes), "padding"));
  TRY(const ByteView desc, in.bytes(header.desc_bytes, "note description"));
  TRY_OK(in.bytes(std::min(in.left(), round_up(header.desc_bytes, 4) - header.desc_bytes), "padding"));
  return Note{std::string(until_nul(as_text(name))), header.type, {desc.begin(), desc.end()}};
}

void pad_to_4(std::vector<std::byte>& out) { out.resize(round_up(out.size(), 4)); }

struct MachineName {
  std::uint16_t number;
  const char* name;
};
constexpr std::array<MachineName, 8> kMachines = {{{3, "i686"},
                                                   {20, "ppc"},
                                                   {21, "ppc64le"},
                                                   {22, "s390x"},
                                                   {40, "armv7l"},
                                                   {62, "x86_64"},
                                                   {183, "aarch64"},
                                                   {243, "riscv64"}}};

// What arch/x86 maps at the kernel's link address; VMCOREINFO gives phys_base relative to it.
constexpr std::uint64_t kX86KernelMap = 0xFFFFFFFF80000000;

// struct new_utsname (include/uapi/linux/utsname.h): six fields of 65 bytes.
constexpr std::size_t kUtsFieldBytes = 65;
constexpr std::size_t kUtsBytes = 6 * kUtsFieldBytes;

std::optional<std::uint64_t> parse_number(std::string_view text, int base) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return negative ? 0 - value : value;
}

// Physical address of init_uts_ns.name on x86-64 and arm64, from VMCOREINFO alone.
std::optional<std::uint64_t> uts_address(std::string_view vmcoreinfo) {
  const auto symbol = vmcoreinfo_number(vmcoreinfo, "SYMBOL(init_uts_ns)");
  const auto offset = kernel_image_offset(vmcoreinfo);
  if (!symbol || !offset) return std::nullopt;
  return *symbol - *offset + vmcoreinfo_number(vmcoreinfo, "OFFSET(uts_namespace.name)").value_or(0);
}

}  // namespace

std::vector<Note> parse_notes(ByteView bytes, std::uint64_t file_offset, std::vector<Finding>& findings) {
  std::vector<Note> notes;
  Cursor in(bytes, file_offset, fmt::format("note {}", notes.size()));
  while (in.left() >= sizeof(NoteHeader)) {
    auto note = parse_note(in);
    if (!note) {
      findings.push_back({"broken-note", Severity::Warning, note.error().offset, note.error().text()});
      break;
    }
    const bool is_padding = note->name.empty() && note->type == 0 && note->desc.empty();
    if (!is_padding) notes.push_back(std::move(*note));
  }
  return notes;
}

std::vector<std::byte> encode_notes(const std::vector<Note>& notes) {
  std::vector<std::byte> out;
  const auto append = [&](ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); };
  for (const Note& note : notes) {
    NoteHeader header{};
    header.name_bytes = static_cast<std::uint32_t>(note.name.size() + 1);
    header.desc_bytes = static_cast<std::uint32_t>(note.desc.size());
    header.type = note.type;
    append(object_bytes(header));
    append(as_bytes(note.name));
    out.push_back(std::byte{0});
    pad_to_4(out);
    append(note.desc);
    pad_to_4(out);
  }
  return out;
}

std::vector<Record> records_from_notes(const std::vector<Note>& notes) {
  std::vector<Record> records;
  Record processors{std::string(kProcessorsRecord), 1, {}};
  for (const Note& note : notes) {
    if (note.name == kVmcoreinfoName) {
      set_vmcoreinfo(records, std::string(until_nul(as_text(note.desc))));
      continue;
    }
    processors.fields.push_back(
        {"note", FieldList{{"name", note.name}, {"type", std::uint64_t{note.type}}, {"desc", note.desc}}});
  }
  if (!processors.fields.empty()) records.push_back(std::move(processors));
  return records;
}

std::vector<Note> notes_from_records(const std::vector<Record>& records) {
  std::vector<Note> notes;
  if (const Record* processors = find_record(records, kProcessorsRecord)) {
    for (const Field& field : processors->fields) {
      const auto* parts = std::get_if<FieldList>(&field.value);
      if (field.name != "note" || parts == nullptr) continue;
      const Record part{"note", 1, *parts};
      const std::string* name = part.text("name");
      const std::uint64_t* type = part.number("type");
      const Field* desc = part.find("desc");
      const auto* bytes = desc == nullptr ? nullptr : std::get_if<std::vector<std::byte>>(&desc->value);
      if (name == nullptr || type == nullptr || bytes == nullptr) continue;
      notes.push_back({*name, static_cast<std::uint32_t>(*type), *bytes});
    }
  }
  if (const std::string* text = vmcoreinfo_of(records)) {
    const ByteView bytes = as_bytes(*text);
    notes.push_back({std::string(kVmcoreinfoName), 0, {bytes.begin(), bytes.end()}});
  }
  return notes;
}

std::map<std::string, std::string, std::less<>> parse_vmcoreinfo(std::string_view text) {
  std::map<std::string, std::string, std::less<>> values;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const auto equals = line.find('=');
    if (equals != std::string_view::npos) values.emplace(line.substr(0, equals), line.substr(equals + 1));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return values;
}

std::optional<std::uint64_t> vmcoreinfo_number(std::string_view text, std::string_view key) {
  const auto values = parse_vmcoreinfo(text);
  const auto it = values.find(key);
  if (it == values.end()) return std::nullopt;
  return parse_number(it->second, key.starts_with("SYMBOL") || key == "KERNELOFFSET" ? 16 : 10);
}

std::optional<std::uint64_t> kernel_image_offset(std::string_view vmcoreinfo) {
  if (const auto phys_base = vmcoreinfo_number(vmcoreinfo, "NUMBER(phys_base)"))
    return kX86KernelMap - *phys_base;
  return vmcoreinfo_number(vmcoreinfo, "NUMBER(kimage_voffset)");
}

std::optional<std::uint64_t> direct_map_base(std::string_view vmcoreinfo) {
  const auto bits = vmcoreinfo_number(vmcoreinfo, "NUMBER(VA_BITS)");
  const auto first = vmcoreinfo_number(vmcoreinfo, "NUMBER(PHYS_OFFSET)");
  const bool is_arm64 = vmcoreinfo_number(vmcoreinfo, "NUMBER(kimage_voffset)").has_value();
  if (!is_arm64 || !bits || !first || *bits == 0 || *bits >= 64) return std::nullopt;
  return 0 - (std::uint64_t{1} << *bits) - *first;
}

const std::string* vmcoreinfo_of(const std::vector<Record>& records) {
  const Record* machine = find_record(records, kMachineRecord);
  return machine == nullptr ? nullptr : machine->text("vmcoreinfo");
}

void set_vmcoreinfo(std::vector<Record>& records, std::string text) {
  machine_record(records).set("vmcoreinfo", std::move(text));
}

std::string machine_name(std::uint16_t number) {
  for (const MachineName& machine : kMachines) {
    if (machine.number == number) return machine.name;
  }
  return {};
}

std::uint16_t elf_machine(std::string_view name) {
  for (const MachineName& machine : kMachines) {
    if (machine.name == name) return machine.number;
  }
  return 0;
}

KernelIdentity kernel_identity(const ImageReader& image) {
  KernelIdentity kernel = image.info().kernel;
  if (const Record* machine = find_record(image.records(), kMachineRecord)) {
    const auto take = [&](std::optional<std::string>& field, std::string_view name) {
      if (const std::string* value = machine->text(name); value != nullptr && !field) field = *value;
    };
    take(kernel.release, "release");
    take(kernel.version, "version");
    take(kernel.machine, "machine");
  }
  const std::string* text = vmcoreinfo_of(image.records());
  if (text == nullptr) return kernel;
  const auto info = parse_vmcoreinfo(*text);
  if (const auto it = info.find("OSRELEASE"); it != info.end() && !kernel.release)
    kernel.release = it->second;
  if (kernel.release && kernel.version && kernel.machine) return kernel;
  if (KernelIdentity own = kernel_in_pages(image, *text);
      own.release && (!kernel.release || *own.release == *kernel.release))
    return own;
  return kernel;  // not where it should be
}

KernelIdentity kernel_in_pages(const ImageReader& image, std::string_view vmcoreinfo) {
  const auto address = uts_address(vmcoreinfo);
  std::array<std::byte, kUtsBytes> uts{};
  if (!address || !PhysicalMemory(image).read(*address, uts)) return {};
  const auto field = [&](std::size_t i) {
    return std::string(until_nul(as_text(ByteView(uts).subspan(i * kUtsFieldBytes, kUtsFieldBytes))));
  };
  if (field(0) != "Linux") return {};
  KernelIdentity kernel;
  kernel.release = field(2);
  kernel.version = field(3);
  kernel.machine = field(4);
  return kernel;
}

}  // namespace hib
