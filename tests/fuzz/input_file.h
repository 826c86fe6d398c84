// Readers take files, so the input of a fuzz target becomes one.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <unistd.h>

// A single file, rewritten for each input; gone when the process ends.
inline const std::string& input_file(const std::uint8_t* data, std::size_t size) {
  static const std::string path = [] {
    const char* folder = std::getenv("TMPDIR");
    std::string name = std::string(folder != nullptr ? folder : "/tmp") + "/hibfuzz-XXXXXX";
    const int fd = ::mkstemp(name.data());
    if (fd < 0) std::abort();
    ::close(fd);
    return name;
  }();
  static const int removal = std::atexit([] { ::unlink(path.c_str()); });
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr || removal != 0) std::abort();
  std::fwrite(data, 1, size, file);
  std::fclose(file);
  return path;
}
