// Flattened dumps made by hand.
#pragma once

#include <cstring>
#include <vector>

#include "lib/image/dump_file.h"

namespace hib::test {

inline std::vector<std::byte> flat_record(std::uint64_t offset, std::uint64_t size, ByteView bytes) {
  FlatRecord record{};
  record.offset = offset;
  record.size = size;
  std::vector<std::byte> out(sizeof(record) + bytes.size());
  std::memcpy(out.data(), &record, sizeof(record));
  if (!bytes.empty()) std::memcpy(out.data() + sizeof(record), bytes.data(), bytes.size());
  return out;
}

inline void add(std::vector<std::byte>& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

inline std::vector<std::byte> flat_header() {
  FlatHeader header{};
  std::memcpy(header.signature, kFlatSignature, sizeof(header.signature));
  header.type = 1;
  header.version = 1;
  std::vector<std::byte> out(kFlatHeaderBytes);
  std::memcpy(out.data(), &header, sizeof(header));
  return out;
}

// `dump` in records of `size` bytes, the last first.
inline std::vector<std::byte> flatten_backwards(ByteView dump, std::size_t size) {
  auto out = flat_header();
  for (std::size_t end = dump.size(); end > 0;) {
    const std::size_t start = (end - 1) / size * size;
    add(out, flat_record(start, end - start, dump.subspan(start, end - start)));
    end = start;
  }
  add(out, flat_record(kFlatEnd, kFlatEnd, {}));
  return out;
}

}  // namespace hib::test
