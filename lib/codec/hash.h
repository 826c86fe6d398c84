// XXH3 (seed 0 throughout): the hashes of pages and blocks, and the digest of an image's content.
// It finds accidental damage. It is no proof against somebody who chooses the bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "lib/base/bytes.h"
#include "lib/image/pages.h"

namespace hib {

struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};

std::uint64_t hash64(ByteView bytes);

// For inputs of more than 240 bytes (every page) `low` equals hash64 of the same bytes (XXH3's specification:
// both take the low half from the same accumulators), so one pass gives a page's 64-bit hash and its share of
// the digest.
Hash128 hash128(ByteView bytes);

// Does a stored hash match? Always, in a fuzzing build: a mutant would otherwise never reach what lies behind
// the hashes.
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
inline bool matches(const Hash128&, const Hash128&) { return true; }
inline bool matches(std::uint64_t, std::uint64_t) { return true; }
#else
inline bool matches(const Hash128& a, const Hash128& b) { return a == b; }
inline bool matches(std::uint64_t a, std::uint64_t b) { return a == b; }
#endif

std::string to_hex(const Hash128& hash);  // canonical: big-endian, 32 digits

// XXH3-128 over bytes that arrive in pieces.
class Hasher128 {
 public:
  Hasher128();
  ~Hasher128();
  Hasher128(Hasher128&&) noexcept;
  Hasher128& operator=(Hasher128&&) noexcept;
  void update(ByteView bytes);
  Hash128 digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The digest that is equal for equal memory in every container: over le64(pfn) ‖ canonical page hash of every
// present page, in ascending PFN order.
class ContentDigest {
 public:
  void add(Pfn pfn, const Hash128& page_hash);
  void add_run(Pfn first, std::uint64_t count, const Hash128& page_hash);  // `count` equal pages
  Hash128 digest();
  static std::string text(const Hash128& digest);  // "xxh3-128:…"

 private:
  void flush();
  static constexpr std::size_t kEntryBytes = 24;
  static constexpr std::size_t kBufferedEntries = 1024;
  Hasher128 hasher_;
  std::array<std::byte, kEntryBytes * kBufferedEntries> buffer_{};
  std::size_t used_ = 0;
};

// The hash of a page of `page_size` bytes that all equal `fill`; computed once per value.
class FillHashes {
 public:
  explicit FillHashes(std::uint32_t page_size);
  const Hash128& of(std::uint8_t fill) const { return hashes_[fill]; }

 private:
  std::array<Hash128, 256> hashes_;
};

}  // namespace hib
