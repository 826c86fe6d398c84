// The kernel in memory of which nothing says where it is: raw memory, LiME, AVML, a virtual machine's dump
// without notes. It is found by VMCOREINFO, which each kernel keeps in a page of its own: its text begins the
// page, with OSRELEASE (kernel/crash_core.c, crash_save_vmcoreinfo_init). Memory may hold several: copies in
// the page cache, kernels of virtual machines. The one that runs this memory is the one whose page tables and
// whose own name are where its VMCOREINFO says.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/image/reader.h"

namespace hib::memory {

// Whether the kernel with this VMCOREINFO runs the memory of `image`: its text lies where its page tables
// say, they lead to themselves, and it names itself as VMCOREINFO does. x86-64 and arm64 can be told.
bool runs_this_memory(const ImageReader& image, const std::string& vmcoreinfo);

struct KernelCandidate {
  std::string vmcoreinfo;
  Pfn pfn = 0;          // of the first page with it
  std::string release;  // hostile text
};

struct FoundKernels {
  std::optional<KernelCandidate> kernel;  // the one that runs this memory
  std::vector<KernelCandidate> others;    // ascending

  // To the record "machine".
  void add_to(std::vector<Record>& records) const;
};

class KernelSearch {
 public:
  // Looks at the pages of a loaded batch. Batches come in ascending order.
  void add(const PageBatch& batch, std::uint32_t page_size);

  // `image` is what the batches came from.
  FoundKernels finish(const ImageReader& image) const;

 private:
  std::map<std::string, Pfn> found_;  // VMCOREINFO, and where it was first
};

}  // namespace hib::memory
