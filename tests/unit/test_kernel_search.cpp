// Which of the kernels whose VMCOREINFO lies in memory runs it.
#include "lib/memory/kernel_search.h"

#include "format/swsusp/page_search.h"
#include "lib/image/forwarding_reader.h"
#include "lib/image/runs.h"
#include "lib/image/vmcore_notes.h"
#include "tests/support/images.h"
#include "tests/support/kernel_memory.h"

using namespace hib;
using namespace hib::memory;
using namespace hib::test;

namespace {

constexpr Address kText = kKernelMap + 0x1000000;
constexpr Address kUts = kKernelMap + 0x2000000;
constexpr Pfn kPage = 0x777;

// Memory of a kernel that keeps what its VMCOREINFO says.
struct Running {
  Running() {
    memory.set_vmcoreinfo("OSRELEASE", "6.1.0-40-amd64");
    memory.set_symbol("_stext", kText);
    memory.set_symbol("init_uts_ns", kUts);
    memory.write_text(kUts + 4, "Linux");
    memory.write_text(kUts + 4 + 2 * 65, "6.1.0-40-amd64");
    memory.write_word(kText, 0);
    memory.set_entry(kText, 1, (kText - kKernelMap + KernelMemory::kPhysBase) | 1);
  }

  // VMCOREINFO as the kernel keeps it: OSRELEASE first.
  std::string vmcoreinfo() const {
    std::string text = *vmcoreinfo_of(memory.records());
    const std::string first = "OSRELEASE=6.1.0-40-amd64\n";
    text.erase(text.find(first), first.size());
    return first + text;
  }

  KernelMemory memory;
};

// A page that begins with `text`, and a search that has seen it.
void show(KernelSearch& search, Pfn pfn, const std::string& text) {
  std::vector<std::byte> page(kPageBytes);
  std::memcpy(page.data(), text.data(), std::min(text.size(), page.size()));
  PageBatch batch;
  batch.items.push_back({{pfn, 1, PageState::Data, 0}, page.data(), {}});
  search.add(batch, kPageBytes);
}

// The same memory, all of it in one run.
class InOneRun final : public ForwardingReader {
 public:
  using ForwardingReader::ForwardingReader;
  Result<std::unique_ptr<RunSource>> runs() const override {
    static const std::vector<PageRun> all = {{0, KernelMemory::kEndPfn, PageState::Data, 0}};
    return source_of(all);
  }
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("The kernel that runs the memory is found where its page begins with OSRELEASE") {
  Running machine;
  KernelSearch search;
  show(search, kPage, machine.vmcoreinfo());
  machine.memory.forget_records();
  const FoundKernels found = search.finish(machine.memory);
  REQUIRE(found.kernel);
  REQUIRE(found.kernel->release == "6.1.0-40-amd64");
  REQUIRE(found.kernel->pfn == kPage);
  REQUIRE(found.others.empty());

  std::vector<Record> records;
  found.add_to(records);
  REQUIRE(vmcoreinfo_of(records) != nullptr);
  REQUIRE(*find_record(records, kMachineRecord)->number("vmcoreinfo_pfn") == kPage);
}

TEST_CASE("A kernel whose tables or whose name are not in this memory is named, and not believed") {
  Running machine;
  const std::string right = machine.vmcoreinfo();
  const std::string elsewhere = std::to_string(KernelMemory::kPhysBase + 0x200000);
  const std::string here = std::to_string(KernelMemory::kPhysBase);
  const std::string guest = replaced(right, "NUMBER(phys_base)=" + here, "NUMBER(phys_base)=" + elsewhere);
  const std::string renamed = replaced(right, "6.1.0-40-amd64", "5.10.0-9-amd64");
  KernelSearch search;
  show(search, 1, guest);
  show(search, 2, renamed);
  show(search, 3, right);
  show(search, 4, "OSRELEASE=");
  show(search, 5, "OSRELEASE=\xff\x1b[31m\nSYMBOL(swapper_pg_dir)=ffffffffffffffff\nNUMBER(phys_base)=-1\n");
  machine.memory.forget_records();
  const FoundKernels found = search.finish(machine.memory);
  REQUIRE(found.kernel);
  REQUIRE(found.kernel->pfn == 3);
  REQUIRE(found.others.size() == 4);
  REQUIRE(found.others[1].release == "5.10.0-9-amd64");

  std::vector<Record> records;
  found.add_to(records);
  const std::string* others = find_record(records, kMachineRecord)->text("other_kernels");
  REQUIRE(others != nullptr);
  REQUIRE(others->find('\x1b') == std::string::npos);
}

TEST_CASE("A text that is there many times is one candidate, and candidates are limited") {
  Running machine;
  KernelSearch search;
  for (Pfn pfn = 10; pfn < 20; ++pfn) show(search, pfn, machine.vmcoreinfo());
  for (Pfn pfn = 20; pfn < 1000; ++pfn) show(search, pfn, "OSRELEASE=" + std::to_string(pfn) + "\n");
  machine.memory.forget_records();
  const FoundKernels found = search.finish(machine.memory);
  REQUIRE(found.kernel);
  REQUIRE(found.kernel->pfn == 10);
  REQUIRE(found.others.size() == 63);
}

TEST_CASE("A search page by page takes no VMCOREINFO of a virtual machine for that of the machine") {
  Running machine;
  const std::string right = machine.vmcoreinfo() + "PAGESIZE=4096\n";
  const std::string here = "NUMBER(phys_base)=" + std::to_string(KernelMemory::kPhysBase);
  const std::string guest = replaced(right, here, "NUMBER(phys_base)=0");
  machine.memory.write_physical(0x7000, as_bytes(guest));
  machine.memory.write_physical(0x8000, as_bytes("Linux version 5.10.0-9-amd64 (guest) #1 SMP\n"));
  machine.memory.forget_records();
  const InOneRun image(machine.memory);
  swsusp::PageSearch search(image);
  search.run(0);
  CHECK_FALSE(search.vmcoreinfo.has_value());
  machine.memory.write_physical(0x9000, as_bytes(right));
  swsusp::PageSearch again(image);
  again.run(0);
  CHECK(again.vmcoreinfo == right);
}
