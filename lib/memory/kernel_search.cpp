#include "lib/memory/kernel_search.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lib/base/text.h"
#include "lib/image/forwarding_reader.h"
#include "lib/image/vmcore_notes.h"
#include "lib/memory/address_space.h"

namespace hib::memory {
namespace {

constexpr std::string_view kFirstKey = "OSRELEASE=";
constexpr std::size_t kMaxCandidates = 64;  // texts that differ
constexpr std::size_t kUtsBytes = 6 * 65;   // struct new_utsname, which begins close to init_uts_ns

std::string_view release_of(std::string_view vmcoreinfo) {
  vmcoreinfo.remove_prefix(kFirstKey.size());
  return vmcoreinfo.substr(0, vmcoreinfo.find('\n'));
}

}  // namespace

bool runs_this_memory(const ImageReader& image, const std::string& vmcoreinfo) {
  std::vector<Record> records;
  set_vmcoreinfo(records, vmcoreinfo);
  const WithRecords believing(image, std::move(records));
  const auto space = AddressSpace::open(believing);
  if (!space) return false;
  const auto text = space->vmcoreinfo("SYMBOL(_stext)");
  const auto names = space->vmcoreinfo("SYMBOL(init_uts_ns)");
  if (!text || !names) return false;
  const auto place = space->physical(*text);
  if (!place || *place != *text - space->image_offset()) return false;
  const auto uts = space->bytes(*names, kUtsBytes);
  return uts && as_text(*uts).find(release_of(vmcoreinfo)) != std::string_view::npos;
}

void KernelSearch::add(const PageBatch& batch, std::uint32_t page_size) {
  for (const PageItem& item : batch.items) {
    if (item.bytes == nullptr || page_size < kPageBytes) continue;
    for (std::size_t at = 0; at < page_size; at += kPageBytes) {
      const std::string_view page(reinterpret_cast<const char*>(item.bytes) + at, kPageBytes);
      if (!page.starts_with(kFirstKey) || found_.size() == kMaxCandidates) continue;
      found_.try_emplace(std::string(until_nul(page)), item.run.first);
    }
  }
}

FoundKernels KernelSearch::finish(const ImageReader& image) const {
  FoundKernels result;
  for (const auto& [text, pfn] : found_) {
    KernelCandidate candidate{text, pfn, std::string(release_of(text))};
    const bool is_the_one = !result.kernel && runs_this_memory(image, text);
    if (is_the_one) {
      result.kernel = std::move(candidate);
    } else {
      result.others.push_back(std::move(candidate));
    }
  }
  std::sort(result.others.begin(), result.others.end(),
            [](const KernelCandidate& a, const KernelCandidate& b) { return a.pfn < b.pfn; });
  return result;
}

void FoundKernels::add_to(std::vector<Record>& records) const {
  if (kernel) set_vmcoreinfo(records, kernel->vmcoreinfo);
  Record* machine = find_record(records, kMachineRecord);
  if (machine == nullptr) return;
  if (kernel) machine->set("vmcoreinfo_pfn", kernel->pfn);
  std::vector<std::string> names;
  for (const KernelCandidate& other : others)
    names.push_back(fmt::format("{} at PFN {:#x}", printable(other.release), other.pfn));
  if (!names.empty()) machine->set("other_kernels", fmt::format("{}", fmt::join(names, ", ")));
}

}  // namespace hib::memory
