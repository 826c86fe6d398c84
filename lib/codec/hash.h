// XXH3 (seed 0 throughout): the hashes of pages and blocks.
// It finds accidental damage. It is no proof against somebody who chooses the bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "lib/base/bytes.h"

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

}  // namespace hib
