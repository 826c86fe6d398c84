#include "lib/os/machine.h"

#include <sys/utsname.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

namespace hib {
namespace {

constexpr std::size_t kMaxFileBytes = 4U << 20;

std::optional<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text;
  std::array<char, 4096> piece;  // nearly all of them are a line
  while (text.size() < kMaxFileBytes && file.read(piece.data(), piece.size()).gcount() > 0)
    text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
  return text;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::optional<std::uint64_t> read_present_pages(const std::string& root) {
  const auto text = read_text(root + "/proc/zoneinfo");
  if (!text) return std::nullopt;
  std::istringstream lines(*text);
  std::string word;
  std::uint64_t sum = 0;
  while (lines >> word) {
    std::uint64_t pages = 0;
    if (word == "present" && lines >> pages) sum += pages;
  }
  return sum == 0 ? std::nullopt : std::optional(sum);
}

bool has_compressor(const std::string& root, const std::string& release, const std::string& name) {
  if (const auto loaded = read_text(root + "/proc/crypto");
      loaded && loaded->find(fmt::format(": {}\n", name)) != std::string::npos)
    return true;
  const std::string modules = fmt::format("{}/lib/modules/{}/", root, release);
  for (const char* list : {"modules.builtin", "modules.dep"}) {
    if (const auto text = read_text(modules + list);
        text && text->find(fmt::format("/crypto/{}.ko", name)) != std::string::npos)
      return true;
  }
  return false;
}

}  // namespace

unsigned Machine::release_number() const {
  char* rest = nullptr;
  const unsigned long major = std::strtoul(release.c_str(), &rest, 10);
  if (rest == release.c_str() || *rest != '.') return 0;
  return static_cast<unsigned>(major * 1000 + std::strtoul(rest + 1, nullptr, 10) % 1000);
}

Result<void> check_machine_root(const std::string& root) {
  namespace stdfs = std::filesystem;
  std::error_code error;
  const auto kind = stdfs::status(root, error).type();
  if (kind == stdfs::file_type::not_found || kind == stdfs::file_type::none)
    return fail(system_error("open", error ? error.value() : ENOENT).of(root));
  const auto has = [&](const char* part) { return stdfs::is_directory(stdfs::path(root) / part, error); };
  if (has("proc") || has("sys")) return {};
  return fail(
      make_error(ErrorKind::Unsupported, "root",
                 kind == stdfs::file_type::directory ? "a folder without proc and sys" : "not a folder",
                 "a folder with the proc and sys of a machine")
          .of(root));
}

Machine read_machine(const std::string& root) {
  Machine machine;
  utsname uts{};
  if (root.empty() && ::uname(&uts) == 0) {
    machine.release = uts.release;
    machine.version = uts.version;
    machine.arch = uts.machine;
  } else {
    machine.release = first_line(read_text(root + "/proc/sys/kernel/osrelease").value_or(""));
    machine.version = first_line(read_text(root + "/proc/sys/kernel/version").value_or(""));
    machine.arch = first_line(read_text(root + "/proc/sys/kernel/arch").value_or(""));
  }
  machine.present_pages = read_present_pages(root);
  machine.memory_map = read_firmware_map([&](const std::string& path) {
    const auto text = read_text(root + path);
    return text ? std::optional(first_line(*text)) : std::nullopt;
  });
  if (const auto facs = read_text(root + "/sys/firmware/acpi/tables/FACS"); facs && facs->size() >= 12) {
    const auto byte = [&](std::size_t i) { return std::uint32_t{static_cast<unsigned char>((*facs)[i])}; };
    machine.hardware_signature = byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24;
  }
  if (const auto state = read_text(root + "/sys/power/state"))
    machine.can_hibernate = state->find("disk") != std::string::npos;
  std::error_code error;
  machine.knows_modules = std::filesystem::is_directory(root + "/lib/modules/" + machine.release, error);
  for (const char* name : {"lzo", "lz4"}) {
    if (has_compressor(root, machine.release, name)) machine.compressors.emplace_back(name);
  }
  return machine;
}

}  // namespace hib
