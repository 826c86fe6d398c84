// The log of a kernel made by hand, in both layouts: what is said of it, and what damage does to it.
#include "lib/memory/kernel_log.h"

#include "tests/support/images.h"
#include "tests/support/kernel_memory.h"

using namespace hib;
using namespace hib::memory;
using namespace hib::test;

namespace {

constexpr Address kData = kKernelMap + 0x400000;
constexpr Address kPointer = kData;  // of prb, or of log_buf
constexpr Address kRing = kData + 0x1000;
constexpr Address kDescriptors = kData + 0x10000;
constexpr Address kInfos = kData + 0x20000;
constexpr Address kTexts = kData + 0x30000;

constexpr std::uint64_t kCommitted = std::uint64_t{1} << 62;
constexpr std::uint64_t kFinalized = std::uint64_t{2} << 62;
constexpr std::uint64_t kReusable = std::uint64_t{3} << 62;

// Of Linux 6.1, 64-bit. A ring of 8 descriptors and 256 bytes of text.
class RingMachine {
 public:
  KernelMemory image;

  RingMachine() {
    const std::pair<const char*, std::uint64_t> numbers[] = {
        {"SIZE(prb_desc)", 24},
        {"SIZE(printk_info)", 88},
        {"OFFSET(prb_desc.state_var)", 0},
        {"OFFSET(prb_desc.text_blk_lpos)", 8},
        {"OFFSET(atomic_long_t.counter)", 0},
        {"OFFSET(prb_data_blk_lpos.begin)", 0},
        {"OFFSET(prb_data_blk_lpos.next)", 8},
        {"OFFSET(printk_info.seq)", 0},
        {"OFFSET(printk_info.ts_nsec)", 8},
        {"OFFSET(printk_info.text_len)", 16},
        {"OFFSET(printk_info.caller_id)", 20},
        {"OFFSET(printk_ringbuffer.desc_ring)", 0},
        {"OFFSET(printk_ringbuffer.text_data_ring)", 48},
        {"OFFSET(prb_desc_ring.count_bits)", 0},
        {"OFFSET(prb_desc_ring.descs)", 8},
        {"OFFSET(prb_desc_ring.infos)", 16},
        {"OFFSET(prb_desc_ring.head_id)", 24},
        {"OFFSET(prb_desc_ring.tail_id)", 32},
        {"OFFSET(prb_data_ring.size_bits)", 0},
        {"OFFSET(prb_data_ring.data)", 8},
    };
    for (const auto& [key, value] : numbers) image.set_vmcoreinfo(key, std::to_string(value));
    image.set_symbol("prb", kPointer);
    image.write_word(kPointer, kRing);
    image.write(kRing, object_bytes(le32(3)));
    image.write_word(kRing + 8, kDescriptors);
    image.write_word(kRing + 16, kInfos);
    image.write(kRing + 48, object_bytes(le32(8)));
    image.write_word(kRing + 56, kTexts);
    image.write(kTexts, Bytes(256));
    image.write(kDescriptors, Bytes(8 * 24));
    image.write(kInfos, Bytes(8 * 88));
    set_ids(0, 0);
  }

  void set_ids(std::uint64_t tail, std::uint64_t head) {
    image.write_word(kRing + 24, head);
    image.write_word(kRing + 32, tail);
  }

  void set_state(std::uint64_t id, std::uint64_t kind) { image.write_word(descriptor(id), kind | id); }
  void set_places(std::uint64_t id, std::uint64_t begin, std::uint64_t next) {
    image.write_word(descriptor(id) + 8, begin);
    image.write_word(descriptor(id) + 16, next);
  }

  // A record whose text lies at `begin`, a multiple of 8 counted from when the ring was new.
  void put(std::uint64_t id, std::uint64_t begin, const std::string& text, std::uint64_t kind = kFinalized) {
    const std::uint64_t bytes = (8 + text.size() + 7) / 8 * 8;
    const bool is_wrapped = begin % 256 + bytes > 256;
    const std::uint64_t next = is_wrapped ? begin / 256 * 256 + 256 + bytes : begin + bytes;
    set_state(id, kind);
    set_places(id, begin, next);
    image.write_text(kTexts + (is_wrapped ? 0 : begin % 256) + 8, text);
    const Address info = kInfos + id % 8 * 88;
    image.write_word(info, 1000 + id);
    image.write_word(info + 8, 2'000'000'000 + id);
    image.write(info + 16, object_bytes(le16(static_cast<std::uint16_t>(text.size()))));
    image.write(info + 18, Bytes{std::byte{0}, std::byte{4 << 5 | 2}});
    image.write(info + 20, object_bytes(le32(0x80000003)));
  }

  std::vector<std::string> texts() const {
    std::vector<std::string> found;
    for (const LogLine& line : must(kernel_log(image)).lines) found.push_back(line.text);
    return found;
  }
  Error error() const {
    const auto log = kernel_log(image);
    REQUIRE(!log);
    return log.error();
  }

 private:
  static Address descriptor(std::uint64_t id) { return kDescriptors + id % 8 * 24; }
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("Each record has its time, severity, caller and text") {
  RingMachine machine;
  machine.put(16, 0, "first\nof two lines", kCommitted);
  machine.put(17, 32, "second");
  machine.set_ids(16, 17);
  const KernelLog log = must(kernel_log(machine.image));
  REQUIRE(log.lines.size() == 2);
  CHECK(log.lines[0].text == "first\nof two lines");
  CHECK(log.lines[0].time_ns == 2'000'000'016);
  CHECK(log.lines[0].level == 4);
  CHECK(log.lines[0].facility == 0);
  CHECK(caller_of(*log.lines[0].caller) == "CPU 3");
  CHECK(caller_of(17) == "thread 17");
  CHECK(log.lines[1].text == "second");
  CHECK(log.lost_before == 1016);
  CHECK(log.unreadable == 0);
}

TEST_CASE("A text that does not fit behind the end of its ring is read from the start") {
  RingMachine machine;
  machine.put(3, 256 * 5 + 240, "at the start");
  machine.put(4, 256 * 6 + 232, std::string(16, 'e'));  // ends with the ring
  machine.set_ids(3, 4);
  CHECK(machine.texts() == Texts{"at the start", std::string(16, 'e')});
}

TEST_CASE("A record that is being written, was taken back or has another id is left out") {
  RingMachine machine;
  machine.put(0, 0, "whole");
  machine.put(1, 16, "reserved", 0);
  machine.put(2, 32, "reusable", kReusable);
  machine.put(3, 48, "older");
  machine.set_state(3, kFinalized | 8);  // of the round before
  machine.put(4, 64, "last");
  machine.set_ids(0, 4);
  CHECK(machine.texts() == Texts{"whole", "last"});
}

TEST_CASE("A record without a text is an empty line, and a text is never longer than its place") {
  RingMachine machine;
  machine.put(0, 0, "");
  machine.set_places(0, 3, 3);
  machine.put(1, 16, "12345678");
  machine.image.write(kInfos + 88 + 16, object_bytes(le16(60000)));
  machine.set_ids(0, 1);
  CHECK(machine.texts() == Texts{"", "12345678"});
}

TEST_CASE("Ids go round at 62 bits") {
  RingMachine machine;
  const std::uint64_t last = (std::uint64_t{1} << 62) - 1;
  machine.put(last, 0, "before");
  machine.put(0, 16, "after");
  machine.set_ids(last | kFinalized, 0);
  CHECK(machine.texts() == Texts{"before", "after"});
}

TEST_CASE("Records whose pages the image does not hold are counted, and the others told") {
  RingMachine machine;
  machine.put(0, 0, "lost");
  machine.put(1, 16, "whole");
  machine.set_ids(0, 1);
  machine.image.write_word(kDescriptors + 8, 0x100000);  // its text would lie elsewhere
  const KernelLog log = must(kernel_log(machine.image));
  CHECK(log.unreadable == 1);
  REQUIRE(log.lines.size() == 1);
  CHECK(log.lines[0].text == "whole");
  machine.image.lose(kTexts);
  CHECK(must(kernel_log(machine.image)).unreadable == 2);
}

TEST_CASE("A ring that contradicts itself is refused by the field that does") {
  RingMachine machine;
  machine.set_ids(0, 8);
  CHECK(machine.error().kind == ErrorKind::Corrupt);
  CHECK(machine.error().where == "kernel log: head_id");
  machine.set_ids(0, 7);
  machine.image.write(kRing, object_bytes(le32(25)));
  CHECK(machine.error().where == "kernel log: count_bits");
  machine.image.write(kRing, object_bytes(le32(3)));
  machine.image.write(kRing + 48, object_bytes(le32(31)));
  CHECK(machine.error().where == "kernel log: size_bits");
  machine.image.write(kRing + 48, object_bytes(le32(8)));
  machine.image.write_word(kPointer, 0);
  CHECK(machine.error().kind == ErrorKind::NoPage);
}

TEST_CASE("Texts that share one place are refused before they fill the memory") {
  RingMachine machine;
  for (std::uint64_t id = 0; id < 8; ++id) machine.put(id, 0, std::string(100, 'x'));
  machine.set_ids(0, 1);
  CHECK(machine.texts().size() == 2);
  machine.set_ids(0, 7);
  CHECK(machine.error().where == "kernel log: texts");
}

TEST_CASE("Each number of VMCOREINFO that is missing is named") {
  for (const char* key : {"SYMBOL(prb)", "SIZE(prb_desc)", "OFFSET(printk_info.text_len)"}) {
    RingMachine machine;
    machine.image.set_vmcoreinfo(key, std::nullopt);
    CHECK(machine.error().kind == ErrorKind::NotFound);
    CHECK(machine.error().found == std::string("no ") + key);
  }
  RingMachine machine;
  machine.image.forget_records();
  CHECK(machine.error().kind == ErrorKind::NotFound);
}

// ---- before Linux 5.10

namespace {

class OldMachine {
 public:
  KernelMemory image;

  explicit OldMachine(std::uint64_t header_bytes = 16) : header_bytes_(header_bytes) {
    image.set_vmcoreinfo("SIZE(printk_log)", std::to_string(header_bytes));
    image.set_symbol("log_buf", kPointer);
    image.set_symbol("log_buf_len", kPointer + 8);
    image.set_symbol("log_first_idx", kPointer + 16);
    image.set_symbol("log_next_idx", kPointer + 24);
    image.write_word(kPointer, kTexts);
    image.write_word(kPointer + 8, 256);
    image.write(kTexts, Bytes(256));
    set_places(0, 0);
  }

  void set_places(std::uint64_t first, std::uint64_t next) {
    image.write_word(kPointer + 16, first);
    image.write_word(kPointer + 24, next);
  }

  // Returns where the next one begins.
  std::uint64_t put(std::uint64_t at, const std::string& text) {
    const std::uint64_t bytes = (header_bytes_ + text.size() + 3) / 4 * 4;
    set_header(at, bytes, text.size());
    image.write_text(kTexts + at + header_bytes_, text);
    return at + bytes;
  }
  void set_header(std::uint64_t at, std::uint64_t bytes, std::uint64_t text_bytes) {
    image.write_word(kTexts + at, 7'000'000);
    image.write(kTexts + at + 8, object_bytes(le16(static_cast<std::uint16_t>(bytes))));
    image.write(kTexts + at + 10, object_bytes(le16(static_cast<std::uint16_t>(text_bytes))));
    image.write(kTexts + at + 14, Bytes{std::byte{1}, std::byte{6 << 5}});
    if (header_bytes_ >= 20) image.write(kTexts + at + 16, object_bytes(le32(42)));
  }

  Result<KernelLog> log() const { return kernel_log(image); }

 private:
  std::uint64_t header_bytes_;
};

}  // namespace

TEST_CASE("The log of a kernel before 5.10 is one ring of records") {
  for (const std::uint64_t header : {16U, 20U}) {
    OldMachine machine(header);
    machine.set_places(0, machine.put(machine.put(0, "first"), "second"));
    const KernelLog log = must(machine.log());
    REQUIRE(log.lines.size() == 2);
    CHECK(log.lines[0].text == "first");
    CHECK(log.lines[1].text == "second");
    CHECK(log.lines[1].time_ns == 7'000'000);
    CHECK(log.lines[1].level == 6);
    CHECK(log.lines[1].facility == 1);
    CHECK(log.lines[1].caller.has_value() == (header == 20));
  }
}

TEST_CASE("It goes on at the start of the ring after a record without a length, or where none fits") {
  OldMachine machine;
  const std::uint64_t next = machine.put(0, "newest");
  machine.put(200, "older");
  machine.set_places(200, next);
  CHECK(must(machine.log()).lines.back().text == "newest");
  machine.put(200, std::string(256 - 200 - 16, 'x'));
  CHECK(must(machine.log()).lines.size() == 2);
}

TEST_CASE("Records that lead nowhere are refused") {
  OldMachine machine;
  machine.put(0, "one");
  machine.set_places(0, 100);  // between is nothing
  CHECK(machine.log().error().kind == ErrorKind::Corrupt);
  machine.set_header(0, 12, 3);  // shorter than its header
  CHECK(machine.log().error().where == "kernel log: record at 0x0: length");
  machine.set_header(0, 20, 5);  // shorter than its text
  CHECK(machine.log().error().where == "kernel log: record at 0x0: length");
  machine.set_header(0, 300, 5);  // longer than the ring
  CHECK(machine.log().error().where == "kernel log: record at 0x0: length");
  machine.set_places(256, 0);
  CHECK(machine.log().error().where == "kernel log: log_first_idx, log_next_idx");
  machine.set_places(0, 257);
  CHECK(machine.log().error().where == "kernel log: log_first_idx, log_next_idx");
  machine.image.write_word(kPointer + 8, kMaxLogBytes + 1);
  CHECK(machine.log().error().where == "kernel log: log_first_idx, log_next_idx");
}
