// Initramfs and unified kernel images of anybody: what is kept of them stays within limits.

#include <cstdlib>

#include "lib/diagnose/boot/initramfs.h"
#include "tests/fuzz/input_file.h"

using namespace hib::diagnose::boot;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto initramfs = read_initramfs(input_file(data, size), "/boot/initrd.img");
  if (!initramfs) return 0;
  if (initramfs->entries == 0 || initramfs->wrappings.empty()) std::abort();
  // What stopped it may lie before what resumes.
  if (!initramfs->is_whole() && resumes(*initramfs) == Resumes::No) std::abort();
  for (const char* codec : {"lzo", "lz4", "none"}) static_cast<void>(codec_in(*initramfs, codec, "x.ko\n"));
  static_cast<void>(early_graphics_drivers(*initramfs));
  static_cast<void>(module_option(initramfs->module_options, "nvidia", "a"));
  return 0;
}
