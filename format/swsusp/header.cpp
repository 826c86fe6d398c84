#include "format/swsusp/header.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::swsusp {
namespace {

bool is_one_of(std::string_view sig, std::initializer_list<std::string_view> known) {
  return std::find(known.begin(), known.end(), sig) != known.end();
}

// mkswap's version field is 1 in the writer's byte order. Areas of the first version have none: then the
// block number of the image is small one way round only.
bool is_big_endian(ByteView page) {
  const Abi little{};
  const Abi big{4096, 8, true};
  const bool version_little = little.u32(page, kSwapVersion) == 1;
  const bool version_big = big.u32(page, kSwapVersion) == 1;
  if (version_little != version_big) return version_big;
  return big.u64(page, page.size() - kImageFromEnd) < little.u64(page, page.size() - kImageFromEnd);
}

Header decode(ByteView page) {
  Header header;
  header.page_size = static_cast<std::uint32_t>(page.size());
  header.big_endian = is_big_endian(page);
  const Abi abi{header.page_size, 8, header.big_endian};
  header.sig = as_text(page.subspan(page.size() - kSigFromEnd, kSigBytes));
  header.orig_sig = as_text(page.subspan(page.size() - kOrigSigFromEnd, kSigBytes));
  header.hw_sig = abi.u32(page, page.size() - kHwSigFromEnd);
  header.crc32 = abi.u32(page, page.size() - kCrcFromEnd);
  header.image = abi.u64(page, page.size() - kImageFromEnd);
  header.flags = abi.u32(page, page.size() - kFlagsFromEnd);
  header.uswsusp_image = abi.u64(page, page.size() - kUswsuspImageFromEnd);
  header.swap_version = abi.u32(page, kSwapVersion);
  header.last_page = abi.u32(page, kSwapLastPage);
  header.bad_count = abi.u32(page, kSwapBadCount);
  std::copy_n(page.begin() + kSwapUuid, kUuidBytes, header.uuid.begin());
  header.label = until_nul(as_text(page.subspan(kSwapLabel, kLabelBytes)));
  const std::size_t room = (page.size() - kTailBytes - kSwapBadPages) / 4;
  for (std::size_t i = 0; i < std::min<std::size_t>(header.bad_count, room); ++i)
    header.bad_pages.push_back(abi.u32(page, kSwapBadPages + 4 * i));
  return header;
}

// A kernel that resumes, or tries to, puts orig_sig back over sig and leaves the rest: that is how a consumed
// image is told from an area that never held one, whose tail mkswap has zeroed.
State state_of(const Header& header) {
  if (is_one_of(header.sig, {kSigArmed, kSigArmedOld, kSigVeryOld, kSigUswsusp})) return State::Armed;
  const bool left_over = header.image != 0 && is_one_of(header.orig_sig, {kSigSwap2, kSigSwap1});
  return left_over ? State::Consumed : State::Plain;
}

}  // namespace

std::string Header::uuid_text() const {
  if (all_zero(uuid)) return {};
  std::string text;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", std::to_integer<unsigned>(uuid[i]));
  }
  return text;
}

std::optional<Header> find_header(ByteView head) {
  for (const std::uint32_t page_size : kPageSizes) {
    if (head.size() < page_size) break;
    const ByteView page = head.first(page_size);
    const std::string_view sig = as_text(page.subspan(page_size - kSigFromEnd, kSigBytes));
    if (!is_one_of(sig, {kSigSwap2, kSigSwap1, kSigArmed, kSigArmedOld, kSigVeryOld, kSigUswsusp})) continue;
    Header header = decode(page);
    // A partition that begins at 4 KiB looks like an area with pages of 8 KiB: its own header must be at the
    // start.
    if (page_size > kPageSizes[0] && header.swap_version != 1) continue;
    header.state = state_of(header);
    if (sig == kSigUswsusp) header.dialect = Dialect::Uswsusp;
    return header;
  }
  return std::nullopt;
}

void encode_tail(const Header& header, MutableBytes page) {
  const Abi abi{header.page_size, 8, header.big_endian};
  abi.put<std::uint32_t>(page, page.size() - kHwSigFromEnd, header.hw_sig);
  abi.put<std::uint32_t>(page, page.size() - kCrcFromEnd, header.crc32);
  abi.put<std::uint64_t>(page, page.size() - kImageFromEnd, header.image);
  abi.put<std::uint32_t>(page, page.size() - kFlagsFromEnd, header.flags);
  std::memcpy(page.data() + page.size() - kOrigSigFromEnd, header.orig_sig.data(), kSigBytes);
  std::memcpy(page.data() + page.size() - kSigFromEnd, header.sig.data(), kSigBytes);
}

}  // namespace hib::swsusp
