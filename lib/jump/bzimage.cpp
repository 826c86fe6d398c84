#include "lib/jump/bzimage.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/os/file.h"

namespace hib::jump {
namespace {

constexpr std::uint64_t kMaxFileBytes = 256U << 20;
constexpr std::uint64_t kMaxMemoryBytes = 1U << 30;
constexpr std::size_t kSetupHeader = 0x1F1;
constexpr std::size_t kHeaderEnd = 0x290;     // a header ends before this in all versions
constexpr std::uint16_t kFirst64BitVersion = 0x20C;  // xloadflags
constexpr unsigned kKernel64 = 1;
constexpr std::size_t kMaxReleaseBytes = 256;

template <typename T>
T at(const std::vector<std::byte>& bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

}  // namespace

Result<BzImage> BzImage::read(const std::string& path) {
  TRY(const auto file, File::open(path));
  const auto corrupt = [&](std::uint64_t offset, std::string field, std::string found, std::string allowed) {
    return fail(file->error(ErrorKind::Corrupt, offset, "bzImage: " + field, std::move(found), std::move(allowed)));
  };
  if (file->size() < kHeaderEnd || file->size() > kMaxFileBytes) return corrupt(0, "size", human_bytes(file->size()), fmt::format("up to {}", human_bytes(kMaxFileBytes)));
  TRY(const auto bytes, file->read_at(0, file->size()));
  if (as_text(ByteView(bytes).subspan(0x202, 4)) != "HdrS") return fail(file->error(ErrorKind::NotRecognised, 0x202, "bzImage: magic", "no \"HdrS\"", "a Linux kernel for x86 (vmlinuz)"));
  const std::uint16_t version = at<le16>(bytes, 0x206);
  if (version < kFirst64BitVersion) return corrupt(0x206, "boot protocol", hex(version), fmt::format("{} or later", hex(kFirst64BitVersion)));
  if ((at<le16>(bytes, 0x236) & kKernel64) == 0 || bytes[0x234] == std::byte{0}) return fail(file->error(ErrorKind::Unsupported, 0x234, "bzImage: load flags", "a 32-bit kernel, or one that cannot be relocated", "a relocatable 64-bit kernel"));
  const std::size_t sectors = std::max(std::size_t{1}, static_cast<std::size_t>(bytes[kSetupHeader])) + 1;
  const std::size_t header_end = 0x202 + static_cast<std::size_t>(bytes[0x201]);
  if (sectors * 512 >= bytes.size()) return corrupt(kSetupHeader, "setup_sects", fmt::format("{} in a file of {} bytes", sectors, bytes.size()), "less than the file");
  const std::uint64_t wanted = sectors * 512 + std::uint64_t{at<le32>(bytes, 0x1F4)} * 16;  // syssize; what a signature adds follows
  if (bytes.size() < wanted) return fail(file->error(ErrorKind::Truncated, 0x1F4, "bzImage: syssize", fmt::format("{} bytes", bytes.size()), fmt::format("{} or more", wanted)));
  if (header_end <= 0x264 || header_end > kHeaderEnd) return corrupt(0x201, "header length", hex(header_end), fmt::format("up to {}", hex(kHeaderEnd)));

  BzImage image;
  image.path = path;
  image.setup_header.assign(bytes.begin() + kSetupHeader, bytes.begin() + static_cast<std::ptrdiff_t>(header_end));
  image.kernel.assign(bytes.begin() + static_cast<std::ptrdiff_t>(sectors * 512), bytes.end());
  image.alignment = at<le32>(bytes, 0x230);
  image.memory_bytes = at<le32>(bytes, 0x260);
  image.max_command_line = at<le32>(bytes, 0x238);
  if (image.alignment < 4096 || image.alignment > (1U << 30) || (image.alignment & (image.alignment - 1)) != 0) return corrupt(0x230, "kernel_alignment", hex(image.alignment), "a power of two from 4096 on");
  if (image.memory_bytes < image.kernel.size() || image.memory_bytes > kMaxMemoryBytes) return corrupt(0x260, "init_size", hex(image.memory_bytes), fmt::format("{} to {}", hex(image.kernel.size()), hex(kMaxMemoryBytes)));
  const std::size_t release = std::size_t{at<le16>(bytes, 0x20E)} + 0x200;
  if (release > 0x200 && release + kMaxReleaseBytes < bytes.size()) {
    const std::string_view text = until_nul(as_text(ByteView(bytes).subspan(release, kMaxReleaseBytes)));
    image.release = text.substr(0, text.find(' '));
    image.version = text.substr(image.release.size());
  }
  return image;
}

}  // namespace hib::jump
