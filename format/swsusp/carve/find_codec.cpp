#include "format/swsusp/carve/find_codec.h"

#include <array>

#include "format/swsusp/layout.h"
#include "format/swsusp/pfn_list.h"
#include "lib/codec/lz4.h"
#include "lib/codec/lzo.h"
#include "lib/os/cancel.h"

namespace hib::swsusp {
namespace {

constexpr std::uint64_t kMostTries = 4096;  // blocks; a chunk begins in one of ten

// Reads entries of a block list as if an image began there.
class CodecProbe {
 public:
  CodecProbe(const BlockSpace& space, const BlockList& blocks, const Abi& abi)
      : space_(space),
        blocks_(blocks),
        abi_(abi),
        page_(abi.page_size),
        content_(std::size_t{kChunkPages} * abi.page_size) {}

  std::optional<Codec> codec_at(std::uint64_t entry) {
    if (read_chunk(entry)) {
      const ByteView packed = ByteView(packed_).subspan(abi_.word_bytes);
      const bool is_lzo = is_whole_pages(lzo_decompress_within(packed, content_));
      if (is_lzo && begins_with_pfns()) return Codec::Lzo;
      // Few bytes of LZ4 can be taken for LZO.
      const bool is_lz4 = is_whole_pages(lz4_decompress_within(packed, content_));
      if (is_lz4 && (!is_lzo || begins_with_pfns())) return Codec::Lz4;
      if (is_lzo) return Codec::Lzo;
    }
    return is_pfn_page(entry) ? std::optional(Codec::None) : std::nullopt;
  }

 private:
  bool begins_with_pfns() const {
    return PfnCounter(abi_).add_page(ByteView(content_).first(abi_.page_size));
  }
  bool is_pfn_page(std::uint64_t entry) {
    return read_entries(space_, blocks_, entry, page_) && PfnCounter(abi_).add_page(page_);
  }

  bool read_chunk(std::uint64_t entry) {
    std::array<std::byte, 8> raw{};
    if (!read_entries(space_, blocks_, entry, MutableBytes(raw).first(abi_.word_bytes))) return false;
    const std::uint64_t size = abi_.word(raw, 0);
    if (size == 0 || size > max_compressed_bytes(abi_.page_size)) return false;
    packed_.resize(abi_.word_bytes + size);
    return read_entries(space_, blocks_, entry, packed_).has_value();
  }

  bool is_whole_pages(const Result<std::size_t>& bytes) const {
    return bytes && *bytes > 0 && *bytes % abi_.page_size == 0;
  }

  const BlockSpace& space_;
  const BlockList& blocks_;
  Abi abi_;
  std::vector<std::byte> page_;
  std::vector<std::byte> packed_;
  std::vector<std::byte> content_;
};

}  // namespace

std::optional<Codec> find_codec(const BlockSpace& space, const BlockList& blocks, const InfoPage& info) {
  std::vector<CodecProbe> probes;
  probes.emplace_back(space, blocks, info.abi);
  if (info.evidence < InfoPage::kCertain) {
    Abi other = info.abi;
    other.word_bytes = other.word_bytes == 8 ? 4 : 8;
    probes.emplace_back(space, blocks, other);
  }
  std::uint64_t tries = 0;
  for (std::uint64_t entry = 1; entry < blocks.size() && tries < kMostTries && !cancelled(); ++entry) {
    const BlockList::Run run = blocks.part(entry, blocks.size() - entry);
    if (run.block == kNoBlock) {
      entry += run.count - 1;
      continue;
    }
    ++tries;
    for (CodecProbe& probe : probes) {
      if (const auto codec = probe.codec_at(entry)) return codec;
    }
  }
  return std::nullopt;
}

}  // namespace hib::swsusp
