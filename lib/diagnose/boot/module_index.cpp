#include "lib/diagnose/boot/module_index.h"

#include <vector>

#include <fmt/format.h>

#include "lib/base/cursor.h"

namespace hib::diagnose::boot {
namespace {

constexpr std::uint32_t kIndexMagic = 0xB007F457;
constexpr std::uint32_t kIndexMajor = 2;
constexpr std::size_t kMaxNodes = 100'000;
constexpr std::size_t kMaxKeyBytes = 256;

// A reference to a node: what it has in the upper bits, where it lies in the others.
constexpr std::uint32_t kHasPrefix = 0x80000000;
constexpr std::uint32_t kHasValues = 0x40000000;
constexpr std::uint32_t kHasChildren = 0x20000000;
constexpr std::uint32_t kOffsetMask = 0x0FFFFFFF;

class IndexReader {
 public:
  explicit IndexReader(ByteView index) : index_(index) {}

  Result<std::set<std::string>> run() {
    Cursor cursor(index_, 0, "module index");
    TRY(const be32 magic, cursor.read<be32>("magic"));
    TRY(const be32 version, cursor.read<be32>("version"));
    TRY(const be32 root, cursor.read<be32>("root"));
    if (magic != kIndexMagic || version >> 16 != kIndexMajor)
      return fail(cursor.corrupt("magic and version",
                                 fmt::format("{:#x} {:#x}", std::uint32_t{magic}, std::uint32_t{version}),
                                 fmt::format("{:#x} and version {}", kIndexMagic, kIndexMajor)));
    pending_.push_back({root, ""});
    while (!pending_.empty()) {
      const Pending next = std::move(pending_.back());
      pending_.pop_back();
      TRY_OK(node(next));
    }
    return std::move(names_);
  }

 private:
  struct Pending {
    std::uint32_t reference = 0;
    std::string key;  // of all nodes above
  };

  Result<void> node(const Pending& pending) {
    const std::uint32_t offset = pending.reference & kOffsetMask;
    if (offset > index_.size())
      return fail(make_error(ErrorKind::Truncated, "module index: node", fmt::format("{:#x}", offset),
                             fmt::format("{:#x} at most", index_.size())));
    Cursor cursor(index_.subspan(offset), offset, "module index: node");
    std::string key = pending.key;
    while ((pending.reference & kHasPrefix) != 0) {
      TRY(const ByteView character, cursor.bytes(1, "prefix"));
      if (character.front() == std::byte{0}) break;
      key += as_text(character);
      if (key.size() > kMaxKeyBytes) break;
    }
    if (key.size() > kMaxKeyBytes)
      return fail(cursor.corrupt("name", "a longer one", fmt::format("{} bytes at most", kMaxKeyBytes)));
    if ((pending.reference & kHasChildren) != 0) TRY_OK(children(cursor, key));
    if ((pending.reference & kHasValues) != 0) names_.insert(std::move(key));
    return {};
  }

  // One for each byte of a range that may follow the key; 0 for those that do not.
  Result<void> children(Cursor& cursor, const std::string& key) {
    TRY(const ByteView range, cursor.bytes(2, "range of children"));
    const auto first = std::to_integer<unsigned>(range[0]);
    const auto last = std::to_integer<unsigned>(range[1]);
    for (unsigned character = first; character <= last; ++character) {
      TRY(const be32 reference, cursor.read<be32>("child"));
      if (reference == 0) continue;
      // Nodes of a damaged index may refer to one that was read already.
      if (++nodes_ == kMaxNodes)
        return fail(
            make_error(ErrorKind::Limit, "module index", "more nodes", fmt::format("{} at most", kMaxNodes)));
      pending_.push_back({reference, key + static_cast<char>(character)});
    }
    return {};
  }

  ByteView index_;
  std::vector<Pending> pending_;
  std::size_t nodes_ = 0;
  std::set<std::string> names_;
};

}  // namespace

Result<std::set<std::string>> module_index_names(ByteView index) { return IndexReader(index).run(); }

}  // namespace hib::diagnose::boot
