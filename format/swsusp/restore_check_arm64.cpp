#include "format/swsusp/restore_check_arm64.h"

#include <fmt/format.h>

#include "format/swsusp/restore_tables.h"
#include "lib/base/text.h"
#include "lib/image/pages.h"
#include "lib/image/physical_memory.h"
#include "lib/image/vmcore_notes.h"

namespace hib::swsusp {
namespace {

constexpr std::uint64_t kAffinity = 0xFF00FFFFFF;  // of mpidr_el1: which processor it is
constexpr std::uint64_t kInstructionBytes = 4;
constexpr unsigned kWidestAddress = 52;
constexpr const char* kUtsVersion = "restore record: uts_version";

class Arm64Check {
 public:
  Arm64Check(const ImageReader& image, const InfoPage& info, std::uint64_t info_offset, RecordCheck& check)
      : memory_(image), info_(info), info_offset_(info_offset), check_(check) {}

  void run() {
    check_text();
    check_affinity();
    tables_ = find(record());
    is_proven_ = tables_.has_value();
    if (!tables_) mend();
    if (!tables_) check_addresses();
    check_code();
    check_vectors();
  }
  bool is_proven() const { return is_proven_; }

 private:
  enum Word : std::size_t { kTtbr1, kReenter, kPhysical, kVectors, kMpidr };  // with all fields

  Arm64Record& record() const { return check_.record.arm64; }
  std::uint64_t end_of_memory() const { return kMaxPfn * memory_.page_size(); }
  std::optional<Arm64Tables> find(const Arm64Record& record) const {
    return find_arm64_tables(memory_, info_.abi, record);
  }

  void damage(const char* field, Word word, std::uint64_t found, std::string allowed) {
    const bool is_behind_a_missing_one = word > kPhysical && !record().phys_reenter_kernel;
    const std::size_t index = is_behind_a_missing_one ? word - 1U : word;
    check_.damage.push_back({make_error(ErrorKind::Corrupt, fmt::format("restore record: {}", field),
                                        hex(found), std::move(allowed))
                                 .at(info_offset_ + kArm64WordsOffset + 8 * index),
                             {}});
  }

  void check_text() {
    if (is_kernel_version(info_.restore.version)) return;
    check_.damage.push_back({make_error(ErrorKind::Corrupt, kUtsVersion, printable(info_.restore.version),
                                        "the version of a kernel: \"#1 SMP …\"")
                                 .at(info_offset_),
                             {}});
  }

  void check_affinity() {
    std::uint64_t& mpidr = record().sleep_cpu_mpidr;
    if ((mpidr & ~kAffinity) == 0) return;
    damage("sleep_cpu_mpidr", kMpidr, mpidr,
           fmt::format("bits of {:#x}: the number of a processor", kAffinity));
    mpidr &= kAffinity;
  }

  // With one bit flipped in either, the tables lead where they should.
  void mend() {
    for (unsigned bit = 0; bit < 64 && !tables_; ++bit) {
      const std::uint64_t flip = std::uint64_t{1} << bit;
      Arm64Record other = record();
      other.reenter_kernel ^= flip;
      if ((tables_ = find(other))) {
        mended("reenter_kernel", kReenter, record().reenter_kernel, flip);
        break;
      }
      other = record();
      other.ttbr1_el1 ^= flip;
      if ((tables_ = find(other))) mended("ttbr1_el1", kTtbr1, record().ttbr1_el1, flip);
    }
  }

  void mended(const char* field, Word word, std::uint64_t& value, std::uint64_t flip) {
    damage(field, word, value,
           fmt::format("{:#x}, by the page tables of the image ({})", value ^ flip, flipped_bits(flip)));
    value ^= flip;
  }

  // Without page tables: what any kernel's would be.
  void check_addresses() {
    const Arm64Record& r = record();
    const std::uint64_t page = memory_.page_size();
    if (r.ttbr1_el1 == 0 || r.ttbr1_el1 % page != 0 || r.ttbr1_el1 >= end_of_memory())
      damage("ttbr1_el1", kTtbr1, r.ttbr1_el1,
             fmt::format("the address of a page, below {:#x}", end_of_memory()));
    if (~r.reenter_kernel >> kWidestAddress != 0 || r.reenter_kernel % kInstructionBytes != 0)
      damage("reenter_kernel", kReenter, r.reenter_kernel,
             fmt::format("an address of the kernel, {:#x} and above, and a multiple of {}",
                         ~std::uint64_t{0} << kWidestAddress, kInstructionBytes));
  }

  // A physical address in the kernel's image.
  bool is_in_image(std::uint64_t physical) const {
    if (!tables_) return physical < end_of_memory();
    const auto place = memory::translate(memory_, tables_->tables, physical + tables_->image_offset);
    return place && *place == physical;
  }

  // 0 where the kernel has no use for them.
  void check_vectors() {
    const std::uint64_t vectors = record().hyp_stub_vectors;
    if (vectors == 0 || (is_in_image(vectors) && vectors % kArm64VectorsBytes == 0)) return;
    damage(
        "__hyp_stub_vectors", kVectors, vectors,
        fmt::format("0, or an address in the kernel's image that is a multiple of {}", kArm64VectorsBytes));
  }

  void check_code() {
    const auto& code = record().phys_reenter_kernel;
    if (!code || (is_in_image(*code) && *code % kInstructionBytes == 0)) return;
    damage("phys_reenter_kernel", kPhysical, *code,
           fmt::format("an address in the kernel's image that is a multiple of {}", kInstructionBytes));
  }

  PhysicalMemory memory_;
  const InfoPage& info_;
  std::uint64_t info_offset_;
  RecordCheck& check_;
  std::optional<Arm64Tables> tables_;
  bool is_proven_ = false;
};

}  // namespace

bool check_arm64_record(const ImageReader& image, const InfoPage& info, std::uint64_t info_offset,
                        RecordCheck& check) {
  Arm64Check arm64(image, info, info_offset, check);
  arm64.run();
  return arm64.is_proven();
}

std::optional<VersionCheck> check_version(const ImageReader& image, const std::vector<Record>& records,
                                          const InfoPage& info, std::uint64_t info_offset) {
  const std::string* vmcoreinfo = vmcoreinfo_of(records);
  if (info.restore.kind != RestoreKind::Arm64 || vmcoreinfo == nullptr) return std::nullopt;
  if (!is_kernel_version(info.restore.version)) return std::nullopt;  // that is told without the pages
  const auto version = kernel_in_pages(image, *vmcoreinfo).version;
  if (!version) return std::nullopt;
  constexpr const char* kName = "kernel version";
  if (*version == info.restore.version)
    return VersionCheck{{kName, LayerResult::Ok, printable(*version) + ", as the kernel in the pages says"},
                        {}};
  Error error = make_error(ErrorKind::Corrupt, kUtsVersion, printable(info.restore.version),
                           fmt::format("{}, as the kernel in the pages says", printable(*version)))
                    .at(info_offset)
                    .of(image.info().path);
  std::string text = error.text();
  return VersionCheck{{kName, LayerResult::Bad, std::move(text)}, Damage{std::move(error), {}}};
}

}  // namespace hib::swsusp
