#include "lib/device/probe/identifiers.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "lib/base/cursor.h"
#include "lib/base/text.h"

namespace hib::device {
namespace {

std::string hex_of(ByteView bytes) {
  std::string text;
  for (const std::byte b : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(b));
  return text;
}

std::string trimmed(std::string_view text) {
  text = until_nul(text);
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(' ') - begin + 1));
}

// The payload of a page of vital product data: what its length says, as far as there is that much.
Result<ByteView> vpd_payload(ByteView page, unsigned code) {
  Cursor in(page, 0, fmt::format("VPD page {:#x}", code));
  TRY_OK(in.bytes(1, "peripheral"));
  TRY(const ByteView found, in.bytes(1, "page code"));
  if (std::to_integer<unsigned>(found[0]) != code)
    return fail(in.corrupt("page code", hex(std::to_integer<unsigned>(found[0])), hex(code)));
  TRY(const std::uint16_t length, in.read<be16>("length"));
  return in.bytes(std::min<std::uint64_t>(length, in.left()), "payload");
}

}  // namespace

bool tells_apart(const std::string& identifier) {
  std::string plain;
  for (const char c : identifier) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (plain.rfind("0x", 0) == 0) plain.erase(0, 2);
  if (plain.empty() || plain.find_first_not_of(plain[0]) == std::string::npos) return false;
  static constexpr std::array<const char*, 7> kFillers = {
      "0123456789abcdef", "123456789abcdef", "123456789abcdef0", "0123456789",
      "123456789",        "1234567890",      "123456789012"};
  if (std::find(kFillers.begin(), kFillers.end(), plain) != kFillers.end()) return false;
  return plain.rfind("tobefilled", 0) != 0 && plain != "none" && plain != "na" && plain != "unknown" &&
         plain != "default";
}

Result<std::vector<Identifier>> vpd_designators(ByteView page) {
  constexpr unsigned kT10 = 1;
  constexpr unsigned kEui64 = 2;
  constexpr unsigned kNaa = 3;
  TRY(const ByteView payload, vpd_payload(page, 0x83));
  Cursor in(payload, 4, "VPD page 0x83");
  std::vector<Identifier> found;
  while (!in.at_end()) {
    TRY(const ByteView head, in.bytes(4, "designator"));
    const auto kind = std::to_integer<unsigned>(head[1]);
    TRY(const ByteView body, in.bytes(std::to_integer<std::uint64_t>(head[3]), "designator"));
    const bool of_unit = (kind >> 4 & 3U) == 0;
    if (!of_unit || body.empty()) continue;
    if ((kind & 15U) == kNaa) found.push_back({"wwn", hex_of(body)});
    if ((kind & 15U) == kEui64) found.push_back({"eui64", hex_of(body)});
    if ((kind & 15U) == kT10) found.push_back({"t10", trimmed(as_text(body))});
  }
  return found;
}

Result<std::string> vpd_serial(ByteView page) {
  TRY(const ByteView payload, vpd_payload(page, 0x80));
  return trimmed(as_text(payload));
}

Result<AtaIdentity> vpd_ata_identity(ByteView page) {
  constexpr std::size_t kIdentifyAt = 56;  // of the payload; 60 of the page
  constexpr std::size_t kIdentifyBytes = 512;
  TRY(const ByteView payload, vpd_payload(page, 0x89));
  Cursor in(payload, 4, "VPD page 0x89");
  TRY_OK(in.bytes(kIdentifyAt, "SAT"));
  TRY(const ByteView identify, in.bytes(kIdentifyBytes, "IDENTIFY DEVICE"));
  const auto words = [&](std::size_t first, std::size_t count) {
    std::string text;
    for (std::size_t i = first * 2; i < (first + count) * 2; i += 2) {
      text += static_cast<char>(identify[i + 1]);
      text += static_cast<char>(identify[i]);
    }
    return text;
  };
  AtaIdentity identity;
  identity.serial = trimmed(words(10, 10));
  identity.firmware = trimmed(words(23, 4));
  identity.model = trimmed(words(27, 20));
  // Word 87, bit 8: words 108 to 111 hold a World Wide Name; bits 15 and 14 are 01 where the word means
  // anything.
  const std::string supported = words(87, 1);
  const bool has_name = (static_cast<unsigned char>(supported[0]) & 0xC1U) == 0x41U;
  if (has_name) identity.wwn = hex_of(as_bytes(words(108, 4)));
  return identity;
}

Result<std::optional<std::string>> pci_serial_number(ByteView config) {
  constexpr std::size_t kConventional = 256;
  constexpr std::size_t kExtendedEnd = 4096;
  constexpr unsigned kSerialNumber = 3;
  constexpr unsigned kMaxSteps = (kExtendedEnd - kConventional) / 8;  // each capability has 8 bytes at least
  const std::string where = "PCI configuration space";
  if (config.size() < kConventional)
    return fail(make_error(ErrorKind::Truncated, where, fmt::format("{} bytes could be read", config.size()),
                           "256 or 4096 (root reads them)"));
  const auto dword = [&](std::size_t at) {
    le32 value;
    std::memcpy(&value, config.data() + at, sizeof value);
    return std::uint32_t{value};
  };
  if (dword(0) == 0xFFFFFFFF)
    return fail(make_error(ErrorKind::Io, where, "all ones: it is switched off, or gone"));
  std::size_t at = kConventional;
  for (unsigned step = 0; step < kMaxSteps; ++step) {
    if (at == 0 || config.size() < kConventional + 4) return std::optional<std::string>();
    if (at < kConventional || at % 4 != 0 || at + 12 > config.size())
      return fail(make_error(ErrorKind::Corrupt, where + ": extended capability", "at " + hex(at),
                             fmt::format("0x100 to {}", hex(config.size() - 12))));
    const std::uint32_t head = dword(at);
    if (head == 0 || head == 0xFFFFFFFF) return std::optional<std::string>();
    if ((head & 0xFFFFU) == kSerialNumber) {
      std::string text;
      for (std::size_t i = 8; i > 0; --i)
        text += fmt::format("{}{:02x}", i == 8 ? "" : "-", std::to_integer<unsigned>(config[at + 4 + i - 1]));
      return std::optional(text);
    }
    at = head >> 20;
  }
  return fail(make_error(ErrorKind::Corrupt, where + ": extended capabilities", "a circle"));
}

Result<std::string> firewire_rom(ByteView rom) {
  constexpr std::size_t kQuadlets = 6;
  Cursor in(rom, 0, "configuration ROM");
  TRY(const ByteView head, in.bytes(kQuadlets * 4, "first quadlets"));
  const std::string_view name =
      as_text(head.subspan(4, 4));  // the name of the bus says the order of the bytes
  if (name != "1394" && name != "4931")
    return fail(in.corrupt("bus name", hex_of(head.subspan(4, 4)), "\"1394\""));
  std::string text;
  for (std::size_t i = 0; i < kQuadlets; ++i) {
    std::array<std::byte, 4> quadlet{};
    std::copy_n(head.begin() + static_cast<std::ptrdiff_t>(i * 4), 4, quadlet.begin());
    if (name == "4931") std::reverse(quadlet.begin(), quadlet.end());
    text += (i == 0 ? "" : " ") + hex_of(quadlet);
  }
  return text;
}

Result<std::string> card_identification(const std::string& text) {
  std::string digits;
  for (const char c : text) digits += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (digits.size() != 32 || digits.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return fail(
        make_error(ErrorKind::Corrupt, "card identification", "\"" + text + "\"", "32 hexadecimal digits"));
  }
  return digits;
}

}  // namespace hib::device
