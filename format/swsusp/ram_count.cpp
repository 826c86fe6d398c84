#include "format/swsusp/ram_count.h"

#include "format/swsusp/restore_tables.h"
#include "lib/image/vmcore_notes.h"
#include "lib/memory/address_space.h"
#include "lib/memory/symbols.h"

namespace hib::swsusp {
namespace {

constexpr std::uint64_t kMaxNodes = 1024;  // CONFIG_NODES_SHIFT is 10 at most

class Nodes {
 public:
  Nodes(const memory::AddressSpace& kernel, std::uint64_t word_bytes, std::uint64_t node_spanned_pages)
      : kernel_(kernel), word_bytes_(word_bytes), spanned_pages_(node_spanned_pages) {}

  // node_present_pages lies before node_spanned_pages.
  std::optional<std::uint64_t> pages_of(memory::Address node) const {
    const auto pages = word(node + spanned_pages_ - word_bytes_);
    return pages && *pages <= kMaxPfn ? pages : std::nullopt;
  }

  // Of the nodes that an array of pointers has. Nodes that the machine does not have are null.
  std::optional<std::uint64_t> pages_of_all(memory::Address pointers, std::uint64_t count) const {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto node = word(pointers + i * word_bytes_);
      if (!node) return std::nullopt;
      if (*node == 0) continue;
      const auto pages = pages_of(*node);
      if (!pages) return std::nullopt;
      sum += *pages;
    }
    return sum;
  }

 private:
  std::optional<std::uint64_t> word(memory::Address address) const {
    if (word_bytes_ == 8) {
      const auto value = kernel_.object<le64>(address);
      return value ? std::optional<std::uint64_t>(*value) : std::nullopt;
    }
    const auto value = kernel_.object<le32>(address);
    return value ? std::optional<std::uint64_t>(*value) : std::nullopt;
  }

  const memory::AddressSpace& kernel_;
  std::uint64_t word_bytes_;
  std::uint64_t spanned_pages_;
};

// node_data[]
struct NodeTable {
  memory::Address pointers = 0;
  std::uint64_t count = 0;
};

std::optional<NodeTable> table_in(std::string_view vmcoreinfo) {
  const auto pointers = vmcoreinfo_number(vmcoreinfo, "SYMBOL(node_data)");
  const auto count = vmcoreinfo_number(vmcoreinfo, "LENGTH(node_data)");
  return pointers && count ? std::optional(NodeTable{*pointers, *count}) : std::nullopt;
}

// VMCOREINFO of arm64 does not name it. The kernel's symbols do, where they are not only those of code.
std::optional<NodeTable> table_by_symbols(const ImageReader& image) {
  const auto kernel = memory::AddressSpace::open(image);
  if (!kernel) return std::nullopt;
  const auto symbols = memory::Symbols::read(*kernel);
  if (!symbols) return std::nullopt;
  const auto pointers = symbols->address_of("node_data");
  const auto count_at = symbols->address_of("nr_node_ids");
  if (!pointers || !count_at) return std::nullopt;
  const auto count = kernel->object<le32>(*count_at);
  return count ? std::optional(NodeTable{*pointers, std::uint32_t{*count}}) : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> count_ram(const ImageReader& image, const Abi& abi, const RestoreRecord& restore,
                                       const Record& machine) {
  const std::string* text = machine.text("vmcoreinfo");
  if (text == nullptr) return std::nullopt;
  const auto spanned = vmcoreinfo_number(*text, "OFFSET(pglist_data.node_spanned_pages)");
  const auto tables = find_page_tables(PhysicalMemory(image), abi, restore);
  if (!spanned || *spanned < abi.word_bytes || !tables) return std::nullopt;
  const memory::AddressSpace kernel(image, *tables);
  const Nodes nodes(kernel, abi.word_bytes, *spanned);
  if (const auto only = vmcoreinfo_number(*text, "SYMBOL(contig_page_data)")) return nodes.pages_of(*only);
  auto table = table_in(*text);
  if (!table) table = table_by_symbols(image);
  if (!table || table->count > kMaxNodes) return std::nullopt;
  return nodes.pages_of_all(table->pointers, table->count);
}

}  // namespace hib::swsusp
