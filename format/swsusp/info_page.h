// Stream page 0: what the image says of itself (struct swsusp_info), and at its start what the architecture
// needs to jump back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "format/swsusp/abi.h"
#include "lib/base/error.h"
#include "lib/image/info.h"
#include "lib/image/reader.h"
#include "lib/image/record.h"

namespace hib::swsusp {

enum class RestoreKind {
  Uts,      // none: the machine's uname is there (32-bit arm, powerpc, mips, …)
  X86,      // restore_data_record with a magic that is known
  Arm64,    // arch_hibernate_hdr: the kernel's version string, then words (Arm64Record)
  Version,  // riscv: the kernel's version string, then words of its own
  Unknown,  // anything else: shown as bytes, never guessed at
};

// struct arch_hibernate_hdr behind its version string (arch/arm64/kernel/hibernate.c).
struct Arm64Record {
  std::uint64_t ttbr1_el1 = 0;       // physical address of swapper_pg_dir
  std::uint64_t reenter_kernel = 0;  // virtual address of _cpu_resume
  // Only of Qualcomm's kernels: physical address of cpu_resume, for a boot loader that restores the image.
  std::optional<std::uint64_t> phys_reenter_kernel;
  std::uint64_t hyp_stub_vectors = 0;  // physical; 0 where the kernel was not started at EL2
  std::uint64_t sleep_cpu_mpidr = 0;   // of the processor that hibernated: the kernel goes on there
};

// Where the kernel that restores jumps to.
struct RestoreRecord {
  RestoreKind kind = RestoreKind::Unknown;
  std::uint64_t jump_address = 0;               // X86: virtual
  std::uint64_t jump_address_phys = 0;          // X86
  std::uint64_t cr3 = 0;                        // X86
  std::uint64_t magic = 0;                      // as it stands there, whatever the kind
  std::optional<std::uint64_t> meant_magic;     // X86: `magic` is some flipped bits away from this one
  bool is_uts_damaged = false;                  // Uts: "Linux" with some flipped bits
  std::optional<std::uint32_t> memory_map_crc;  // X86: digest of the firmware's memory map
  std::optional<std::string>
      memory_map_md5;   // the same in older kernels; hex. All zero is "not recorded": none
  std::string version;  // Arm64, Version: uname -v
  Arm64Record arm64;
};

// A text that uname -v can be: "#1 SMP …".
bool is_kernel_version(const std::string& text);

// struct swsusp_info: where its fields lie in the page.
struct InfoOffsets {
  std::size_t version_code;
  std::size_t num_physpages;
  std::size_t image_pages;
  std::size_t pages;
  std::size_t size;
};
const InfoOffsets& info_offsets(const Abi& abi);
// Of x86's restore record.
std::size_t restore_magic_offset(const Abi& abi);
std::size_t restore_digest_offset(const Abi& abi);
// Of arm64's, behind the version string.
inline constexpr std::size_t kArm64WordsOffset = 72;
inline constexpr std::size_t kVersionBytes = 65;
inline constexpr std::uint64_t kArm64VectorsBytes = 2048;  // a table of vectors is aligned to its size

// The counts as they stand in the page. No checksum covers them.
struct ClaimedCounts {
  std::uint64_t image_pages = 0;
  std::uint64_t pages = 0;
  std::uint64_t size_bytes = 0;  // pages * page size, cut to a word
};

struct InfoPage {
  Abi abi;
  std::uint32_t version_code = 0;   // LINUX_VERSION_CODE, generic architectures only
  std::uint64_t num_physpages = 0;  // pages of RAM that the kernel had
  std::uint64_t image_pages = 0;    // data pages
  std::uint64_t pages = 0;          // of the stream: info page, PFN pages, data pages
  ClaimedCounts claimed;            // both, before anything else had a say
  KernelIdentity uts;               // generic architectures only
  RestoreRecord restore;
  std::vector<std::byte> raw;

  // How much of what an info page says holds together: 0 for a page that is none, and below kCertain the size
  // of a word is a guess.
  unsigned evidence = 0;
  static constexpr unsigned kCertain = 4;

  std::uint64_t pfn_page_count() const { return pages - image_pages - 1; }
  // All that the claimed counts say of each other holds.
  bool claims_agree() const;
};

// Finds word size and byte order by which of them the most holds together; `abi` gives the page size, and
// the byte order where `order_is_known`. Never fails: what is wrong with the counts is told by the PFN list.
InfoPage parse_info_page(ByteView page, const Abi& abi, bool order_is_known);

// The same by one word size and byte order.
InfoPage read_info_page_as(ByteView page, const Abi& abi);

// The same where nothing else can tell: Corrupt, with the numbers, unless they agree.
Result<InfoPage> decode_info_page(ByteView page, const Abi& abi, bool order_is_known,
                                  std::uint64_t file_offset);

// The info page of an image with other counts; everything else as in `raw`.
std::vector<std::byte> encode_info_page(const InfoPage& info);

// The restore record in a line.
std::string describe_restore_record(const InfoPage& info);

}  // namespace hib::swsusp
