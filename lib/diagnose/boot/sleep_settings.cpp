#include "lib/diagnose/boot/sleep_settings.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "lib/diagnose/boot/config_text.h"

namespace hib::diagnose::boot {
namespace {

constexpr std::array<const char*, 4> kUnits = {
    "hibernate.target", "sleep.target", "systemd-hibernate.service", "systemd-hibernate-resume.service"};

std::optional<bool> truth_of(std::string_view text) {
  for (const std::string_view yes : {"yes", "true", "1", "on", "y", "t"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"no", "false", "0", "off", "n", "f"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

void take_section(const std::string& path, const std::string& text, SleepSettings& settings) {
  std::string section;
  for (const TextLine& line : lines_of(text)) {
    const std::string_view content = trimmed(line.text);
    if (content.starts_with("[")) section = content;
    const std::size_t equals = content.find('=');
    if (section != "[Sleep]" || equals == std::string_view::npos || content.front() == '#' ||
        content.front() == ';')
      continue;
    const std::string_view key = trimmed(content.substr(0, equals));
    const std::string_view value = trimmed(content.substr(equals + 1));
    if (key == "AllowHibernation") {
      settings.allow_hibernation = truth_of(value);
      settings.allow_evidence = Evidence{path, line.offset, "", std::nullopt, std::string(content)};
    }
    if (key == "HibernateMode") settings.mode = value;
  }
}

unsigned systemd_version(const device::Tree& tree) {
  std::vector<std::string> folders = {"/usr/lib/systemd", "/lib/systemd", "/usr/lib64/systemd"};
  for (const std::string& name : tree.list("/usr/lib")) {
    if (name.ends_with("-linux-gnu")) folders.push_back("/usr/lib/" + name + "/systemd");
  }
  for (const std::string& folder : folders) {
    for (const std::string& name : tree.list(folder)) {
      if (const unsigned version = systemd_version_in(name); version != 0) return version;
    }
  }
  return 0;
}

// Of a tree with systemd's settings and nobody's init it is taken that systemd reads them: whoever captured
// it by hand has left the programs out.
bool has_systemd(const device::Tree& tree) {
  for (const char* path : {"/usr/lib/systemd/systemd", "/lib/systemd/systemd", "/run/systemd/system"}) {
    if (tree.exists(path)) return true;
  }
  const bool has_init = tree.exists("/sbin/init") || tree.exists("/usr/sbin/init");
  return !tree.is_live() && !has_init && tree.exists("/etc/systemd");
}

}  // namespace

unsigned systemd_version_in(const std::string& name) {
  constexpr std::string_view kPrefix = "libsystemd-shared-";
  if (!name.starts_with(kPrefix)) return 0;
  const unsigned long version = std::strtoul(name.c_str() + kPrefix.size(), nullptr, 10);
  return version < 100'000 ? static_cast<unsigned>(version) : 0;
}

SleepSettings read_sleep_settings(const TreeReader& reader) {
  SleepSettings settings;
  settings.has_systemd = has_systemd(reader.tree());
  settings.systemd_version = systemd_version(reader.tree());
  for (const std::string& path :
       reader.with_drop_ins({"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"},
                            "sleep.conf", ".conf")) {
    if (const auto text = reader.text(path)) take_section(path, *text, settings);
  }
  for (const std::string folder : {"/etc/systemd/system/", "/run/systemd/system/"}) {
    for (const std::string unit : kUnits) {
      if (reader.tree().link(folder + unit) == "/dev/null")
        settings.masked_units.push_back({folder + unit, std::nullopt, "", std::nullopt, "-> /dev/null"});
    }
  }
  return settings;
}

}  // namespace hib::diagnose::boot
