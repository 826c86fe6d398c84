// Putting the signature of a consumed hibernation image back, and what speaks against it. A machine whose
// image or whose file systems changed since would be ruined.

#include "lib/ops/rearm.h"

#include "lib/ops/convert.h"

#include <cstdlib>
#include <filesystem>

#include "format/swsusp/layout.h"
#include "format/swsusp/rearm.h"
#include "lib/codec/crc32.h"
#include "lib/fs/memory_scan.h"
#include "lib/fs/on_disk.h"
#include "lib/fs/written_since.h"
#include "lib/ops/verify.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;
using fs::kCheckTime;
using fs::kDirectories;
using fs::kGeneration;
using fs::kLogHead;
using fs::kMountCount;
using fs::kMountTime;
using fs::kUnreadable;
using fs::kWriteTime;
using fs::Marks;
using fs::ReadBy;
using fs::SavedMarks;
using fs::Since;

namespace {

constexpr std::size_t kPage = 4096;
constexpr const char* kUuid = "30313233-3435-3637-3839-616263646566";  // of "0123456789abcdef"

template <typename T>
void put(std::vector<std::byte>& content, std::size_t at, T value) {
  const ByteView raw = object_bytes(value);
  std::copy(raw.begin(), raw.end(), content.begin() + static_cast<std::ptrdiff_t>(at));
}

void put_text(std::vector<std::byte>& content, std::size_t at, std::string_view text) {
  const ByteView raw = as_bytes(text);
  std::copy(raw.begin(), raw.end(), content.begin() + static_cast<std::ptrdiff_t>(at));
}

// ---- file systems, as pages of memory or as the beginning of a disk

struct Ext {
  std::uint32_t mount_time = 1000;
  std::uint32_t write_time = 2000;
  std::uint32_t check_time = 500;
  std::uint16_t mount_count = 7;
};

void put_ext(std::vector<std::byte>& content, const Ext& ext, std::size_t begin = 0) {
  const std::size_t at = begin + 1024;
  put_text(content, at + 104, "0123456789abcdef");
  put(content, at, le32(64));       // inodes
  put(content, at + 4, le32(256));  // blocks
  put(content, at + 44, le32(ext.mount_time));
  put(content, at + 48, le32(ext.write_time));
  put(content, at + 52, le16(ext.mount_count));
  put(content, at + 56, le16(0xEF53));
  put(content, at + 64, le32(ext.check_time));
  put(content, at + 76, le32(1));
}

std::vector<std::byte> ext_page(const Ext& ext) {
  std::vector<std::byte> page(kPage);
  put_ext(page, ext);
  return page;
}

void put_btrfs(std::vector<std::byte>& content, std::uint64_t generation, std::size_t begin = 0) {
  put_text(content, begin + 32, "0123456789abcdef");
  put_text(content, begin + 64, "_BHRfS_M");
  put(content, begin + 72, le64(generation));
}

std::vector<std::byte> btrfs_page(std::uint64_t generation) {
  std::vector<std::byte> page(kPage);
  put_btrfs(page, generation);
  return page;
}

void put_xfs(std::vector<std::byte>& content, std::size_t begin, std::uint32_t log_blocks = 4) {
  put_text(content, begin, "XFSB");
  put_text(content, begin + 32, "0123456789abcdef");
  put(content, begin + 48, be64(16));  // the log's first block
  put(content, begin + 84, be32(64));  // blocks of a group
  put(content, begin + 88, be32(1));   // groups
  put(content, begin + 96, be32(log_blocks));
  content[begin + 120] = std::byte{12};  // 4 KiB
  content[begin + 124] = std::byte{6};
}

struct LogRecord {
  std::uint32_t cycle = 0;
  std::uint32_t sector = 0;  // of its header
  std::uint32_t bytes = 0;
  std::uint32_t previous = 0;   // sector of the record before
  bool knows_its_place = true;  // forgotten once it is written
};

void put_log_record(std::vector<std::byte>& content, std::size_t begin, const LogRecord& record) {
  put(content, begin, be32(fs::kXfsLogMagic));
  put(content, begin + 4, be32(record.cycle));
  put(content, begin + 8, be32(2));
  put(content, begin + 12, be32(record.bytes));
  put(content, begin + 16,
      be64(record.knows_its_place ? std::uint64_t{record.cycle} << 32 | record.sector : 0));
  put(content, begin + 36, be32(record.previous));
  put_text(content, begin + 304, "0123456789abcdef");
  put(content, begin + 320, be32(32768));
}

// The kernel's ring after `last` has been written: it, and the two before, of two sectors each.
std::vector<LogRecord> written(LogRecord last) {
  const auto before = [&](std::uint32_t sectors) {
    return LogRecord{last.cycle, last.sector - sectors, 512, last.sector - sectors - 2, false};
  };
  last.previous = last.sector - 2;
  last.knows_its_place = false;
  return {last, before(4), before(2)};
}

// Superblock and records in sectors of one page, as the kernel packs small buffers.
std::vector<std::byte> xfs_page(const std::vector<LogRecord>& records) {
  std::vector<std::byte> page(kPage);
  put_xfs(page, 512);
  for (std::size_t i = 0; i < records.size(); ++i) put_log_record(page, 1024 + 512 * i, records[i]);
  return page;
}

// A disk of that XFS file system: a log of `sectors` sectors, the first `head` of them of pass `cycle`.
std::vector<std::byte> xfs_disk(std::uint32_t cycle, std::size_t head, std::size_t sectors = 32) {
  std::vector<std::byte> disk(256 * kPage);
  put_xfs(disk, 0, static_cast<std::uint32_t>(sectors / 8));
  for (std::size_t i = 0; i < sectors; ++i)
    put(disk, 16 * kPage + i * 512, be32(i < head ? cycle : cycle - 1));
  return disk;
}

fs::MemoryScan scan(const std::vector<std::vector<std::byte>>& pages) {
  PageBatch batch;
  Pfn pfn = 0x100;
  for (const auto& page : pages) batch.items.push_back({{pfn++, 1, PageState::Data, 0}, page.data(), {}});
  batch.items.push_back({{pfn++, 4, PageState::Fill, 0}, nullptr, {}});
  batch.items.push_back({{pfn, 1, PageState::Data, 0}, nullptr, {}});
  fs::MemoryScan memory;
  memory.add(batch, kPage);
  return memory;
}

SavedMarks in_memory(const std::vector<std::vector<std::byte>>& pages, std::uint64_t log_sectors = 0) {
  return scan(pages).of(kUuid, log_sectors).marks;
}

Marks ext_marks(const Ext& ext) {
  return {{kMountTime, std::to_string(ext.mount_time)},
          {kWriteTime, std::to_string(ext.write_time)},
          {kCheckTime, std::to_string(ext.check_time)},
          {kMountCount, std::to_string(ext.mount_count)}};
}

Since since(const SavedMarks& saved, const Marks& here, std::uint64_t snapshot_ns = 0) {
  return fs::written_since(saved, here, snapshot_ns).since;
}

SavedMarks one(const char* name, const std::string& value, ReadBy by) {
  SavedMarks saved;
  saved.marks.push_back({name, value, by});
  return saved;
}

// ---- images

std::vector<std::byte> sample(const std::string& name) {
  const char* corpus = std::getenv("HIB_CORPUS");
  REQUIRE(corpus != nullptr);
  auto content = read_file(std::string(corpus) + "/" + name + ".img");
  REQUIRE_FALSE(content.empty());
  return content;
}

std::vector<std::byte> with_signature(std::vector<std::byte> content, std::string_view signature) {
  put_text(content, kPage - swsusp::kSigFromEnd, signature);
  return content;
}

// The sample "consumed" with other pages. Its blocks ascend, and its chunks are one run of literals each, so
// that the bytes of a page lie there as they are; the checksum is made anew.
std::vector<std::byte> consumed_with(const std::vector<std::byte>& new_page) {
  constexpr std::size_t kFirstChunk = 3 * kPage;  // behind header, map page and info page
  constexpr std::size_t kPagesOfChunks[] = {32, 9};
  auto content = sample("consumed");
  std::uint32_t sum = 0xFFFFFFFF;
  std::size_t at = kFirstChunk;
  for (const std::size_t pages : kPagesOfChunks) {
    le64 length;
    std::memcpy(&length, content.data() + at, sizeof(length));
    const std::size_t bytes = pages * kPage;
    const std::size_t begin = at + sizeof(length) + 2 + (bytes - 19) / 255;
    if (at == kFirstChunk)  // its second page: the first holds PFNs
      std::copy(new_page.begin(), new_page.end(),
                content.begin() + static_cast<std::ptrdiff_t>(begin + kPage));
    sum = crc32(sum, ByteView(content).subspan(begin, bytes));
    at += round_up(sizeof(length) + length, kPage);
  }
  put(content, kPage - swsusp::kCrcFromEnd, le32(~sum));
  return content;
}

class Image {
 public:
  explicit Image(const std::vector<std::byte>& content) { write_file(path_, content); }

  Image& with_disk(const std::string& name, const std::vector<std::byte>& content) {
    const std::string path = folder_.file(name);
    write_file(path, content);
    devices_.push_back(path);
    return *this;
  }
  Image& against(const std::string& copy) {
    against_ = copy;
    return *this;
  }
  Image& trusting_slots() {
    trusts_slots_ = true;
    return *this;
  }
  Result<RearmReport> rearmed(bool write = false) const {
    RearmRequest request;
    request.against = against_;
    request.trust_swapped = trusts_slots_;
    request.image = path_;
    request.devices = devices_;
    request.write = write;
    request.threads = 1;
    return rearm(formats(), request);
  }
  std::vector<std::byte> content() const { return read_file(path_); }
  const std::string& path() const { return path_; }

 private:
  TempFolder folder_;
  std::string path_ = folder_.file("image");
  std::vector<std::string> devices_;
  std::string against_;
  bool trusts_slots_ = false;
};

// Not possible, by that check, and nothing is written either way.
void check_speaks_against(const Image& image, const std::string& name, const std::string& text) {
  const auto before = image.content();
  for (const bool write : {false, true}) {
    const RearmReport report = must(image.rearmed(write));
    CHECK_FALSE(report.possible());
    CHECK_FALSE(report.written);
    const auto it = std::find_if(report.checks.begin(), report.checks.end(),
                                 [&](const RearmCheck& check) { return check.name == name; });
    REQUIRE(it != report.checks.end());
    CHECK_FALSE(it->ok);
    CHECK(it->text == text);
  }
  CHECK(image.content() == before);
}

Verdict verdict_of(const Image& image) {
  const auto reader = open_or_fail(image.path(), true);
  return must(verify(*reader, 1, {})).verdict;
}

const std::string kExtCheck = std::string("file system ") + kUuid;

}  // namespace

// ---- images

TEST_CASE("A consumed image whose blocks are whole can be armed, and is only when asked to be") {
  const Image image(sample("consumed"));
  const auto before = image.content();
  const RearmReport asked = must(image.rearmed());
  CHECK(asked.possible());
  CHECK_FALSE(asked.written);
  CHECK_FALSE(asked.armed_already);
  REQUIRE(asked.checks.size() == 3);
  CHECK(asked.checks[0].name == "image");
  CHECK(asked.checks[0].text == "every layer verifies, the checksum included: the blocks are untouched");
  CHECK(asked.checks[1].name == "swapped-out pages");
  CHECK(asked.checks[1].text == "none: every slot that may be in use is zero");
  CHECK(asked.checks[2].name == "file systems");
  CHECK(asked.checks[2].text == "none in the machine's memory");
  CHECK(image.content() == before);

  const RearmReport done = must(image.rearmed(true));
  CHECK(done.possible());
  CHECK(done.written);
  CHECK(open_or_fail(image.path())->info().state == ImageState::Armed);
  CHECK(verdict_of(image) == Verdict::Good);
  CHECK(image.content() == with_signature(before, swsusp::kSigArmed));
}

TEST_CASE("An image that a kernel consumed is after arming what it was before, byte for byte") {
  for (const char* name : {"data-33", "lz4", "hw-sig", "bad-pages", "zero-middle", "word-32", "uswsusp-md5",
                           "uswsusp-compressed"}) {
    INFO(name);
    const auto armed = sample(name);
    const Image image(with_signature(armed, swsusp::kSigSwap2));
    REQUIRE(must(image.rearmed(true)).written);
    CHECK(image.content() == armed);
  }
}

TEST_CASE("An armed image stays as it is") {
  const Image image(sample("data-33"));
  const auto before = image.content();
  const RearmReport report = must(image.rearmed(true));
  CHECK(report.possible());
  CHECK(report.armed_already);
  CHECK_FALSE(report.written);
  CHECK(image.content() == before);
}

TEST_CASE("A consumed image that is damaged is not armed, and the first damage is said") {
  const Image image(sample("consumed-overwritten"));
  const RearmReport report = must(image.rearmed());
  REQUIRE_FALSE(report.checks.empty());
  CHECK(report.checks[0].text.starts_with("damaged: "));
  CHECK(report.checks[0].text.find("chunk 1") != std::string::npos);
  check_speaks_against(image, "image", report.checks[0].text);
}

TEST_CASE("A consumed image without a checksum, or with an unknown restore record, is not armed") {
  const std::string text =
      "not all of it can be proven: it carries no checksum, or a restore record of an unknown kind";
  for (const char* name : {"no-crc", "none", "uswsusp", "record-unknown"})
    check_speaks_against(Image(with_signature(sample(name), swsusp::kSigSwap2)), "image", text);
}

TEST_CASE("A plain swap area holds nothing to arm") {
  const Image image(sample("plain"));
  const auto report = image.rearmed(true);
  REQUIRE_FALSE(report);
  CHECK(report.error().kind == ErrorKind::Refused);
  CHECK(report.error().file == image.path());
  CHECK(report.error().where == "rearm");
  CHECK(report.error().found == "a swap area without an image");
  CHECK(report.error().allowed == "a consumed hibernation image in a swap area");
}

TEST_CASE("An image that no kernel consumes cannot be armed") {
  const TempFolder folder;
  write_file(folder.file("raw"), sample_memory(16, 1));
  pack(folder.file("raw"), folder.file("hib"));
  for (const auto& [content, format] : {std::pair(read_file(folder.file("hib")), ".hib image"),
                                        std::pair(sample("snapshot"), "hibernation snapshot")}) {
    const Image image(content);
    const auto report = image.rearmed(true);
    REQUIRE_FALSE(report);
    CHECK(report.error().kind == ErrorKind::NotRecognised);
    CHECK(report.error().found == format);
    CHECK(report.error().allowed == "a consumed hibernation image in a swap area");
  }
}

TEST_CASE("What cannot be looked at is an error: no image, or a device that is not there") {
  const auto nothing = Image(std::vector<std::byte>(8 * kPage)).rearmed();
  REQUIRE_FALSE(nothing);
  CHECK(nothing.error().kind == ErrorKind::NotRecognised);
  RearmRequest request;
  const Image image(consumed_with(ext_page({})));
  request.image = image.path();
  request.devices = {image.path() + "-not-there"};
  request.write = true;
  const auto missing = rearm(formats(), request);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == ErrorKind::NotFound);
  CHECK(missing.error().file == image.path() + "-not-there");
}

// ---- images that change while they are looked at

namespace {

void check_other_state(const Result<void>& put_back, const std::string& path) {
  REQUIRE_FALSE(put_back);
  const Error& error = put_back.error();
  CHECK(error.kind == ErrorKind::Refused);
  CHECK(error.file == path);
  CHECK(error.where == "swap header");
  CHECK(error.found == "another state than a moment ago");
  CHECK(error.allowed == "a consumed image");
}

}  // namespace

TEST_CASE("The signature is put back over a consumed image only, whoever has found that safe before") {
  for (const char* name : {"data-33", "plain", "uswsusp-md5"}) {
    INFO(name);
    const auto content = sample(name);
    const Image image(content);
    check_other_state(swsusp::put_signature_back(image.path(), {}), image.path());
    CHECK(image.content() == content);
  }
  const Image consumed(sample("consumed"));
  must(swsusp::put_signature_back(consumed.path(), {}));
  CHECK(consumed.content() == with_signature(sample("consumed"), swsusp::kSigArmed));
}

TEST_CASE("An image that somebody writes into while it is verified is not armed over that") {
  const auto consumed = sample("consumed");
  auto plain = consumed;  // mkswap
  const auto made = sample("plain");
  std::copy_n(made.begin(), kPage, plain.begin());
  for (const auto& other : {plain, with_signature(consumed, swsusp::kSigArmed)}) {
    const Image image(consumed);
    RearmRequest request;
    request.image = image.path();
    request.write = true;
    request.threads = 1;
    request.progress = [&](const Progress& progress) {
      if (progress.done_bytes == progress.total_bytes) write_file(image.path(), other);
    };
    const auto report = rearm(formats(), request);
    REQUIRE_FALSE(report);
    check_other_state(fail(report.error()), image.path());
    CHECK(image.content() == other);
  }
}

// ---- images, and the swapped-out pages beside them

namespace {

const std::string kSlotsCheck = "swapped-out pages";

// A consumed image whose machine has pages in the last two slots of the area.
std::vector<std::byte> with_slots() {
  auto content = sample("consumed");
  std::fill(content.end() - 2 * kPage, content.end() - kPage, std::byte{0x5A});
  std::fill(content.end() - kPage, content.end(), std::byte{0x17});
  return content;
}

std::string copy_of(const std::vector<std::byte>& content, const TempFolder& folder,
                    bool without_swapped = false) {
  write_file(folder.file("copied"), content);
  ConvertRequest request;
  request.write.without_swapped = without_swapped;
  request.source = folder.file("copied");
  request.output = folder.file(without_swapped ? "without.hib" : "copy.hib");
  request.as = formats().find("hib");
  request.threads = 1;
  must(convert(formats(), request));
  return request.output;
}

}  // namespace

TEST_CASE("An image with swapped-out pages beside it is not armed: no checksum covers them") {
  const Image image(with_slots());
  check_speaks_against(image, kSlotsCheck,
                       "2 swapped-out pages cannot be proven: no checksum covers them; --against COPY.hib "
                       "proves them, --trust-swapped-pages takes them as they are");
  CHECK(must(Image(with_slots()).trusting_slots().rearmed(true)).written);
}

TEST_CASE("Swapped-out pages beside an image of uswsusp are proven like any, and not called none") {
  auto content = sample("uswsusp-consumed");
  content.insert(content.end(), 2 * kPage, std::byte{0x5A});
  put(content, swsusp::kSwapLastPage, le32(static_cast<std::uint32_t>(content.size() / kPage - 1)));
  const Image image(content);
  check_speaks_against(image, kSlotsCheck,
                       "2 swapped-out pages cannot be proven: no checksum covers them; --against COPY.hib "
                       "proves them, --trust-swapped-pages takes them as they are");
  const TempFolder folder;
  Image copied(content);
  CHECK(must(copied.against(copy_of(content, folder)).rearmed(true)).written);
  CHECK(copied.content() == with_signature(content, swsusp::kSigUswsusp));
}

TEST_CASE("A copy of the image proves the swapped-out pages, or shows that they have changed") {
  const TempFolder folder;
  const std::string copy = copy_of(with_slots(), folder);
  Image same(with_slots());
  const RearmReport report = must(same.against(copy).rearmed(true));
  CHECK(report.written);
  CHECK(report.checks[1].text == "2 swapped-out pages, as in " + copy);

  auto content = with_slots();
  content.back() ^= std::byte{1};
  Image changed(content);
  check_speaks_against(changed.against(copy), kSlotsCheck, "1 slot changed since " + copy + " was made");
}

TEST_CASE("A copy of another image, or one without swapped-out pages, proves nothing") {
  const TempFolder folder;
  const std::string other = copy_of(sample("lz4"), folder);
  Image image(with_slots());
  check_speaks_against(image.against(other), kSlotsCheck,
                       other + " is not a copy of this image: it has other memory");

  const std::string without = copy_of(with_slots(), folder, true);
  check_speaks_against(image.against(without), kSlotsCheck,
                       without + " was made without the swapped-out pages");
}

// ---- images, and the file systems of their machine

TEST_CASE("An image is armed when the file system that its memory holds lies on a disk as it was") {
  Image image(consumed_with(ext_page({})));
  REQUIRE(verdict_of(image) == Verdict::Good);
  std::vector<std::byte> disk(64 * kPage);
  put_ext(disk, {});
  const RearmReport report = must(image.with_disk("disk", disk).rearmed(true));
  CHECK(report.possible());
  CHECK(report.written);
  REQUIRE(report.checks.size() == 3);
  CHECK(report.checks[2].name == kExtCheck);
  CHECK(report.checks[2].text == "ext, as the machine left it");
}

TEST_CASE("An image is not armed while a file system of its memory has not been found") {
  const Image alone(consumed_with(ext_page({})));
  check_speaks_against(alone, kExtCheck,
                       "the machine used this ext file system, and it is not on " + alone.path() +
                           ": name its disk with --device");
  Image image(consumed_with(ext_page({})));
  image.with_disk("disk", std::vector<std::byte>(64 * kPage));
  check_speaks_against(
      image, kExtCheck,
      "the machine used this ext file system, and it is not on the disks looked at: name its "
      "disk with --device");
}

TEST_CASE("An image is not armed when a file system of its memory was written since, or mounted") {
  std::vector<std::byte> disk(64 * kPage);
  put_ext(disk, {1000, 2001, 500, 7});
  Image written(consumed_with(ext_page({})));
  written.with_disk("disk", disk);
  check_speaks_against(
      written, kExtCheck,
      "it was written since: expected MARK_WRITE_TIME up to 2000, found MARK_WRITE_TIME 2001");
  put_ext(disk, {1000, 2000, 500, 8});
  Image mounted(consumed_with(ext_page({})));
  mounted.with_disk("disk", disk);
  check_speaks_against(mounted, kExtCheck, "it was mounted or checked since");
}

TEST_CASE("An image is not armed when memory has no mark of a file system: nothing proves it untouched") {
  std::vector<std::byte> page(kPage);
  put_xfs(page, 0);
  Image image(consumed_with(page));
  image.with_disk("disk", xfs_disk(3, 13));
  check_speaks_against(image, kExtCheck,
                       "xfs, of which it cannot be told whether it was written since: expected a mark that "
                       "tells when it was last written, found no mark of it in the machine's memory");
}

TEST_CASE(
    "An image with an XFS file system is armed when its log ends where the memory's newest record does") {
  Image same(consumed_with(xfs_page(written({3, 10, 1000}))));
  CHECK(must(same.with_disk("disk", xfs_disk(3, 13)).rearmed(true)).written);
  Image newer(consumed_with(xfs_page(written({3, 10, 1000}))));
  newer.with_disk("disk", xfs_disk(3, 14));
  check_speaks_against(newer, kExtCheck,
                       "it was written since: expected MARK_LOG_HEAD up to 3:13, found MARK_LOG_HEAD 3:14");
}

// ---- file systems in memory

TEST_CASE("Memory without a superblock names no file system") {
  const auto memory = scan({std::vector<std::byte>(kPage, std::byte{0x5A})});
  CHECK(memory.uuids().empty());
  CHECK(memory.of(kUuid, 0).type.empty());
  CHECK(memory.of(kUuid, 0).marks.marks.empty());
}

TEST_CASE("Of several copies of a superblock in memory the newest counts, in whatever order they lie") {
  for (const auto& pages : {std::vector{ext_page({1000, 2000, 500, 7}), ext_page({1100, 3000, 500, 8})},
                            std::vector{ext_page({1100, 3000, 500, 8}), ext_page({1000, 2000, 500, 7})}}) {
    const auto memory = scan(pages);
    CHECK(memory.uuids() == std::vector<std::string>{kUuid});
    CHECK(memory.of(kUuid, 0).type == "ext");
    CHECK(since(memory.of(kUuid, 0).marks, ext_marks({1100, 3000, 500, 8})) == Since::Untouched);
    CHECK(since(memory.of(kUuid, 0).marks, ext_marks({1000, 2000, 500, 7})) == Since::Written);
  }
  CHECK(since(in_memory({btrfs_page(9), btrfs_page(11), btrfs_page(10)}), {{kGeneration, "11"}}) ==
        Since::Untouched);
}

TEST_CASE("ext: another mount time, check time or mount count than in memory is a write, up or down") {
  const SavedMarks saved = in_memory({ext_page({})});
  CHECK(since(saved, ext_marks({})) == Since::Untouched);
  for (const Ext& other : {Ext{999, 2000, 500, 7}, Ext{1001, 2000, 500, 7}, Ext{1000, 2000, 499, 7},
                           Ext{1000, 2000, 501, 7}, Ext{1000, 2000, 500, 6}, Ext{1000, 2000, 500, 8}})
    CHECK(since(saved, ext_marks(other)) == Since::Written);
}

TEST_CASE("ext: a write time up to the memory's is the machine's own, a later one is not") {
  const SavedMarks saved = in_memory({ext_page({})});
  CHECK(since(saved, ext_marks({1000, 1999, 500, 7})) == Since::Untouched);
  CHECK(since(saved, ext_marks({1000, 2000, 500, 7})) == Since::Untouched);
  const auto later = fs::written_since(saved, ext_marks({1000, 2001, 500, 7}), 0);
  CHECK(later.since == Since::Written);
  CHECK(later.expected == "MARK_WRITE_TIME up to 2000");
  CHECK(later.found == "MARK_WRITE_TIME 2001");
}

TEST_CASE("ext: a time has 40 bits, in memory and on the disk") {
  auto page = ext_page({});
  page[1024 + 0x274] = std::byte{1};
  CHECK(since(in_memory({page}), ext_marks({})) == Since::Untouched);
  Marks here = ext_marks({});
  here[kWriteTime] = std::to_string((std::uint64_t{1} << 32) + 2001);
  CHECK(since(in_memory({page}), here) == Since::Written);
}

TEST_CASE("btrfs: a generation up to the memory's is the machine's own, a later one is not") {
  const SavedMarks saved = in_memory({btrfs_page(10)});
  CHECK(since(saved, {{kGeneration, "9"}}) == Since::Untouched);
  CHECK(since(saved, {{kGeneration, "10"}}) == Since::Untouched);
  const auto later = fs::written_since(saved, {{kGeneration, "11"}}, 0);
  CHECK(later.since == Since::Written);
  CHECK(later.expected == "MARK_GENERATION up to 10");
  CHECK(later.found == "MARK_GENERATION 11");
}

TEST_CASE("XFS: the log ends behind the last record that was written, or behind one that was under way") {
  auto records = written({3, 10, 1000});
  records.push_back({2, 30, 512});  // read from the disk when it was mounted
  CHECK(since(in_memory({xfs_page(records)}, 32), {{kLogHead, "3:13"}}) == Since::Untouched);
  records.push_back({3, 13, 1000});  // may have reached the disk, or not
  const SavedMarks saved = in_memory({xfs_page(records)}, 32);
  CHECK(since(saved, {{kLogHead, "3:13"}}) == Since::Untouched);
  CHECK(since(saved, {{kLogHead, "3:16"}}) == Since::Untouched);
  CHECK(since(saved, {{kLogHead, "3:17"}}) == Since::Written);
}

TEST_CASE("XFS: records that do not follow each other prove nothing") {
  for (const std::size_t left_out : {0U, 1U, 2U}) {
    auto records = written({3, 10, 1000});
    records.erase(records.begin() + static_cast<std::ptrdiff_t>(left_out));
    CHECK(since(in_memory({xfs_page(records)}, 32), {{kLogHead, "3:13"}}) == Since::Unproven);
  }
  auto gap = written({3, 10, 1000});
  gap[0].previous = 9;
  CHECK(since(in_memory({xfs_page(gap)}, 32), {{kLogHead, "3:13"}}) == Since::Unproven);
  auto two_rounds = written({3, 10, 1000});
  two_rounds[1].cycle = 2;
  CHECK(since(in_memory({xfs_page(two_rounds)}, 32), {{kLogHead, "3:13"}}) == Since::Unproven);
  auto elsewhere = written({3, 10, 1000});
  elsewhere.push_back({3, 20, 1000});  // under way, but not where the log ends
  CHECK(since(in_memory({xfs_page(elsewhere)}, 32), {{kLogHead, "3:13"}}) == Since::Unproven);
}

TEST_CASE("XFS: a log that goes on behind the memory's newest record was written since") {
  const SavedMarks saved = in_memory({xfs_page(written({3, 10, 1000}))}, 32);
  CHECK(since(saved, {{kLogHead, "3:14"}}) == Since::Written);
  CHECK(since(saved, {{kLogHead, "4:1"}}) == Since::Written);
}

TEST_CASE("XFS: a log that ends anywhere else before is another history") {
  const SavedMarks saved = in_memory({xfs_page(written({3, 10, 1000}))}, 32);
  for (const char* head : {"3:12", "3:11", "3:9", "2:13", "2:32"}) {
    INFO(head);
    const auto verdict = fs::written_since(saved, {{kLogHead, head}}, 0);
    CHECK(verdict.since == Since::Unproven);
    CHECK(verdict.expected == "MARK_LOG_HEAD 3:13");
    CHECK(verdict.found ==
          std::string("MARK_LOG_HEAD ") + head + ", which is older than what the memory holds of it");
  }
}

TEST_CASE("XFS: a record over the end of the log ends in the next pass, one up to the end does not") {
  CHECK(since(in_memory({xfs_page(written({3, 30, 1000}))}, 32), {{kLogHead, "4:1"}}) == Since::Untouched);
  CHECK(since(in_memory({xfs_page(written({3, 30, 1000}))}, 32), {{kLogHead, "4:2"}}) == Since::Written);
  CHECK(since(in_memory({xfs_page(written({3, 29, 1000}))}, 32), {{kLogHead, "3:32"}}) == Since::Untouched);
}

TEST_CASE("XFS: records and superblocks in any sector of a page count, what only looks like one does not") {
  std::vector<std::byte> page(kPage);
  const auto records = written({5, 20, 512});
  put_log_record(page, kPage - 512, records[0]);
  CHECK(scan({page}).of(kUuid, 0).type == "xfs");
  put_log_record(page, 512, records[1]);
  put_log_record(page, 1536, records[2]);
  CHECK(since(in_memory({page}), {{kLogHead, "5:22"}}) == Since::Untouched);
  std::fill(page.begin(), page.end(), std::byte{0});
  put_log_record(page, kPage - 512, {5, 20, 512});
  put(page, kPage - 512 + 8, be32(3));  // no such version
  CHECK(scan({page}).uuids().empty());
  put_log_record(page, kPage - 512, {5, 20, 512});
  put(page, kPage - 512 + 12, be32((1U << 20) + 1));  // longer than a record can be
  CHECK(scan({page}).uuids().empty());
  put_log_record(page, kPage - 500, {5, 20, 400});  // not where a sector begins
  put(page, kPage - 512, be32(0));
  CHECK(scan({page}).uuids().empty());
}

// ---- marks that were read from disks

TEST_CASE("Marks that the saver has read allow no difference at all, up or down") {
  for (const char* name : {kMountTime, kWriteTime, kCheckTime, kMountCount, kGeneration, kLogHead}) {
    INFO(name);
    const SavedMarks saved = one(name, "10", ReadBy::Saver);
    CHECK(since(saved, {{name, "10"}}) == Since::Untouched);
    CHECK(since(saved, {{name, "9"}}) == Since::Written);
    CHECK(since(saved, {{name, "11"}}, 11000000000) == Since::Written);
  }
}

TEST_CASE("Marks that the machine has read: mounts and checks are writes, whenever") {
  for (const char* name : {kMountTime, kCheckTime, kMountCount}) {
    CHECK(since(one(name, "10", ReadBy::Machine), {{name, "11"}}, 20000000000) == Since::Written);
    CHECK(since(one(name, "10", ReadBy::Machine), {{name, "9"}}, 20000000000) == Since::Written);
  }
}

TEST_CASE("A write time that the machine has read may go on up to the second after the snapshot") {
  const SavedMarks saved = one(kWriteTime, "10", ReadBy::Machine);
  constexpr std::uint64_t kSnapshot = 12500000000;
  CHECK(since(saved, {{kWriteTime, "10"}}, kSnapshot) == Since::Untouched);
  CHECK(since(saved, {{kWriteTime, "13"}}, kSnapshot) == Since::Untouched);
  const auto later = fs::written_since(saved, {{kWriteTime, "14"}}, kSnapshot);
  CHECK(later.since == Since::Written);
  CHECK(later.expected == "MARK_WRITE_TIME 10 to 13");
  CHECK(later.found == "MARK_WRITE_TIME 14");
  CHECK(since(saved, {{kWriteTime, "9"}}, kSnapshot) == Since::Unproven);
  const auto unknown = fs::written_since(saved, {{kWriteTime, "11"}}, 0);
  CHECK(unknown.since == Since::Unproven);
  CHECK(unknown.found == "MARK_WRITE_TIME 11, which the machine itself may have written last");
}

TEST_CASE("A generation or a log that the machine has read: further is unproven, back is a write") {
  CHECK(since(one(kGeneration, "10", ReadBy::Machine), {{kGeneration, "11"}}) == Since::Unproven);
  CHECK(since(one(kGeneration, "10", ReadBy::Machine), {{kGeneration, "9"}}) == Since::Written);
  CHECK(since(one(kLogHead, "3:10", ReadBy::Machine), {{kLogHead, "3:11"}}) == Since::Unproven);
  CHECK(since(one(kLogHead, "3:10", ReadBy::Machine), {{kLogHead, "4:1"}}) == Since::Unproven);
  CHECK(since(one(kLogHead, "3:10", ReadBy::Machine), {{kLogHead, "2:31"}}) == Since::Written);
}

TEST_CASE("Marks that are no numbers prove nothing when they differ") {
  for (const ReadBy by : {ReadBy::Machine, ReadBy::Memory}) {
    CHECK(since(one(kGeneration, "10", by), {{kGeneration, "ten"}}) == Since::Unproven);
    CHECK(since(one(kLogHead, "3:10", by), {{kLogHead, "3:"}}) == Since::Unproven);
    CHECK(since(one(kWriteTime, "", by), {{kWriteTime, "1"}}, 5000000000) == Since::Unproven);
  }
}

TEST_CASE("Directories that differ are a write after the saver, and unproven after the machine") {
  CHECK(since(one(kDirectories, "aa", ReadBy::Saver), {{kDirectories, "aa"}}) == Since::Untouched);
  CHECK(since(one(kDirectories, "aa", ReadBy::Saver), {{kDirectories, "bb"}}) == Since::Written);
  CHECK(since(one(kDirectories, "aa", ReadBy::Machine), {{kDirectories, "bb"}}) == Since::Unproven);
  const auto missing = fs::written_since(one(kDirectories, "aa", ReadBy::Saver), {}, 0);
  CHECK(missing.since == Since::Unproven);
  CHECK(missing.found == "its directories are not readable here");
  const auto why = fs::written_since(one(kDirectories, "aa", ReadBy::Saver), {{kUnreadable, "EIO"}}, 0);
  CHECK(why.since == Since::Unproven);
  CHECK(why.found == "not readable: EIO");
}

TEST_CASE("A mark that is missing here is unproven, with the reason where there is one") {
  for (const ReadBy by : {ReadBy::Machine, ReadBy::Saver, ReadBy::Memory}) {
    const auto missing = fs::written_since(one(kGeneration, "10", by), {}, 0);
    CHECK(missing.since == Since::Unproven);
    CHECK(missing.expected == "MARK_GENERATION 10");
    CHECK(missing.found == "MARK_GENERATION not readable here");
    const auto why = fs::written_since(one(kGeneration, "10", by), {{kUnreadable, std::string(500, 'x')}}, 0);
    CHECK(why.since == Since::Unproven);
    CHECK(why.found == "MARK_GENERATION not readable: " + std::string(160, 'x'));
  }
}

TEST_CASE("Without any mark it is unproven, and why there is none is said") {
  const auto none = fs::written_since({}, {{kGeneration, "10"}}, 0);
  CHECK(none.since == Since::Unproven);
  CHECK(none.expected == "a mark that tells when it was last written");
  CHECK(none.found == "none recorded");
}

TEST_CASE("A mark that proves a write decides, however many are unproven before it") {
  SavedMarks saved = one(kGeneration, "10", ReadBy::Machine);
  saved.marks.push_back({kWriteTime, "10", ReadBy::Machine});
  saved.marks.push_back({kMountCount, "3", ReadBy::Machine});
  const auto verdict =
      fs::written_since(saved, {{kGeneration, "11"}, {kWriteTime, "11"}, {kMountCount, "4"}}, 0);
  CHECK(verdict.since == Since::Written);
  CHECK(verdict.found == "MARK_MOUNT_COUNT 4");
  const auto unproven =
      fs::written_since(saved, {{kGeneration, "11"}, {kWriteTime, "11"}, {kMountCount, "3"}}, 0);
  CHECK(unproven.since == Since::Unproven);
  CHECK(unproven.found.starts_with("MARK_GENERATION 11"));
}

// ---- file systems on disks

namespace {

std::vector<fs::OnDisk> on_disk(const std::vector<std::byte>& content) {
  const TempFolder folder;
  write_file(folder.file("disk"), content);
  return fs::file_systems_on(*must(File::open(folder.file("disk"))));
}

// A disk with one partition from sector 2048 on.
constexpr std::size_t kPartition = 2048 * 512;
std::vector<std::byte> partitioned(std::uint32_t sectors = 1024) {
  std::vector<std::byte> disk(kPartition + 1024 * 512);
  disk[446 + 4] = std::byte{0x83};
  put(disk, 446 + 8, le32(2048));
  put(disk, 446 + 12, le32(sectors));
  put(disk, 510, le16(0xAA55));
  return disk;
}

}  // namespace

TEST_CASE("A file system in a partition is found with its marks") {
  auto disk = partitioned();
  put_ext(disk, {}, kPartition);
  const auto found = on_disk(disk);
  REQUIRE(found.size() == 1);
  CHECK(found[0].type == "ext");
  CHECK(found[0].uuid == kUuid);
  CHECK(found[0].marks == ext_marks({}));
}

TEST_CASE("File systems on a whole disk are found with their marks") {
  std::vector<std::byte> disk(256 * kPage);
  put_ext(disk, {});
  CHECK(on_disk(disk).at(0).marks == ext_marks({}));
  disk.assign(256 * kPage, {});
  put_btrfs(disk, 81, 65536);
  auto found = on_disk(disk);
  REQUIRE(found.size() == 1);
  CHECK(found[0].type == "btrfs");
  CHECK(found[0].marks == Marks{{kGeneration, "81"}});
  found = on_disk(xfs_disk(7, 20));
  REQUIRE(found.size() == 1);
  CHECK(found[0].type == "xfs");
  CHECK(found[0].uuid == kUuid);
  CHECK(found[0].log_sectors == 32);
  CHECK(found[0].marks == Marks{{kLogHead, "7:20"}});
}

TEST_CASE("A disk with nothing on it, a short one and a partition that is not there hold no file systems") {
  CHECK(on_disk(std::vector<std::byte>(64 * kPage)).empty());
  CHECK(on_disk(std::vector<std::byte>(512)).empty());
  CHECK(on_disk({}).empty());
  CHECK(on_disk(partitioned()).empty());
}

TEST_CASE("A log that cannot be read is a file system without a mark, and why is said") {
  auto disk = xfs_disk(3, 13);
  put(disk, 48, be64(0));  // on another device
  auto found = on_disk(disk);
  REQUIRE(found.size() == 1);
  CHECK(found[0].marks == Marks{{kUnreadable, "XFS log: on another device"}});
  disk = xfs_disk(3, 13);
  put(disk, 48, be64(64));  // outside of its group
  found = on_disk(disk);
  REQUIRE(found.size() == 1);
  CHECK(found[0].marks ==
        Marks{{kUnreadable, "XFS superblock: log: 0 sectors at 0x0, expected inside the device"}});
}
