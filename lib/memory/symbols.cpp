#include "lib/memory/symbols.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::memory {
namespace {

Error corrupt(std::string where, std::string found, std::string allowed) {
  return make_error(ErrorKind::Corrupt, "kallsyms: " + std::move(where), std::move(found),
                    std::move(allowed));
}

template <typename T>
T at(ByteView bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

struct NameLength {
  std::size_t prefix = 0;  // bytes that say the length
  std::size_t tokens = 0;
};

// Lengths of 128 and above take two bytes from Linux 6.1 on (73bbb94466fd).
std::optional<NameLength> name_length(ByteView names, std::size_t start, bool long_names) {
  if (start >= names.size()) return std::nullopt;
  const auto first = std::to_integer<std::size_t>(names[start]);
  NameLength length{1, first};
  if (long_names && first >= 0x80) {
    if (start + 1 >= names.size()) return std::nullopt;
    length = {2, (first & 0x7F) | std::to_integer<std::size_t>(names[start + 1]) << 7};
  }
  if (length.tokens == 0 || length.tokens > names.size() - start - length.prefix) return std::nullopt;
  return length;
}

// Where each of `count` names begins, and the end of the last; empty where they do not fit.
std::vector<std::uint32_t> starts_of_names(ByteView region, std::uint32_t count, bool long_names) {
  std::vector<std::uint32_t> starts;
  starts.reserve(std::size_t{count} + 1);
  std::size_t position = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto length = name_length(region, position, long_names);
    if (!length) return {};
    starts.push_back(static_cast<std::uint32_t>(position));
    position += length->prefix + length->tokens;
  }
  starts.push_back(static_cast<std::uint32_t>(position));
  return starts;
}

// Between the last name and what follows it.
bool is_padding(ByteView region, std::size_t begin, std::size_t end) {
  return end <= region.size() && std::all_of(region.begin() + static_cast<std::ptrdiff_t>(begin),
                                             region.begin() + static_cast<std::ptrdiff_t>(end),
                                             [](std::byte b) { return b == std::byte{0}; });
}

template <typename T>
bool are_markers(ByteView region, std::size_t place, const std::vector<std::uint32_t>& starts) {
  const std::size_t markers = (starts.size() - 2) / kMarkerStep + 1;
  if (place > region.size() || markers > (region.size() - place) / sizeof(T)) return false;
  for (std::size_t i = 0; i < markers; ++i)
    if (at<T>(region, place + i * sizeof(T)) != starts[i * kMarkerStep]) return false;
  return true;
}

}  // namespace

Result<Symbols> Symbols::read(const AddressSpace& memory) {
  const auto names = memory.vmcoreinfo("SYMBOL(kallsyms_names)");
  const auto count = memory.vmcoreinfo("SYMBOL(kallsyms_num_syms)");
  const auto tokens = memory.vmcoreinfo("SYMBOL(kallsyms_token_table)");
  const auto index = memory.vmcoreinfo("SYMBOL(kallsyms_token_index)");
  const auto offsets = memory.vmcoreinfo("SYMBOL(kallsyms_offsets)");
  const auto base = memory.vmcoreinfo("SYMBOL(kallsyms_relative_base)");
  if (!names || !count || !tokens || !index || !offsets)
    return fail(make_error(ErrorKind::NotFound, "VMCOREINFO", "no tables of symbols",
                           "SYMBOL(kallsyms_names) and its like: Linux 6.0 or later"));
  Symbols symbols;
  TRY(const le32 stored, memory.object<le32>(*count));
  symbols.count_ = stored;
  if (symbols.count_ == 0 || symbols.count_ > kMaxSymbols)
    return fail(corrupt("num_syms", std::to_string(symbols.count_), fmt::format("1 to {}", kMaxSymbols)));
  TRY_OK(symbols.read_tokens(memory, *tokens, *index));
  TRY_OK(symbols.read_names(memory, *names, *tokens));
  TRY_OK(symbols.read_offsets(memory, *offsets, base));

  // VMCOREINFO says where one symbol is: the tables must say the same.
  if (const auto known = memory.vmcoreinfo("SYMBOL(_stext)")) {
    TRY(const Address stext, symbols.address_of("_stext"));
    if (stext != *known)
      return fail(corrupt("_stext", hex(stext), fmt::format("{}, as VMCOREINFO says", hex(*known))));
  }
  return symbols;
}

// 256 strings, and 256 offsets of them that follow.
Result<void> Symbols::read_tokens(const AddressSpace& memory, Address table, Address index) {
  const std::uint64_t size = index - table;
  if (index <= table || size > kTokens * kMaxTokenBytes)
    return fail(corrupt("token_index", fmt::format("{} after token_table {}", hex(index), hex(table)),
                        fmt::format("at most {} bytes after it", kTokens * kMaxTokenBytes)));
  TRY(token_bytes_, memory.bytes(table, size));
  TRY(const std::vector<std::byte> offsets, memory.bytes(index, kTokens * sizeof(le16)));
  std::size_t position = 0;
  for (std::size_t i = 0; i < kTokens; ++i) {
    const std::string_view rest = as_text(token_bytes_).substr(position);
    const std::size_t length = until_nul(rest).size();
    if (length == rest.size() || length > kMaxTokenBytes)
      return fail(corrupt(fmt::format("token {}", i), "without an end",
                          fmt::format("at most {} bytes and a NUL", kMaxTokenBytes)));
    if (const std::uint16_t stored = at<le16>(offsets, i * sizeof(le16)); stored != position)
      return fail(corrupt(fmt::format("token_index {}", i), std::to_string(stored),
                          fmt::format("{}, where the token begins", position)));
    tokens_.push_back(rest.substr(0, length));
    position += length + 1;
  }
  return {};
}

// Between the names and the tokens lie the markers and, from Linux 6.1 on, a table that is not needed here.
Result<void> Symbols::read_names(const AddressSpace& memory, Address names, Address tokens) {
  const std::uint64_t size = tokens - names;
  if (tokens <= names || size > kMaxNamesBytes)
    return fail(corrupt("token_table", fmt::format("{} after names {}", hex(tokens), hex(names)),
                        fmt::format("at most {} bytes after them", kMaxNamesBytes)));
  if (count_ > size)
    return fail(corrupt("num_syms", std::to_string(count_), fmt::format("at most {}, a byte each", size)));
  TRY(const std::vector<std::byte> region, memory.bytes(names, size));
  if (!names_end_at_markers(region, names, true) && !names_end_at_markers(region, names, false))
    return fail(corrupt("names", fmt::format("{} names and no markers that agree with them", count_),
                        fmt::format("a marker for each {} names behind the last", kMarkerStep)));
  return {};
}

bool Symbols::names_end_at_markers(ByteView region, Address region_address, bool long_names) {
  std::vector<std::uint32_t> starts = starts_of_names(region, count_, long_names);
  if (starts.empty()) return false;
  for (const std::uint64_t alignment : {4, 8, 16}) {
    const std::size_t place = round_up(region_address + starts.back(), alignment) - region_address;
    if (!is_padding(region, starts.back(), place)) continue;
    if (!are_markers<le32>(region, place, starts) && !are_markers<le64>(region, place, starts)) continue;
    names_.assign(region.begin(), region.begin() + starts.back());
    starts.pop_back();
    name_starts_ = std::move(starts);
    has_long_names_ = long_names;
    return true;
  }
  return false;
}

Result<void> Symbols::read_offsets(const AddressSpace& memory, Address offsets, std::optional<Address> base) {
  offsets_address_ = offsets;
  TRY(offset_bytes_, memory.bytes(offsets, std::uint64_t{count_} * sizeof(le32)));
  if (!base) {
    rule_ = SymbolOffsets::FromItself;
    return {};
  }
  TRY(base_, memory.word(*base));
  std::uint32_t negative = 0;
  for (std::uint32_t i = 0; i < count_; ++i)
    negative += at<le32>(offset_bytes_, std::size_t{i} * sizeof(le32)) >> 31;
  rule_ = negative > count_ / 2 ? SymbolOffsets::PerCpu : SymbolOffsets::FromBase;
  return {};
}

Address Symbols::address(std::uint32_t index) const {
  const std::uint32_t raw = at<le32>(offset_bytes_, std::size_t{index} * sizeof(le32));
  const auto offset = static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(raw)});
  switch (rule_) {
    case SymbolOffsets::PerCpu: return raw >> 31 == 0 ? raw : base_ - 1 - offset;
    case SymbolOffsets::FromBase: return base_ + raw;
    case SymbolOffsets::FromItself: return offsets_address_ + std::uint64_t{index} * sizeof(le32) + offset;
  }
  return 0;
}

// The first character of the expanded name is the symbol's type.
bool Symbols::is_name(ByteView name, std::string_view wanted) const {
  std::size_t skip = 1;
  for (const std::byte token : name) {
    std::string_view text = tokens_[std::to_integer<std::size_t>(token)];
    const std::size_t skipped = std::min(skip, text.size());
    text.remove_prefix(skipped);
    skip -= skipped;
    if (!wanted.starts_with(text)) return false;
    wanted.remove_prefix(text.size());
  }
  return wanted.empty() && skip == 0;
}

Result<Address> Symbols::address_of(std::string_view name) const {
  std::optional<Address> found;
  for (std::uint32_t i = 0; i < count_; ++i) {
    const auto length = name_length(names_, name_starts_[i], has_long_names_);
    if (!length) break;  // read_names() has seen that all of them fit
    if (!is_name(ByteView(names_).subspan(name_starts_[i] + length->prefix, length->tokens), name)) continue;
    if (found && *found != address(i))
      return fail(corrupt(std::string(name), fmt::format("{} and {}", hex(*found), hex(address(i))),
                          "one symbol of that name"));
    found = address(i);
  }
  if (!found)
    return fail(make_error(ErrorKind::NotFound, fmt::format("kallsyms: {}", name),
                           fmt::format("not among {} symbols", count_), "a symbol of this kernel"));
  return *found;
}

}  // namespace hib::memory
