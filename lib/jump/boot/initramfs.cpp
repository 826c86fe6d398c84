#include "lib/jump/boot/initramfs.h"

#include <link.h>
#include <sys/stat.h>

#include <algorithm>

#include <fmt/format.h>

#include "lib/os/file.h"

namespace hib::jump {
namespace {

// As the loader knows them: under the names that it would look for again.
std::vector<std::string> loaded_libraries() {
  std::vector<std::string> paths;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        if (info->dlpi_name != nullptr && info->dlpi_name[0] == '/')
          static_cast<std::vector<std::string>*>(data)->emplace_back(info->dlpi_name);
        return 0;
      },
      &paths);
  return paths;
}

}  // namespace

Initramfs::Initramfs() {
  for (const char* folder : {"dev", "proc", "sys"}) add_folders_of(std::string(folder) + "/x");
}

void Initramfs::add_file(const std::string& path, ByteView content, unsigned mode) {
  add_folders_of(path);
  add_entry(path, S_IFREG | mode, content, 0, 0);
}

void Initramfs::add_character_device(const std::string& path, unsigned mode, unsigned major, unsigned minor) {
  add_folders_of(path);
  add_entry(path, S_IFCHR | mode, {}, major, minor);
}

Result<void> Initramfs::add_this_program(const std::string& path) {
  TRY(const auto program, File::read_whole("/proc/self/exe"));
  add_file(path, program, 0755);
  for (const std::string& library : loaded_libraries()) {
    TRY(const auto content, File::read_whole(library));
    add_file(library.substr(1), content, 0755);
  }
  return {};
}

std::vector<std::byte> Initramfs::finish() {
  add_entry("TRAILER!!!", 0, {}, 0, 0);
  return std::move(bytes_);
}

void Initramfs::add_folders_of(const std::string& path) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    if (std::find(folders_.begin(), folders_.end(), folder) != folders_.end()) continue;
    folders_.push_back(folder);
    add_entry(folder, S_IFDIR | 0755, {}, 0, 0);
  }
}

void Initramfs::add_entry(const std::string& path, unsigned mode, ByteView content, unsigned major,
                          unsigned minor) {
  const std::string header =
      fmt::format("070701{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}",
                  ++inode_, mode, 0, 0, 1, 0, content.size(), 0, 0, major, minor, path.size() + 1, 0);
  const auto append = [&](ByteView bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    bytes_.resize(round_up(bytes_.size(), 4));
  };
  append(as_bytes(header + path + '\0'));
  append(content);
}

}  // namespace hib::jump
