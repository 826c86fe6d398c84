// Ten thousand seeded mutants of hibernation images: no crash, no hang, no wild allocation. HIB_CORPUS names
// the folder with the conformance images (samples/swsusp/generate); HIB_REAL_IMAGE, where it is set, a disk
// that a kernel wrote, of which HIB_REAL_MUTANTS (10,000) mutants are opened and described, and every 50th is
// verified.

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "format/registry.h"
#include "format/swsusp/layout.h"
#include "lib/ops/carve.h"
#include "lib/ops/inspect.h"
#include "lib/ops/verify.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;

namespace {

constexpr std::size_t kMutants = 10000;
constexpr std::size_t kCarvedMutants = 3500;
constexpr std::uint64_t kMemoryLimit = std::uint64_t{512} << 20;
constexpr auto kTimeLimit = std::chrono::seconds(5);
constexpr std::uint64_t kPage = 4096;

struct Change {
  std::uint64_t offset = 0;
  std::vector<std::byte> bytes;
};

OpenOptions all_options() {
  OpenOptions options;
  options.salvage = true;
  options.passphrase = "correct horse";
  return options;
}

// A copy of an image, changed in a few places and changed back: faster than writing it anew.
class Subject {
 public:
  Subject(const std::string& source, const TempFolder& folder) : path_(folder.file("subject")) {
    std::filesystem::copy_file(source, path_, std::filesystem::copy_options::overwrite_existing);
    fd_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
    size_ = std::filesystem::file_size(path_);
    // Where the structures are: what inspect --map calls anything but data.
    const auto image = must(open_image(path_, "", all_options()));
    const auto map = must(image->map()).tiled(size_);
    for (const LabelledRange& range : map) {
      if (range.label.starts_with("unlabelled") || range.label.find("data") != std::string::npos) continue;
      structures_.push_back(range);
    }
  }
  ~Subject() { ::close(fd_); }

  void mutate(std::mt19937& random) {
    const unsigned count = 1 + static_cast<unsigned>(random()) % 3;
    for (unsigned i = 0; i < count; ++i) {
      static constexpr std::size_t kWidths[] = {1, 2, 4, 8};
      const std::size_t width = kWidths[random() % 4];
      change(place(random, width), width, random);
    }
  }
  void restore() {
    for (auto it = undo_.rbegin(); it != undo_.rend(); ++it)
      REQUIRE(::pwrite(fd_, it->bytes.data(), it->bytes.size(), static_cast<off_t>(it->offset)) > 0);
    undo_.clear();
  }
  // What lies behind it is found without it.
  void wipe_header() {
    const std::vector<std::byte> zeros(kPage);
    REQUIRE(::pwrite(fd_, zeros.data(), zeros.size(), 0) == static_cast<ssize_t>(zeros.size()));
  }
  const std::string& path() const { return path_; }

 private:
  std::uint64_t place(std::mt19937& random, std::size_t width) const {
    const unsigned kind = static_cast<unsigned>(random()) % 8;
    std::uint64_t at = 0;
    if (kind == 0) {
      at = random() % size_;
    } else if (kind <= 2) {  // the hibernation header
      at = kPage - swsusp::kTailBytes + random() % swsusp::kTailBytes;
    } else {
      const LabelledRange& range = structures_[random() % structures_.size()];
      at = range.offset + random() % std::min<std::uint64_t>(range.size, kind == 3 ? range.size : 512);
    }
    return std::min(at / width * width, size_ - width);
  }

  void change(std::uint64_t offset, std::size_t width, std::mt19937& random) {
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
    const unsigned choice = static_cast<unsigned>(random()) % (std::size(kValues) + 8);
    const le64 value = choice < std::size(kValues) ? kValues[choice]
                       : choice % 2 != 0           ? random() % 4096
                                                   : (std::uint64_t{random()} << 32) | random();
    Change old{offset, std::vector<std::byte>(width)};
    REQUIRE(::pread(fd_, old.bytes.data(), width, static_cast<off_t>(offset)) == static_cast<ssize_t>(width));
    REQUIRE(::pwrite(fd_, &value, width, static_cast<off_t>(offset)) == static_cast<ssize_t>(width));
    undo_.push_back(std::move(old));
  }

  std::string path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::vector<LabelledRange> structures_;
  std::vector<Change> undo_;
};

// VmHWM, since getrusage() still counts the process that this one was forked from.
std::uint64_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    std::uint64_t kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib * 1024;
  }
  return ~std::uint64_t{0};
}

// Everything that the command line does with an image, through the same door.
void use(const std::string& path, bool whole) {
  const auto image = open_image(path, "", all_options());
  if (!image) {
    CHECK_FALSE(image.error().found.empty());
    return;
  }
  static_cast<void>(inspect(**image, {true, true}));
  if (whole) static_cast<void>(verify(**image, 2, {}));
}

// The same with all that is found without a header.
void use_carved(const std::string& path) {
  const auto found = carve(formats(), path, all_options(), {});
  REQUIRE(found);
  CHECK(found->found.images.size() < 300);
  for (const CarvedImage& one : found->found.images) {
    OpenOptions options = all_options();
    options.at = one.at;
    const auto image = open_image(path, "", options);
    if (image) static_cast<void>(verify(**image, 2, {}));
  }
}

void run_mutants(Subject& subject, std::size_t count, unsigned first_seed,
                 const std::function<void(std::size_t number)>& use_mutant) {
  std::size_t slow = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::mt19937 random(first_seed + static_cast<unsigned>(i));
    subject.mutate(random);
    const auto start = std::chrono::steady_clock::now();
    use_mutant(i);
    if (std::chrono::steady_clock::now() - start > kTimeLimit) {
      ++slow;
      WARN("seed " << first_seed + i << " took more than 5 s");
    }
    subject.restore();
  }
  CHECK(slow == 0);
  CHECK(peak_bytes() < kMemoryLimit);
}

}  // namespace

TEST_CASE("Ten thousand mutants of the conformance images are read or refused in time and memory") {
  const char* corpus = std::getenv("HIB_CORPUS");
  REQUIRE(corpus != nullptr);
  static constexpr const char* kImages[] = {"data-33",
                                            "lz4",
                                            "lzo-random",
                                            "none",
                                            "pfn-page-full-plus-one",
                                            "fragmented",
                                            "mbr-partition",
                                            "page-size-16k",
                                            "word-32",
                                            "consumed",
                                            "big-endian",
                                            "straddling-map-pages",
                                            "snapshot",
                                            "uswsusp-md5",
                                            "uswsusp-compressed",
                                            "uswsusp-encrypted",
                                            "kernel",
                                            "kernel-32"};
  unsigned seed = 0;
  for (const char* image : kImages) {
    INFO(image);
    const TempFolder folder;
    Subject subject(std::string(corpus) + "/" + image + ".img", folder);
    run_mutants(subject, kMutants / std::size(kImages), seed,
                [&](std::size_t) { use(subject.path(), true); });
    seed += kMutants;
  }
}

TEST_CASE("Mutants of images without a header are found or passed over in time and memory") {
  const char* corpus = std::getenv("HIB_CORPUS");
  REQUIRE(corpus != nullptr);
  static constexpr const char* kImages[] = {"straddling-map-pages", "lz4",        "none",       "kernel",
                                            "fragmented",           "big-endian", "uswsusp-md5"};
  unsigned seed = 0;
  for (const char* image : kImages) {
    INFO(image);
    const TempFolder folder;
    Subject subject(std::string(corpus) + "/" + image + ".img", folder);
    subject.wipe_header();
    run_mutants(subject, kCarvedMutants / std::size(kImages), seed,
                [&](std::size_t) { use_carved(subject.path()); });
    seed += kMutants;
  }
}

TEST_CASE("Mutants of an image that a kernel wrote are read or refused in time and memory") {
  const char* real = std::getenv("HIB_REAL_IMAGE");
  if (real == nullptr) return;                          // tests/vm/test_hibernation.py names one
  const char* count = std::getenv("HIB_REAL_MUTANTS");  // each makes the kernel's memory be searched anew
  const TempFolder folder;
  Subject subject(real, folder);
  run_mutants(subject, count == nullptr ? kMutants : std::strtoul(count, nullptr, 10), 1,
              [&](std::size_t number) { use(subject.path(), number % 50 == 0); });
}
