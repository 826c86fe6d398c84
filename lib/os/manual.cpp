#include "lib/os/manual.h"

#include <filesystem>

#include "lib/os/spawn.h"

namespace hib {
namespace {

// Empty: there is none.
std::string file_of_page(const std::string& page) {
  std::error_code unknown;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  const std::filesystem::path folder = program.parent_path();
  const std::filesystem::path installed = folder.parent_path() / "share/man/man1";
  for (const auto& file :
       {folder / "man" / (page + ".1"), installed / (page + ".1.gz"), installed / (page + ".1")}) {
    if (std::filesystem::is_regular_file(file, unknown)) return file.string();
  }
  return "";
}

}  // namespace

bool show_manual(const std::string& page) {
  const std::string file = file_of_page(page);
  if (file.empty() || acts_for_another_user()) return false;  // man runs $MANPAGER
  const auto man = spawn({{"man", file}, {}});
  return man && wait_for(*man) == 0;
}

}  // namespace hib
