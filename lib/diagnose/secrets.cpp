#include "lib/diagnose/secrets.h"

#include <algorithm>
#include <array>

namespace hib::diagnose {
namespace {

using Test = bool (*)(char);

constexpr std::string_view kNames[] = {"uuid", "serial", "wwn",    "mac",     "ip",
                                       "host", "user",   "cursor", "password"};

// GUIDs that are the same on all machines: vendors of EFI variables.
constexpr std::string_view kPublicGuids[] = {"8cf2644b4b0b428f93876d876050dc67",
                                             "4a67b0820a4c41cfb6c7440b29bb8c4f",
                                             "8be4df6193ca11d2aa0d00e098032b8c"};
constexpr std::string_view kPublicHosts[] = {
    "localhost", "(none)",  "none", "debian",   "ubuntu",      "fedora", "archlinux", "arch",       "linux",
    "kernel",    "systemd", "root", "opensuse", "raspberrypi", "amd64",  "lists",     "localdomain"};
constexpr std::string_view kPublicDomains[] = {"lists.debian.org", "lists.ubuntu.com",
                                               "lists.fedoraproject.org"};
constexpr std::string_view kUnitSuffixes[] = {".service", ".socket", ".device", ".target", ".mount",
                                              ".swap",    ".slice",  ".scope",  ".timer",  ".automount"};
constexpr std::size_t kMinSerial = 5;       // behind "serial:"; "Serial: 8250/16550 driver" is none
constexpr std::size_t kMinKnownSerial = 6;  // of a device's identity
constexpr std::size_t kMostBytes = 1024;    // that are looked at for one secret: names have 255
constexpr std::size_t kMaxHostBytes = 255;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
char lower(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_hex(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); }
bool is_upper_hex(char c) { return is_digit(c) || (c >= 'A' && c <= 'F'); }
bool is_host_byte(char c) { return is_word_byte(c) || c == '-' || c == '.' || c == '_'; }
bool is_serial_byte(char c) { return is_word_byte(c) || c == '-' || c == '_' || c == '.'; }
// Of the name of a folder: all but what ends a path in a sentence or a log.
bool is_name_byte(char c) {
  return static_cast<unsigned char>(c) > ' ' &&
         std::string_view("/\"'`:;,()<>[]{}|").find(c) == std::string_view::npos;
}

std::size_t count_of(std::string_view text, std::size_t at, Test is_one) {
  const std::size_t stop = text.size() - at > kMostBytes ? at + kMostBytes : text.size();
  std::size_t end = at;
  while (end < stop && is_one(text[end])) ++end;
  return end - at;
}

bool ends_word(std::string_view text, std::size_t at) { return at >= text.size() || !is_word_byte(text[at]); }

bool is_equal_without_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool stands_before(std::string_view text, std::size_t at, std::string_view words) {
  return at >= words.size() && is_equal_without_case(text.substr(at - words.size(), words.size()), words);
}

// The size of `words` before `at`, where systemd may have escaped their dashes ("ata\x2d"), or 0.
std::size_t size_before(std::string_view text, std::size_t at, std::string_view words) {
  std::string_view before = text.substr(0, at);
  for (; !words.empty(); words.remove_suffix(1)) {
    const bool is_escaped = words.back() == '-' && before.ends_with("\\x2d");
    if (before.empty() || (!is_escaped && before.back() != words.back())) return 0;
    before.remove_suffix(is_escaped ? 4 : 1);
  }
  return at - before.size();
}

template <std::size_t N>
bool one_stands_before(std::string_view text, std::size_t at, const std::string_view (&all)[N]) {
  return std::any_of(std::begin(all), std::end(all),
                     [&](std::string_view words) { return stands_before(text, at, words); });
}

template <std::size_t N>
bool is_one_of(std::string_view text, const std::string_view (&all)[N]) {
  return std::any_of(std::begin(all), std::end(all),
                     [&](std::string_view one) { return is_equal_without_case(text, one); });
}

std::string hex_only(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t escape = escape_at(text, i);
    if (escape == 0 && is_hex(text[i])) digits += lower(text[i]);
    i += std::max<std::size_t>(escape, 1);
  }
  return digits;
}

// "8a1b\x2d1111" as "8a1b-1111": of the escapes only dashes stand in ids.
std::string with_dashes(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t escape = escape_at(text, i);
    plain += escape == 0 ? text[i] : '-';
    i += std::max<std::size_t>(escape, 1);
  }
  return plain;
}

// The size of the groups of `is_one` at `at` with one of `separators` between them, or 0.
template <std::size_t N>
std::size_t groups_at(std::string_view text, std::size_t at, const std::size_t (&sizes)[N], Test is_one,
                      std::string_view separators) {
  std::size_t end = at;
  for (std::size_t i = 0; i < N; ++i) {
    if (i > 0) {
      const std::size_t escape = escape_at(text, end);
      if (escape == 0 && (end >= text.size() || separators.find(text[end]) == std::string_view::npos))
        return 0;
      end += std::max<std::size_t>(escape, 1);
    }
    if (count_of(text.substr(0, std::min(text.size(), end + sizes[i])), end, is_one) != sizes[i]) return 0;
    end += sizes[i];
  }
  return ends_word(text, end) ? end - at : 0;
}

std::size_t uuid_at(std::string_view text, std::size_t at) {
  constexpr std::size_t kUuid[] = {8, 4, 4, 4, 12};
  constexpr std::size_t kRaid[] = {8, 8, 8, 8};
  constexpr std::size_t kLvm[] = {6, 4, 4, 4, 4, 4, 6};
  constexpr std::size_t kPlain[] = {32};  // ids of boots and machines, NGUIDs
  std::size_t size = groups_at(text, at, kUuid, is_hex, "-");
  if (size == 0) size = groups_at(text, at, kPlain, is_hex, "");
  if (size == 0) size = groups_at(text, at, kRaid, is_hex, ":");
  if (size == 0) size = groups_at(text, at, kLvm, is_word_byte, "-");
  return size;
}

// "LVM-" and two ids without dashes.
std::size_t lvm_pair_at(std::string_view text, std::size_t at) {
  const std::size_t size = count_of(text, at, is_word_byte);
  return stands_before(text, at, "LVM-") && size >= 32 ? size : 0;
}

// FAT's. Digits alone may be anything, but behind "UUID=".
std::size_t short_id_at(std::string_view text, std::size_t at) {
  constexpr std::size_t kFat[] = {4, 4};
  if (at > 0 && text[at - 1] == '-') return 0;
  const std::size_t size = groups_at(text, at, kFat, is_upper_hex, "-");
  if (size == 0 || (at + size < text.size() && text[at + size] == '-')) return 0;
  const std::string_view id = text.substr(at, size);
  return std::any_of(id.begin(), id.end(), is_upper) ? size : 0;
}

std::size_t named_uuid_at(std::string_view text, std::size_t at) {
  constexpr std::string_view kBefore[] = {"uuid=",        "uuid=\"",      "uuid='",           "by-uuid/",
                                          "by-partuuid/", "by\\x2duuid-", "by\\x2dpartuuid-", "fs-uuid "};
  if (!one_stands_before(text, at, kBefore)) return 0;
  std::size_t end = at;
  std::size_t digits = 0;
  while (end < text.size()) {
    const std::size_t escape = escape_at(text, end);
    if (escape == 0 && !is_hex(text[end]) && text[end] != '-') break;
    digits += escape == 0 && text[end] != '-' ? 1 : 0;
    end += std::max<std::size_t>(escape, 1);
  }
  return digits >= 4 && ends_word(text, end) ? end - at : 0;
}

std::size_t cursor_at(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) != "s=" || count_of(text, at + 2, is_hex) != 32 || text.substr(at + 34, 3) != ";i=")
    return 0;
  return count_of(text, at, [](char c) { return is_word_byte(c) || c == '=' || c == ';' || c == '-'; });
}

// Three groups of four, as network switches write them.
std::size_t dotted_mac_at(std::string_view text, std::size_t at) {
  constexpr std::size_t kGroups[] = {4, 4, 4};
  if (at > 0 && std::string_view(".-+_~").find(text[at - 1]) != std::string_view::npos) return 0;
  const std::size_t size = groups_at(text, at, kGroups, is_hex, ".");
  const bool goes_on =
      at + size + 1 < text.size() && text[at + size] == '.' && is_word_byte(text[at + size + 1]);
  return goes_on ? 0 : size;
}

// Pairs of hexadecimal digits: six, or more on InfiniBand. A time of day has three.
std::size_t mac_at(std::string_view text, std::size_t at) {
  if (stands_before(text, at, "BOOTIF=")) return 0;  // the type of the hardware comes first
  if (at > 0 && (text[at - 1] == ':' || text[at - 1] == '-') && at > 1 && is_word_byte(text[at - 2]) &&
      !stands_before(text, at, "BOOTIF=01-"))
    return 0;  // the rest of something else
  for (const char separator : {':', '-'}) {
    std::size_t pairs = 0;
    std::size_t end = at;
    while (end + 2 <= text.size() && is_hex(text[end]) && is_hex(text[end + 1])) {
      ++pairs;
      end += 2;
      if (end + 2 >= text.size() || text[end] != separator || !is_hex(text[end + 1])) break;
      ++end;
    }
    if (pairs >= 6 && ends_word(text, end)) return end - at;
  }
  return 0;
}

bool is_version_behind(std::string_view text, std::size_t at) {
  if (at >= text.size()) return false;
  if (text[at] == '+' || text[at] == '_') return true;
  return (text[at] == '-' || text[at] == '.') && at + 1 < text.size() && is_word_byte(text[at + 1]) &&
         !(text[at] == '-' && is_digit(text[at + 1]));
}

std::size_t ipv4_at(std::string_view text, std::size_t at) {
  if (at > 0 && std::string_view(".-+_~").find(text[at - 1]) != std::string_view::npos) return 0;
  std::size_t end = at;
  for (unsigned part = 0; part < 4; ++part) {
    if (part > 0 && (end >= text.size() || text[end++] != '.')) return 0;
    const std::size_t digits = count_of(text, end, is_digit);
    if (digits == 0 || digits > 3) return 0;
    unsigned value = 0;
    for (std::size_t i = 0; i < digits; ++i) value = value * 10 + static_cast<unsigned>(text[end + i] - '0');
    if (value > 255) return 0;
    end += digits;
  }
  if (!ends_word(text, end) || is_version_behind(text, end)) return 0;
  const std::string_view address = text.substr(at, end - at);
  const bool is_everybodys =
      address.substr(0, 4) == "127." || address.substr(0, 4) == "255." || address == "0.0.0.0";
  return is_everybodys ? 0 : end - at;
}

// Eight groups, or fewer with "::" among them. "::1" is everybody's.
std::size_t ipv6_at(std::string_view text, std::size_t at) {
  if (at > 0 && (text[at - 1] == ':' || text[at - 1] == '.')) return 0;
  const std::size_t size = count_of(text, at, [](char c) { return is_hex(c) || c == ':'; });
  std::string_view address = text.substr(at, size);
  while (!address.empty() && address.back() == ':' &&
         address.substr(address.size() - std::min<std::size_t>(2, address.size())) != "::")
    address.remove_suffix(1);  // of the sentence
  unsigned groups = 0;
  unsigned gaps = 0;
  for (std::size_t i = 0; i < address.size();) {
    const std::size_t digits = count_of(address, i, is_hex);
    if (digits > 4) return 0;
    if (digits > 0) ++groups;
    i += digits;
    if (i >= address.size()) break;
    if (address.substr(i, 2) == "::") {
      ++gaps;
      ++i;
    } else if (digits == 0) {
      return 0;
    }
    ++i;
  }
  const bool is_address = gaps == 0 ? groups == 8 : gaps == 1 && groups >= 2 && groups < 8;
  return is_address && ends_word(text, at + address.size()) ? address.size() : 0;
}

std::size_t wwn_at(std::string_view text, std::size_t at) {
  constexpr std::string_view kBefore[] = {"eui.", "naa.", "wwn-0x", "wwn-", "t10.", "nguid.", "nguid="};
  const std::size_t size = count_of(text, at, is_word_byte);
  if (!one_stands_before(text, at, kBefore) || text.substr(at, 2) == "0x") return 0;
  return size >= 8 ? size : 0;
}

bool has_digit(std::string_view text) { return std::any_of(text.begin(), text.end(), is_digit); }

std::size_t named_serial_at(std::string_view text, std::size_t at) {
  constexpr std::string_view kBefore[] = {
      "serial: ",      "serial=",        "serial:",       "serial number: ", "serialnumber: ",
      "serialnumber=", "serial_number=", "serial_short=", "serial no: ",     "serial no. ",
      "s/n: ",         "s/n ",           "serial=\"",     "serial number "};
  if (!one_stands_before(text, at, kBefore)) return 0;
  std::size_t size = count_of(text, at, is_serial_byte);
  while (size > 0 && !is_word_byte(text[at + size - 1])) --size;  // of the sentence
  return size >= kMinSerial && has_digit(text.substr(at, size)) ? size : 0;
}

// The name of udev's link: "ata-MODEL_SERIAL-part1". What is behind the bus, without the partition.
std::size_t name_by_id_at(std::string_view text, std::size_t at) {
  constexpr std::string_view kBuses[] = {"ata-", "nvme-",    "scsi-",        "usb-",     "virtio-",  "mmc-",
                                         "wwn-", "dm-uuid-", "lvm-pv-uuid-", "md-uuid-", "ieee1394-"};
  std::string_view before = text.substr(0, at);
  for (const std::string_view bus : kBuses) {
    const std::size_t size = size_before(text, at, bus);
    if (size == 0) continue;
    before.remove_suffix(size);
    break;
  }
  if (before.size() == at || (!before.ends_with("/by-id/") && !before.ends_with("by\\x2did-"))) return 0;
  std::size_t end = at;
  while (end < text.size() && (is_name_byte(text[end]) ||
                               (text[end] == ':' && end + 1 < text.size() && is_word_byte(text[end + 1]))))
    ++end;
  std::string_view name = text.substr(at, end - at);
  for (const std::string_view suffix : kUnitSuffixes) {
    if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
  }
  const std::size_t partition = std::min(name.rfind("-part"), name.rfind("\\x2dpart"));
  if (partition != std::string_view::npos) name = name.substr(0, partition);
  return name.size();
}

std::size_t user_in_path_at(std::string_view text, std::size_t at) {
  constexpr std::string_view kBefore[] = {"/home/", "/Users/", "/run/media/"};
  if (!one_stands_before(text, at, kBefore)) return 0;
  std::size_t size = count_of(text, at, is_name_byte);
  while (size > 0 && text[at + size - 1] == '.') --size;  // of the sentence
  return size;
}

bool is_unit(std::string_view host) {
  return std::any_of(std::begin(kUnitSuffixes), std::end(kUnitSuffixes),
                     [&](std::string_view suffix) { return host.ends_with(suffix); });
}

std::size_t host_size_at(std::string_view text, std::size_t at) {
  std::size_t size = count_of(text, at, is_host_byte);
  while (size > 0 && !is_word_byte(text[at + size - 1])) --size;  // of the sentence
  return size > kMaxHostBytes ? 0 : size;
}

bool is_of_public_domain(std::string_view text, std::size_t at) {
  return is_one_of(text.substr(at, host_size_at(text, at)), kPublicDomains);
}

// "NAME@HOST". What has a template's form of systemd, "getty@tty1.service", is none.
std::size_t user_at_host_at(std::string_view text, std::size_t at) {
  const std::size_t size = count_of(text, at, is_host_byte);
  if (size == 0 || at + size + 1 >= text.size() || text[at + size] != '@') return 0;
  const std::size_t host = at + size + 1;
  const std::size_t host_size = host_size_at(text, host);
  if (host_size == 0 || is_unit(text.substr(host, count_of(text, host, is_name_byte)))) return 0;
  return is_of_public_domain(text, host) || text.substr(at, size) == "root" ? 0 : size;
}

std::size_t host_behind_user_at(std::string_view text, std::size_t at) {
  if (at < 2 || text[at - 1] != '@' || !is_host_byte(text[at - 2]) || is_of_public_domain(text, at)) return 0;
  const std::string_view word = text.substr(at, count_of(text, at, is_name_byte));
  return is_unit(word) ? 0 : host_size_at(text, at);
}

bool is_month(std::string_view word) {
  constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return is_one_of(word, kMonths);
}

// Whether a line of syslog begins before `at`: nothing, "Nov 27 20:26:18 " or "2026-11-27T20:26:18+01:00 ".
bool is_behind_syslog_time(std::string_view text, std::size_t at) {
  if (at == 0) return true;
  std::string_view before = text.substr(0, at - 1);
  if (text[at - 1] != ' ') return false;
  const std::string_view time =
      before.substr(before.rfind(' ') == std::string_view::npos ? 0 : before.rfind(' ') + 1);
  if (time.size() < 8 || !is_digit(time.front()) || time.find(':') == std::string_view::npos) return false;
  if (time.find('T') != std::string_view::npos) return time.find('-') != std::string_view::npos;
  return before.size() >= 3 && is_month(before.substr(0, 3));
}

// "HOST kernel: …", "HOST systemd[1]: …", "HOST login: …".
std::size_t host_of_syslog_at(std::string_view text, std::size_t at) {
  if (!is_behind_syslog_time(text, at)) return 0;
  const std::size_t size = count_of(text, at, is_host_byte);
  if (size == 0 || size > kMaxHostBytes || at + size >= text.size() || text[at + size] != ' ') return 0;
  if (at == 0 && text.substr(size, 7) == " login:") return size;  // of a console
  const std::size_t speaker = at + size + 1;
  if (text.substr(speaker, 8) == "kernel: ") return size;
  const std::size_t bracket = speaker + count_of(text, speaker, is_serial_byte);
  if (bracket == speaker || bracket >= text.size() || text[bracket] != '[') return 0;
  const std::size_t digits = count_of(text, bracket + 1, is_digit);
  return digits > 0 && text.substr(bracket + 1 + digits, 2) == "]:" ? size : 0;
}

std::size_t named_host_at(std::string_view text, std::size_t at) {
  constexpr std::string_view kBefore[] = {"hostname set to <", "set hostname to <",
                                          "hostname=", "hostname: ", "hostname set to "};
  return one_stands_before(text, at, kBefore) ? host_size_at(text, at) : 0;
}

// What a key's value is, quotes and all. A path is no secret: "rd.luks.key=/etc/swap.key".
std::size_t password_at(std::string_view text, std::size_t at) {
  constexpr std::string_view kBefore[] = {
      "password=", "passwd=", "passphrase=", "key=", "token=", "secret=", "psk=", "pin=", "pw="};
  const auto ends_with_key = [&](std::string_view key) {
    return stands_before(text, at, key) && (at == key.size() || !is_word_byte(text[at - key.size() - 1]));
  };
  if (!std::any_of(std::begin(kBefore), std::end(kBefore), ends_with_key)) return 0;
  const char quote = text[at] == '"' || text[at] == '\'' ? text[at] : '\0';
  std::size_t end = at + (quote == '\0' ? 0 : 1);
  const auto is_of_value = [&](char c) {
    return quote != '\0' ? c != quote
                         : static_cast<unsigned char>(c) > ' ' && c != '"' && c != '\'' && c != ',';
  };
  while (end < text.size() && is_of_value(text[end])) ++end;
  if (quote != '\0' && end < text.size()) ++end;
  const std::string_view value = text.substr(at, end - at);
  const bool is_path = value.front() == '/' || value.find("=/") != std::string_view::npos ||
                       value.find(":/") != std::string_view::npos;
  return value.empty() || is_path || value == "(null)" || value == "none" ? 0 : value.size();
}

struct Rule {
  SecretKind kind;
  std::size_t (*size_at)(std::string_view text, std::size_t at);
};

// The first that fits counts.
constexpr Rule kRules[] = {
    {SecretKind::Password, password_at},
    {SecretKind::Serial, name_by_id_at},
    {SecretKind::Cursor, cursor_at},
    {SecretKind::Uuid, uuid_at},
    {SecretKind::Uuid, named_uuid_at},
    {SecretKind::Uuid, lvm_pair_at},
    {SecretKind::Wwn, wwn_at},
    {SecretKind::Mac, mac_at},
    {SecretKind::Mac, dotted_mac_at},
    {SecretKind::Uuid, short_id_at},
    {SecretKind::Serial, named_serial_at},
    {SecretKind::User, user_in_path_at},
    {SecretKind::User, user_at_host_at},
    {SecretKind::Host, host_behind_user_at},
    {SecretKind::Host, host_of_syslog_at},
    {SecretKind::Host, named_host_at},
    {SecretKind::Ip, ipv4_at},
    {SecretKind::Ip, ipv6_at},
};

bool is_public(SecretKind kind, std::string_view secret) {
  if (kind == SecretKind::Host) return !is_private_host(secret);
  return kind == SecretKind::Uuid && is_one_of(hex_only(secret), kPublicGuids);
}

}  // namespace

std::string_view name_of(SecretKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

bool is_word_byte(char byte) { return is_digit(byte) || (lower(byte) >= 'a' && lower(byte) <= 'z'); }

std::size_t escape_at(std::string_view text, std::size_t at) {
  return text.substr(at < text.size() ? at : text.size(), 2) == "\\x" && count_of(text, at + 2, is_hex) >= 2
             ? 4
             : 0;
}

std::optional<Secret> secret_at(std::string_view text, std::size_t at) {
  for (const Rule& rule : kRules) {
    const std::size_t size = rule.size_at(text, at);
    if (size > 0 && !is_public(rule.kind, text.substr(at, size))) return Secret{rule.kind, size};
  }
  return std::nullopt;
}

std::size_t pseudonym_at(std::string_view text, std::size_t at) {
  constexpr std::size_t kMostDigits = 6;
  if (stands_before(text, at, "by\\x2d")) return 0;  // the name of a folder: its digits are no pseudonym's
  for (const std::string_view name : kNames) {
    if (text.substr(at, name.size()) != name || text.substr(at + name.size(), 1) != "-") continue;
    const std::size_t digits = count_of(text, at + name.size() + 1, is_digit);
    const std::size_t size = name.size() + 1 + digits;
    if (digits > 0 && digits <= kMostDigits && ends_word(text, at + size)) return size;
  }
  return 0;
}

std::string key_of(SecretKind kind, std::string_view secret) {
  switch (kind) {
    case SecretKind::Uuid:
    case SecretKind::Mac: {
      std::string digits = hex_only(secret);
      std::string plain = with_dashes(secret);
      if (digits.size() + 8 >= plain.size()) return digits;  // no id of LVM, whose letters are all
      return plain;
    }
    case SecretKind::Wwn:
    case SecretKind::Ip:
    case SecretKind::Host: {
      std::string key(secret.substr(0, kind == SecretKind::Host ? secret.find('.') : secret.size()));
      std::transform(key.begin(), key.end(), key.begin(), lower);
      const auto is_second_dash = [](char a, char b) { return a == '-' && b == '-'; };  // of device-mapper
      if (kind == SecretKind::Host) key.erase(std::unique(key.begin(), key.end(), is_second_dash), key.end());
      return key;
    }
    case SecretKind::Serial:
    case SecretKind::User:
    case SecretKind::Cursor:
    case SecretKind::Password: return std::string(secret);
  }
  return std::string(secret);
}

bool is_worth_hiding(std::string_view serial) {
  constexpr std::size_t kPci[] = {4, 2, 2};
  if (serial.size() < kMinKnownSerial || !has_digit(serial) ||
      groups_at(serial.substr(0, 10), 0, kPci, is_hex, ":") == 10)
    return false;
  return serial.find_first_not_of("0-:. ") != std::string_view::npos;
}

bool is_private_host(std::string_view name) {
  return name.size() >= 2 && !is_one_of(name.substr(0, name.find('.')), kPublicHosts) &&
         !std::all_of(name.begin(), name.end(), [](char c) { return is_digit(c) || c == '.' || c == '-'; });
}

}  // namespace hib::diagnose
