// Ten thousand seeded mutants each of an ELF, a kdump, a LiME and an AVML file, and of flattened ones: no
// crash, no hang, no wild allocation, and no page past the end of what the file holds. Field-directed: most
// changes hit headers and tables, with the values that break arithmetic.

#include <sys/resource.h>

#include <chrono>
#include <filesystem>

#include "format/avml/writer.h"
#include "format/elf/writer.h"
#include "format/kdump/writer.h"
#include "format/lime/writer.h"
#include "lib/ops/verify.h"
#include "tests/support/flattened.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;

namespace {

constexpr std::size_t kMutants = 10000;
constexpr std::size_t kPages = 12;
constexpr rlim_t kMemoryLimit = rlim_t{512} << 20;  // of growth over what the test itself maps
constexpr auto kTimeLimit = std::chrono::seconds(5);

std::vector<std::byte> make(const TempFolder& folder, const std::string& format) {
  write_file(folder.file("m"), sample_memory(kPages, 3));
  const auto source = open_or_fail(folder.file("m"), false, "raw");
  auto output = must(Output::create(folder.file("image"), true));
  auto sink = must(format == "elf" || format == "elf-flattened" ? elf::make_writer(*output, *source)
                   : format == "avml"                           ? avml::make_writer(*output, *source)
                   : format == "lime"
                       ? lime::make_writer(*output, *source)
                       : kdump::make_writer(*output, *source,
                                            format == "kdump-zlib" ? kdump::Codec::Zlib : kdump::Codec::Lzo));
  PipelineOptions options;
  options.threads = 1;
  must(run_pipeline(*source, sink.get(), options));
  const auto image = read_file(folder.file("image"));
  return format.ends_with("-flattened") ? flatten_backwards(image, 3000) : image;
}

std::uint64_t interesting_value(std::mt19937& random, std::uint64_t file_bytes) {
  static constexpr std::uint64_t kValues[] = {0,
                                              1,
                                              2,
                                              7,
                                              0x7F,
                                              0x80,
                                              0xFF,
                                              0xFFF,
                                              0x1000,
                                              0x1001,
                                              0xFFFF,
                                              0x7FFFFFFF,
                                              0x80000000,
                                              0xFFFFFFFF,
                                              0x100000000,
                                              0x7FFFFFFFFFFFFFFF,
                                              0x8000000000000000,
                                              0xFFFFFFFFFFFFFFFF,
                                              0xFFFFFFFFFFFFF000};
  const unsigned choice = static_cast<unsigned>(random()) % 24;
  if (choice < std::size(kValues)) return kValues[choice];
  if (choice == 20) return file_bytes;
  if (choice == 21) return file_bytes - 1;
  if (choice == 22) return file_bytes + 1;
  return (std::uint64_t{random()} << 32) | random();
}

std::vector<std::byte> mutate(const std::vector<std::byte>& good, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes = good;
  const unsigned changes = 1 + static_cast<unsigned>(random()) % 3;
  for (unsigned i = 0; i < changes; ++i) {
    const std::size_t zone =
        random() % 4 == 0 ? bytes.size()
                          : std::min<std::size_t>(bytes.size(), 4096 * 5);  // headers and tables come first
    static constexpr std::size_t kWidths[] = {1, 2, 4, 8};
    const std::size_t width = kWidths[random() % 4];
    if (zone <= width) continue;
    const std::size_t at = (random() % (zone - width)) & ~(width - 1);
    const le64 value = interesting_value(random, good.size());
    std::memcpy(bytes.data() + at, &value, width);
  }
  if (random() % 8 == 0) bytes.resize(random() % bytes.size());
  return bytes;
}

// Everything that the command line does with an image, through the same door.
void use(const std::string& path) {
  OpenOptions options;
  options.salvage = true;
  const auto image = open_image(path, "", options);
  if (!image) {
    CHECK_FALSE(image.error().found.empty());
    return;
  }
  static_cast<void>((*image)->map());
  const auto report = verify(**image, 1, {});
  if (!report) {
    CHECK_FALSE(report.error().found.empty());
    return;
  }
  // No reader invents bytes: what is present was read from the file or is a page of it that many descriptors
  // share.
  CHECK(report->pages.present() <= std::max<std::uint64_t>((*image)->info().pages.present(), 1));
}

void run_mutants(const std::string& format) {
  const TempFolder folder;
  const auto good = make(folder, format);
  const std::string path = folder.file("mutant");
  std::size_t slow = 0;
  for (unsigned seed = 0; seed < kMutants; ++seed) {
    write_file(path, mutate(good, seed));
    const auto start = std::chrono::steady_clock::now();
    use(path);
    if (std::chrono::steady_clock::now() - start > kTimeLimit) ++slow;
  }
  CHECK(slow == 0);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  CHECK(static_cast<rlim_t>(usage.ru_maxrss) * 1024 < kMemoryLimit);
}

}  // namespace

TEST_CASE("Ten thousand mutants of an ELF file are read or refused in time and memory") {
  run_mutants("elf");
}
TEST_CASE("Ten thousand mutants of a LiME file are read or refused in time and memory") {
  run_mutants("lime");
}
TEST_CASE("Ten thousand mutants of a kdump file (LZO) are read or refused in time and memory") {
  run_mutants("kdump");
}
TEST_CASE("Ten thousand mutants of a kdump file (zlib) are read or refused in time and memory") {
  run_mutants("kdump-zlib");
}
TEST_CASE("Ten thousand mutants of an AVML file are read or refused in time and memory") {
  run_mutants("avml");
}
TEST_CASE("Ten thousand mutants of a flattened kdump file are read or refused in time and memory") {
  run_mutants("kdump-flattened");
}
TEST_CASE("Ten thousand mutants of a flattened ELF file are read or refused in time and memory") {
  run_mutants("elf-flattened");
}
