#include "lib/jump/boot/bzimage.h"

#include <algorithm>

#include <elf.h>
#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/codec/xz.h"
#include "lib/codec/zstd.h"
#include "lib/os/file.h"

namespace hib::jump {
namespace {

constexpr std::uint64_t kMaxFileBytes = 256U << 20;
constexpr std::uint64_t kMaxMemoryBytes = 1U << 30;
constexpr std::size_t kSetupHeader = 0x1F1;
constexpr std::size_t kHeaderEnd = 0x290;            // a header ends before this in all versions
constexpr std::uint16_t kFirst64BitVersion = 0x20C;  // xloadflags
constexpr unsigned kKernel64 = 1;
constexpr std::size_t kMaxReleaseBytes = 256;
constexpr std::uint64_t k64BitEntry = 0x200;  // of what unpacks itself
constexpr unsigned kMaxSegments = 64;

template <typename T>
T at(const std::vector<std::byte>& bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// Unpacks the payload of a bzImage: the program vmlinux, and after it the relocations.
Result<std::vector<std::byte>> unpack_payload(ByteView payload, const UnpackProgress& progress) {
  constexpr std::size_t kSizeBytes = 4;  // of the content, appended to the compressed stream
  if (payload.size() < 8) return std::vector<std::byte>();
  le32 size;
  std::memcpy(&size, payload.data() + payload.size() - kSizeBytes, sizeof(size));
  const ByteView stream = payload.first(payload.size() - kSizeBytes);
  if (size > kMaxMemoryBytes) return std::vector<std::byte>();
  if (as_text(stream.first(6)) == std::string_view("\xFD"
                                                   "7zXZ\0",
                                                   6))
    return unpack_xz(stream, size, size, [&](std::size_t done) {
      if (progress) progress("unpack kernel", done, size);
    });
  if (as_text(stream.first(4)) == "\x28\xB5\x2F\xFD") return unpack_zstd(stream, size);
  return std::vector<std::byte>();  // packed in a way that only the kernel unpacks
}

// Without the zeros at the end: in a vmlinux, tens of MiB.
ByteView without_zeros(ByteView bytes) {
  while (!bytes.empty() && bytes.back() == std::byte{0}) bytes = bytes.first(bytes.size() - 1);
  return bytes;
}

// Replaces the self-unpacking kernel by the vmlinux in it. A vmlinux runs wherever it is loaded, as long as
// its parts keep their distances and the alignment.
Result<void> use_vmlinux(std::vector<std::byte> content, BzImage& image) {
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(content));
  const std::vector<std::byte>& vmlinux = *owner;
  const auto corrupt = [&](std::string field, std::string found, std::string allowed) {
    return fail(make_error(ErrorKind::Corrupt, "vmlinux in the bzImage: " + field, std::move(found),
                           std::move(allowed))
                    .of(image.path));
  };
  if (vmlinux.size() < sizeof(Elf64_Ehdr) || std::memcmp(vmlinux.data(), ELFMAG, SELFMAG) != 0)
    return corrupt("magic", "no ELF file", "ELF");
  const auto header = at<Elf64_Ehdr>(vmlinux, 0);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64 ||
      header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > kMaxSegments)
    return corrupt("ELF header", "of another kind", "x86-64");
  if (header.e_phoff > vmlinux.size() ||
      header.e_phnum * sizeof(Elf64_Phdr) > vmlinux.size() - header.e_phoff)
    return corrupt("program headers", hex(header.e_phoff), "in the file");
  std::vector<KernelPart> parts;
  std::uint64_t first = 0;
  std::uint64_t end = 0;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    const auto segment = at<Elf64_Phdr>(vmlinux, header.e_phoff + i * sizeof(Elf64_Phdr));
    if (segment.p_type != PT_LOAD) continue;
    if (parts.empty()) first = end = segment.p_paddr;
    const bool fits = segment.p_paddr >= end && segment.p_memsz >= segment.p_filesz &&
                      segment.p_memsz <= kMaxMemoryBytes && segment.p_paddr - first <= kMaxMemoryBytes &&
                      segment.p_offset <= vmlinux.size() &&
                      segment.p_filesz <= vmlinux.size() - segment.p_offset;
    if (!fits)
      return corrupt(fmt::format("program header {}", i), hex(segment.p_paddr), "ascending, in the file");
    parts.push_back({segment.p_paddr - first,
                     without_zeros(ByteView(vmlinux).subspan(segment.p_offset, segment.p_filesz))});
    end = segment.p_paddr + segment.p_memsz;
  }
  if (parts.empty() || first % image.alignment != 0 || header.e_entry < first || header.e_entry >= end)
    return corrupt("entry", hex(header.e_entry), "in an aligned program");
  image.content = std::move(owner);
  image.parts = std::move(parts);
  image.entry = header.e_entry - first;
  image.memory_bytes = end - first;
  return {};
}

}  // namespace

Result<BzImage> BzImage::read(const std::string& path, const UnpackProgress& progress) {
  TRY(const auto file, File::open(path));
  const auto corrupt = [&](std::uint64_t offset, std::string field, std::string found, std::string allowed) {
    return fail(
        file->error(ErrorKind::Corrupt, offset, "bzImage: " + field, std::move(found), std::move(allowed)));
  };
  if (file->size() < kHeaderEnd || file->size() > kMaxFileBytes)
    return corrupt(0, "size", human_bytes(file->size()), fmt::format("up to {}", human_bytes(kMaxFileBytes)));
  TRY(auto content, file->read_at(0, file->size()));
  const auto owner = std::make_shared<const std::vector<std::byte>>(std::move(content));
  const std::vector<std::byte>& bytes = *owner;
  if (as_text(ByteView(bytes).subspan(0x202, 4)) != "HdrS")
    return fail(file->error(ErrorKind::NotRecognised, 0x202, "bzImage: magic", "no \"HdrS\"",
                            "a Linux kernel for x86 (vmlinuz)"));
  const std::uint16_t version = at<le16>(bytes, 0x206);
  if (version < kFirst64BitVersion)
    return corrupt(0x206, "boot protocol", hex(version), fmt::format("{} or later", hex(kFirst64BitVersion)));
  if ((at<le16>(bytes, 0x236) & kKernel64) == 0 || bytes[0x234] == std::byte{0})
    return fail(file->error(ErrorKind::Unsupported, 0x234, "bzImage: load flags",
                            "a 32-bit kernel, or one that cannot be relocated",
                            "a relocatable 64-bit kernel"));
  const std::size_t sectors = std::max(std::size_t{1}, static_cast<std::size_t>(bytes[kSetupHeader])) + 1;
  const std::size_t header_end = 0x202 + static_cast<std::size_t>(bytes[0x201]);
  if (sectors * 512 >= bytes.size())
    return corrupt(kSetupHeader, "setup_sects",
                   fmt::format("{} in a file of {} bytes", sectors, bytes.size()), "less than the file");
  const std::uint64_t wanted =
      sectors * 512 + std::uint64_t{at<le32>(bytes, 0x1F4)} * 16;  // syssize; what a signature adds follows
  if (bytes.size() < wanted)
    return fail(file->error(ErrorKind::Truncated, 0x1F4, "bzImage: syssize",
                            fmt::format("{} bytes", bytes.size()), fmt::format("{} or more", wanted)));
  if (header_end <= 0x264 || header_end > kHeaderEnd)
    return corrupt(0x201, "header length", hex(header_end), fmt::format("up to {}", hex(kHeaderEnd)));

  BzImage image;
  image.path = path;
  image.setup_header.assign(bytes.begin() + kSetupHeader,
                            bytes.begin() + static_cast<std::ptrdiff_t>(header_end));
  image.content = owner;
  image.parts.push_back({0, ByteView(bytes).subspan(sectors * 512)});
  image.entry = k64BitEntry;
  image.alignment = at<le32>(bytes, 0x230);
  image.memory_bytes = at<le32>(bytes, 0x260);
  image.max_command_line = at<le32>(bytes, 0x238);
  if (image.alignment < 4096 || image.alignment > (1U << 30) ||
      (image.alignment & (image.alignment - 1)) != 0)
    return corrupt(0x230, "kernel_alignment", hex(image.alignment), "a power of two from 4096 on");
  if (image.memory_bytes < image.parts[0].bytes.size() || image.memory_bytes > kMaxMemoryBytes)
    return corrupt(0x260, "init_size", hex(image.memory_bytes),
                   fmt::format("{} to {}", hex(image.parts[0].bytes.size()), hex(kMaxMemoryBytes)));
  const std::size_t release = std::size_t{at<le16>(bytes, 0x20E)} + 0x200;
  if (release > 0x200 && release + kMaxReleaseBytes < bytes.size()) {
    const std::string_view text = until_nul(as_text(ByteView(bytes).subspan(release, kMaxReleaseBytes)));
    image.release = text.substr(0, text.find(' '));
    image.version = text.substr(image.release.size());
  }
  const std::uint64_t payload = std::uint64_t{at<le32>(bytes, 0x248)};
  const std::uint64_t payload_bytes = at<le32>(bytes, 0x24C);
  const ByteView kernel = image.parts[0].bytes;
  if (payload > kernel.size() || payload_bytes > kernel.size() - payload)
    return corrupt(0x248, "payload", hex(payload + payload_bytes),
                   fmt::format("up to {}", hex(kernel.size())));
  auto vmlinux = unpack_payload(kernel.subspan(payload, payload_bytes), progress);
  if (!vmlinux) return fail(std::move(vmlinux).error().in("bzImage: payload").of(path));
  if (!vmlinux->empty()) TRY_OK(use_vmlinux(std::move(*vmlinux), image));
  return image;
}

}  // namespace hib::jump
