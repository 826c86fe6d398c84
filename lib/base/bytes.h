// Views of bytes, little- and big-endian integers as they lie on disk, and arithmetic that cannot wrap.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace hib {

using ByteView = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline bool all_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}
template <typename T>
ByteView object_bytes(const T& object) {
  static_assert(std::is_trivially_copyable_v<T>);
  return {reinterpret_cast<const std::byte*>(&object), sizeof(T)};
}

namespace detail {
template <typename T>
constexpr T swap_bytes(T value) {
  if constexpr (sizeof(T) == 1) return value;
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(value));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(value));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(value));
}

// An integer as it lies on disk: no alignment, a fixed byte order, converted on every access.
template <typename T, std::endian Order>
struct DiskInt {
  std::array<std::byte, sizeof(T)> raw{};

  DiskInt() = default;
  DiskInt(T value) {  // NOLINT: writing a layout field reads as an assignment
    if constexpr (Order != std::endian::native) value = swap_bytes(value);
    std::memcpy(raw.data(), &value, sizeof(T));
  }
  operator T() const {  // NOLINT: reading a layout field reads as its value
    T value;
    std::memcpy(&value, raw.data(), sizeof(T));
    if constexpr (Order != std::endian::native) value = swap_bytes(value);
    return value;
  }
};
}  // namespace detail

using le16 = detail::DiskInt<std::uint16_t, std::endian::little>;
using le32 = detail::DiskInt<std::uint32_t, std::endian::little>;
using le64 = detail::DiskInt<std::uint64_t, std::endian::little>;
using be16 = detail::DiskInt<std::uint16_t, std::endian::big>;
using be32 = detail::DiskInt<std::uint32_t, std::endian::big>;
using be64 = detail::DiskInt<std::uint64_t, std::endian::big>;

template <typename T>
std::optional<T> checked_add(T a, T b) {
  T sum;
  return __builtin_add_overflow(a, b, &sum) ? std::nullopt : std::optional<T>(sum);
}
template <typename T>
std::optional<T> checked_mul(T a, T b) {
  T product;
  return __builtin_mul_overflow(a, b, &product) ? std::nullopt : std::optional<T>(product);
}

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace hib
