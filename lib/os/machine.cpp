#include "lib/os/machine.h"

#include <sys/stat.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <sstream>

#include <fmt/format.h>

#include "lib/os/tree_walk.h"

namespace hib {
namespace {

constexpr std::size_t kMaxFileBytes = 4U << 20;
constexpr unsigned kMaxLinks = 40;  // as Linux has it

// A captured tree may be anybody's: its links stay inside of it, and only a regular file is opened.
std::optional<std::string> read_text(const std::string& root, const std::string& path) {
  const Walked walked = walk(root.empty() ? "/" : root, path, kMaxLinks, {});
  if (walked.error != 0 || !S_ISREG(walked.mode)) return std::nullopt;
  const SmallFile file = read_small_file(walked.folder.get(), walked.name, kMaxFileBytes);
  if (file.error != 0) return std::nullopt;
  return file.text;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::optional<std::uint64_t> read_present_pages(const std::string& root) {
  const auto text = read_text(root, "/proc/zoneinfo");
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

// Which compressors its kernel has loaded, has built in, or could load.
void read_compressors(const std::string& root, Machine& machine) {
  const std::string loaded = read_text(root, "/proc/crypto").value_or("");
  std::string modules;
  machine.knows_modules = false;
  for (const char* list : {"modules.builtin", "modules.dep"}) {
    if (machine.release.empty()) break;
    const auto text = read_text(root, fmt::format("/lib/modules/{}/{}", machine.release, list));
    if (!text) continue;
    machine.knows_modules = true;
    modules += *text + "\n";
  }
  for (const char* name : {"lzo", "lz4"}) {
    const bool is_loaded = loaded.find(fmt::format(": {}\n", name)) != std::string::npos;
    const bool is_module = modules.find(fmt::format("/crypto/{}.ko", name)) != std::string::npos;
    if (is_loaded || is_module) machine.compressors.emplace_back(name);
  }
}

Result<void> check_has_one_of(const std::string& root, std::initializer_list<const char*> parts,
                              const char* found, const char* allowed) {
  namespace stdfs = std::filesystem;
  std::error_code error;
  const auto kind = stdfs::status(root, error).type();
  if (kind == stdfs::file_type::not_found || kind == stdfs::file_type::none)
    return fail(system_error("open", error ? error.value() : ENOENT).of(root));
  for (const char* part : parts) {
    if (stdfs::is_directory(stdfs::path(root) / part, error)) return {};
  }
  const bool is_folder = kind == stdfs::file_type::directory;
  return fail(
      make_error(ErrorKind::Unsupported, "root", is_folder ? found : "not a folder", allowed).of(root));
}

}  // namespace

unsigned Machine::release_number() const {
  char* rest = nullptr;
  const unsigned long major = std::strtoul(release.c_str(), &rest, 10);
  if (rest == release.c_str() || *rest != '.') return 0;
  return static_cast<unsigned>(major * 1000 + std::strtoul(rest + 1, nullptr, 10) % 1000);
}

Result<void> check_machine_root(const std::string& root) {
  return check_has_one_of(root, {"proc", "sys"}, "a folder without proc and sys",
                          "a folder with the proc and sys of a machine");
}

Result<void> check_system_root(const std::string& root) {
  return check_has_one_of(root, {"proc", "sys", "etc", "usr", "lib", "boot"}, "a folder without a system",
                          "a mounted system (etc, usr, boot), or a captured one (proc, sys)");
}

Machine read_machine(const std::string& root) {
  Machine machine;
  utsname uts{};
  if (root.empty() && ::uname(&uts) == 0) {
    machine.release = uts.release;
    machine.version = uts.version;
    machine.arch = uts.machine;
  } else {
    machine.release = first_line(read_text(root, "/proc/sys/kernel/osrelease").value_or(""));
    machine.version = first_line(read_text(root, "/proc/sys/kernel/version").value_or(""));
    machine.arch = first_line(read_text(root, "/proc/sys/kernel/arch").value_or(""));
  }
  machine.present_pages = read_present_pages(root);
  machine.memory_map = read_firmware_map([&](const std::string& path) {
    const auto text = read_text(root, path);
    return text ? std::optional(first_line(*text)) : std::nullopt;
  });
  if (const auto facs = read_text(root, "/sys/firmware/acpi/tables/FACS"); facs && facs->size() >= 12) {
    const auto byte = [&](std::size_t i) { return std::uint32_t{static_cast<unsigned char>((*facs)[i])}; };
    machine.hardware_signature = byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24;
  }
  if (const auto state = read_text(root, "/sys/power/state"))
    machine.can_hibernate = state->find("disk") != std::string::npos;
  read_compressors(root, machine);
  return machine;
}

}  // namespace hib
