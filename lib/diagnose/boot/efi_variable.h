// Variables of the firmware, as efivarfs shows them: four bytes of attributes, then the value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/diagnose/boot/tree_reader.h"

namespace hib::diagnose::boot {

inline constexpr const char* kLoaderGuid = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";   // systemd-boot's
inline constexpr const char* kSystemdGuid = "8cf2644b-4b0b-428f-9387-6d876050dc67";  // systemd's
inline constexpr const char* kGlobalGuid = "8be4df61-93ca-11d2-aa0d-00e098032b8c";   // of the specification

struct EfiVariable {
  std::string path;
  std::uint32_t attributes = 0;
  std::string data;  // hostile
};
// Nothing where it is absent, unreadable, or shorter than its attributes.
std::optional<EfiVariable> efi_variable(const TreeReader& reader, const std::string& name,
                                        const std::string& guid);

// UTF-16, little-endian, up to a NUL, as UTF-8. What is no text becomes U+FFFD.
std::string text_of_utf16(std::string_view bytes);
std::string utf16_of_text(std::string_view text);  // of ASCII, with a NUL: for what is searched or made

// What systemd-sleep leaves before it hibernates (src/shared/hibernate-util.c, since 254).
struct HibernateLocation {
  std::string uuid;                     // of what lies on the device; lower case, with dashes
  std::optional<std::uint64_t> offset;  // in pages
  std::string kernel_version;
  std::string os_id;
  std::string os_image_id;
  std::string os_version_id;
  std::string os_image_version;
};
// The variable's text: one JSON object of strings and numbers. The error's offset is one of `json`.
Result<HibernateLocation> parse_hibernate_location(std::string_view json);

}  // namespace hib::diagnose::boot
