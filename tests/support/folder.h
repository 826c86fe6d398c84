// A folder with files for a test, gone when the test ends; also as the captured tree of a machine.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "lib/device/probe/tree.h"
#include "tests/support/catch.h"

namespace hib::test {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "hibtest-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void file(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  void link(const std::string& name, const std::string& target) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::filesystem::create_symlink(target, path_ / name);
  }
  std::string path() const { return path_.string(); }
  device::Tree tree() const {
    std::filesystem::create_directories(path_ / "sys");
    auto tree = device::Tree::captured(path());
    REQUIRE(tree);
    return *tree;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace hib::test
