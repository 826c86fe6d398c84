// Records: what an image knows of its machine beside the pages. A record is a type, a version and named
// fields; a field holds a number, text, bytes or further fields. The encoding (docs/format/records.md)
// describes itself, so a record of an unknown type is kept when an image is converted, and can be shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib {

struct Field;
using FieldList = std::vector<Field>;
using FieldValue = std::variant<std::uint64_t, std::string, std::vector<std::byte>, FieldList>;

struct Field {
  Field() = default;
  Field(std::string name_, FieldValue value_) : name(std::move(name_)), value(std::move(value_)) {}
  // libstdc++ takes a variant of strings and vectors for one that always has a value: where its copy runs out
  // of memory, it destroys what was never made. So the value is copied alone.
  Field(const Field& other);
  Field(Field&&) = default;
  Field& operator=(const Field& other) { return *this = Field(other); }
  Field& operator=(Field&&) = default;
  ~Field() = default;

  std::string name;
  FieldValue value;
};

struct Record {
  std::string type;
  std::uint16_t version = 1;
  FieldList fields;

  const Field* find(std::string_view name) const;
  const std::string* text(std::string_view name) const;  // null when missing or of another kind
  const std::uint64_t* number(std::string_view name) const;
  void set(std::string name, FieldValue value);  // replaces a field of that name
};

// The types that this version writes.
inline constexpr std::string_view kLiveRecord = "live";        // the memory changed while it was copied
inline constexpr std::string_view kMachineRecord = "machine";  // kernel, VMCOREINFO, command line, memory map
inline constexpr std::string_view kProcessorsRecord = "processors";  // ELF notes
inline constexpr std::string_view kDevicesRecord = "devices";
inline constexpr std::string_view kSwappedRecord =
    "swapped-pages";  // which swap area's slots the image keeps
inline constexpr std::string_view kSwapAreasRecord =
    "swap-areas";  // those that the machine used, by its kernel
inline constexpr std::string_view kProvenanceRecord = "provenance";  // how this image was made
inline constexpr std::string_view kSalvagedRecord = "salvaged";  // from a damaged source: what is not proven

// Limits of the encoding, checked before anything is allocated.
inline constexpr std::uint64_t kMaxRecordBytes = 64U << 20;
inline constexpr unsigned kMaxFieldDepth = 8;
inline constexpr std::size_t kMaxFieldNameBytes = 255;

std::vector<std::byte> encode_record(const Record& record);

// `file_offset` places errors. Anything after the last field is an error.
Result<Record> decode_record(ByteView bytes, std::uint64_t file_offset);

const Record* find_record(const std::vector<Record>& records, std::string_view type);
Record* find_record(std::vector<Record>& records, std::string_view type);

// The record "machine": made, as the first one, where there is none.
Record& machine_record(std::vector<Record>& records);

}  // namespace hib
