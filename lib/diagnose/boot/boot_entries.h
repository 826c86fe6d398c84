// What boot loaders boot: the entries of GRUB's configuration and of the Boot Loader Specification, and the
// lines of simpler loaders.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/diagnose/boot/tree_reader.h"
#include "lib/diagnose/cause.h"

namespace hib::diagnose::boot {

struct BootEntry {
  std::string id;                    // of a file: its name without ".conf"; of GRUB: its --id, or empty
  std::string title;                 // hostile, as everything here
  std::string kernel;                // as the loader names it: "/boot/vmlinuz-6.1.0-44-amd64"
  std::string release;               // of that kernel, from "version" or from the file's name; or empty
  std::vector<std::string> initrds;  // as the loader names them
  std::string options;               // the kernel's command line
  std::string position;              // GRUB: "0", "1>2", as its "default" counts
  Evidence evidence;                 // the line that has the command line
};

enum class Loader : std::uint8_t { Grub, SystemdBoot, Extlinux, Refind, Limine, RaspberryPi };
std::string_view name_of(Loader loader);

struct BootEntries {
  std::optional<Loader> loader;  // whose configuration was found first
  std::string config;            // its main file
  std::vector<BootEntry> entries;
  std::optional<std::size_t> default_entry;  // nothing where it cannot be told
};

BootEntries read_boot_entries(const TreeReader& reader);

// "vmlinuz-6.1.0-44-amd64" -> "6.1.0-44-amd64"; empty for names without a release.
std::string release_in_name(const std::string& kernel);

}  // namespace hib::diagnose::boot
