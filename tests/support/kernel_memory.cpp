#include "tests/support/kernel_memory.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/image/vmcore_notes.h"

namespace hib::test {
namespace {

constexpr std::uint64_t kPage = memory::kPageBytes;
constexpr std::uint64_t kPresent = 1;
constexpr std::uint64_t kLarge = 0x80;
constexpr std::uint64_t kFrame = 0x000FFFFFFFFFF000;

unsigned shift_of(unsigned level) { return 12 + 9 * (level - 1); }

}  // namespace

// ---- memory

KernelMemory::KernelMemory(unsigned levels) : levels_(levels) {
  info_.path = "memory";
  info_.end_pfn = kEndPfn;
  records_.push_back({std::string(kMachineRecord), 1, {}});
  page((kTopTable - memory::kKernelMap + kPhysBase) / kPage);
  set_symbol("swapper_pg_dir", kTopTable);
  set_vmcoreinfo("NUMBER(phys_base)", std::to_string(kPhysBase));
  set_vmcoreinfo("NUMBER(pgtable_l5_enabled)", levels == 5 ? "1" : "0");
}

Bytes& KernelMemory::page(Pfn pfn) {
  Bytes& found = pages_[pfn];
  found.resize(kPage);
  return found;
}

void KernelMemory::write_physical(std::uint64_t physical, ByteView bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i, ++physical)
    page(physical / kPage)[physical % kPage] = bytes[i];
}

std::uint64_t KernelMemory::entry_place(memory::Address address, unsigned level, bool create) {
  std::uint64_t table = kTopTable - memory::kKernelMap + kPhysBase;
  for (unsigned at = levels_;; --at) {
    const std::uint64_t place = table + ((address >> shift_of(at)) & 511) * 8;
    if (at == level) return place;
    le64 entry;
    std::memcpy(&entry, page(place / kPage).data() + place % kPage, sizeof(entry));
    if ((entry & kPresent) == 0 && create) {
      entry = next_pfn_++ * kPage | kPresent;
      write_physical(place, object_bytes(entry));
      page((entry & kFrame) / kPage);
    }
    table = entry & kFrame;
  }
}

void KernelMemory::set_entry(memory::Address address, unsigned level, std::uint64_t entry) {
  write_physical(entry_place(address, level, true), object_bytes(le64(entry)));
}

std::uint64_t KernelMemory::entry(memory::Address address, unsigned level) {
  const std::uint64_t place = entry_place(address, level, true);
  le64 entry;
  std::memcpy(&entry, page(place / kPage).data() + place % kPage, sizeof(entry));
  return entry;
}

std::uint64_t KernelMemory::physical(memory::Address address) {
  return (entry(address, 1) & kFrame) + address % kPage;
}

void KernelMemory::overwrite(std::size_t index, std::size_t offset, std::size_t size, std::uint64_t value) {
  auto page = pages_.begin();
  std::advance(page, index);
  std::memcpy(page->second.data() + offset, object_bytes(le64(value)).data(), size);
}

std::uint64_t KernelMemory::map_page(memory::Address address) {
  if ((entry(address, 1) & kPresent) == 0) set_entry(address, 1, next_pfn_++ * kPage | kPresent);
  return physical(address);
}

void KernelMemory::map_large(memory::Address address, unsigned level, std::uint64_t physical) {
  set_entry(address, level, physical | kPresent | kLarge);
}

void KernelMemory::write(memory::Address address, ByteView bytes) {
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(bytes.size(), kPage - address % kPage);
    write_physical(map_page(address), bytes.first(size));
    bytes = bytes.subspan(size);
    address += size;
  }
}

void KernelMemory::write_text(memory::Address address, std::string_view text) {
  write(address, as_bytes(std::string(text) + '\0'));
}

void KernelMemory::set_vmcoreinfo(const std::string& key, std::optional<std::string> value) {
  if (value)
    vmcoreinfo_[key] = *value;
  else
    vmcoreinfo_.erase(key);
  std::string text;
  for (const auto& [name, content] : vmcoreinfo_) text += fmt::format("{}={}\n", name, content);
  machine().set("vmcoreinfo", text);
}

void KernelMemory::set_symbol(const std::string& name, memory::Address address) {
  set_vmcoreinfo(fmt::format("SYMBOL({})", name), fmt::format("{:x}", address));
}

Result<void> KernelMemory::read_page(Pfn pfn, MutableBytes out) const {
  ++pages_read_;
  const Pfn pieces = out.size() / kPage;  // of the size of x86's pages
  bool is_there = false;
  for (Pfn i = 0; i < pieces; ++i) {
    const auto found = pages_.find(pfn * pieces + i);
    if (found == pages_.end()) continue;
    is_there = true;
    std::copy(found->second.begin(), found->second.end(),
              out.begin() + static_cast<std::ptrdiff_t>(i * kPage));
  }
  if (!is_there)
    return fail(make_error(ErrorKind::NoPage, fmt::format("PFN {:#x}", pfn), "not there", "a page"));
  return {};
}

Result<std::unique_ptr<RunSource>> KernelMemory::runs() const {
  return fail(make_error(ErrorKind::Unsupported, "runs", "asked for", "pages"));
}
Result<RangeMap> KernelMemory::map() const {
  return fail(make_error(ErrorKind::Unsupported, "map", "asked for", "pages"));
}

// ---- symbols

// Token 1 is "swap_", every printable character is itself, all others are empty.
void SymbolTables::build() {
  names.clear();
  markers.clear();
  tokens.clear();
  token_index.clear();
  offsets.clear();
  for (unsigned token = 0; token < memory::kTokens; ++token) {
    append(token_index, le16(static_cast<std::uint16_t>(tokens.size())));
    const std::string text = token == 1                     ? "swap_"
                             : token >= ' ' && token < 0x7F ? std::string(1, static_cast<char>(token))
                                                            : std::string();
    const ByteView raw = as_bytes(text);
    tokens.insert(tokens.end(), raw.begin(), raw.end());
    tokens.push_back(std::byte{0});
  }
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    if (i % memory::kMarkerStep == 0) {
      if (wide_markers)
        append(markers, le64(names.size()));
      else
        append(markers, le32(static_cast<std::uint32_t>(names.size())));
    }
    std::string name = symbols[i].first;
    if (const auto at = name.find("swap_"); at != std::string::npos) name.replace(at, 5, "\x01");
    if (long_names && name.size() >= 0x80) {
      names.push_back(static_cast<std::byte>((name.size() & 0x7F) | 0x80));
      names.push_back(static_cast<std::byte>(name.size() >> 7));
    } else {
      names.push_back(static_cast<std::byte>(name.size()));
    }
    const ByteView raw = as_bytes(name);
    names.insert(names.end(), raw.begin(), raw.end());

    const memory::Address address = symbols[i].second;
    std::uint64_t offset = 0;
    switch (rule) {
      case memory::SymbolOffsets::PerCpu: offset = address < kBase ? address : kBase - 1 - address; break;
      case memory::SymbolOffsets::FromBase: offset = address - kBase; break;
      case memory::SymbolOffsets::FromItself: offset = address - (kOffsets + 4 * i); break;
    }
    append(offsets, le32(static_cast<std::uint32_t>(offset)));
  }
}

memory::Address SymbolTables::markers_address() const { return round_up(kNames + names.size(), 8); }
memory::Address SymbolTables::tokens_address() const {
  return round_up(markers_address() + markers.size() + 3 * symbols.size(), 8);  // seqs_of_names lies between
}

void SymbolTables::place(KernelMemory& memory) const {
  memory.write(kNumber, object_bytes(le32(static_cast<std::uint32_t>(symbols.size()))));
  memory.write(kNames, names);
  memory.write(markers_address(), markers);
  memory.write(markers_address() + markers.size(), Bytes(3 * symbols.size()));
  memory.write(tokens_address(), tokens);
  memory.write(index_address(), token_index);
  memory.write(kOffsets, offsets);
  memory.set_symbol("kallsyms_names", kNames);
  memory.set_symbol("kallsyms_num_syms", kNumber);
  memory.set_symbol("kallsyms_token_table", tokens_address());
  memory.set_symbol("kallsyms_token_index", index_address());
  memory.set_symbol("kallsyms_offsets", kOffsets);
  if (rule == memory::SymbolOffsets::FromItself) return;
  memory.write_word(kBasePlace, kBase);
  memory.set_symbol("kallsyms_relative_base", kBasePlace);
}

// ---- types

std::uint32_t Btf::string(const std::string& text) {
  if (text.empty()) return 0;
  const std::size_t found = strings_.find('\0' + text + '\0');
  if (found != std::string::npos) return static_cast<std::uint32_t>(found + 1);
  strings_ += text + '\0';
  return static_cast<std::uint32_t>(strings_.size() - text.size() - 1);
}

std::uint32_t Btf::simple(memory::TypeKind kind, const std::string& name, std::uint32_t size_or_type,
                          std::uint32_t entries, const Bytes& details) {
  append(types_, le32(string(name)));
  append(types_, le32(static_cast<std::uint32_t>(kind) << 24 | entries));
  append(types_, le32(size_or_type));
  types_.insert(types_.end(), details.begin(), details.end());
  return ++count_;
}

std::uint32_t Btf::integer(const std::string& name, std::uint32_t bytes) {
  return simple(memory::TypeKind::Int, name, bytes, 0, Bytes(4));
}

std::uint32_t Btf::array(std::uint32_t element, std::uint32_t count) {
  Bytes details;
  append(details, le32(element));
  append(details, le32(1));
  append(details, le32(count));
  return simple(memory::TypeKind::Array, "", 0, 0, details);
}

std::uint32_t Btf::structure(const std::string& name, std::uint32_t bytes, const std::vector<Member>& members,
                             bool is_union) {
  const bool bit_fields =
      std::any_of(members.begin(), members.end(), [](const Member& m) { return m.bits != 0; });
  Bytes details;
  for (const Member& member : members) {
    append(details, le32(string(member.name)));
    append(details, le32(member.type));
    append(details, le32(bit_fields ? member.bits << 24 | member.bit_offset : member.bit_offset));
  }
  const std::uint32_t entries = static_cast<std::uint32_t>(members.size()) | (bit_fields ? 1U << 31 : 0);
  return simple(is_union ? memory::TypeKind::Union : memory::TypeKind::Struct, name, bytes, entries, details);
}

Bytes Btf::bytes() const {
  Bytes out;
  append(out, le16(0xEB9F));
  out.push_back(std::byte{1});
  out.push_back(std::byte{0});
  append(out, le32(24));
  append(out, le32(0));
  append(out, le32(static_cast<std::uint32_t>(types_.size())));
  append(out, le32(static_cast<std::uint32_t>(types_.size())));
  append(out, le32(static_cast<std::uint32_t>(strings_.size())));
  out.insert(out.end(), types_.begin(), types_.end());
  const ByteView text = as_bytes(strings_);
  out.insert(out.end(), text.begin(), text.end());
  return out;
}

}  // namespace hib::test
