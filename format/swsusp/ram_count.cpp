#include "format/swsusp/ram_count.h"

#include "format/swsusp/restore_tables.h"
#include "lib/image/vmcore_notes.h"
#include "lib/memory/address_space.h"

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
  const auto pointers = vmcoreinfo_number(*text, "SYMBOL(node_data)");
  const auto count = vmcoreinfo_number(*text, "LENGTH(node_data)");
  if (!pointers || !count || *count > kMaxNodes) return std::nullopt;
  return nodes.pages_of_all(*pointers, *count);
}

}  // namespace hib::swsusp
