// What the kernels of a jump tell each other: the saver's configuration, the record "jump" and the reason why
// something failed. A field that is lost or misspelt must not switch anything off.

#include "lib/codec/zstd.h"
#include "lib/jump/boot/saver_config.h"
#include "lib/jump/module/reason.h"
#include "lib/jump/record.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;
using jump::JumpId;
using jump::JumpRecord;
using jump::SaverConfig;

namespace {

constexpr JumpId kId = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                        0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
constexpr std::uint64_t kHuge = ~std::uint64_t{0};

Record record_of(ByteView bytes) { return must(decode_record(bytes, 0)); }

Record without(Record record, const std::string& name) {
  std::erase_if(record.fields, [&](const Field& field) { return field.name == name; });
  return record;
}

Record with(Record record, const std::string& name, FieldValue value) {
  record.set(name, std::move(value));
  return record;
}

Record twice(Record record, const std::string& name) {
  const Field copy = *record.find(name);
  record.fields.push_back(copy);
  return record;
}

// Corrupt, about that field of that record, with these words.
template <typename T>
void check_refused(const Result<T>& decoded, const std::string& where, const std::string& found,
                   const std::string& allowed) {
  INFO(where << ": " << found);
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().kind == ErrorKind::Corrupt);
  CHECK(decoded.error().where == where);
  CHECK(decoded.error().found == found);
  CHECK(decoded.error().allowed == allowed);
}

// ---- the saver's configuration

SaverConfig full_config() {
  SaverConfig config;
  config.context = 0x1234567000;
  config.note = 0x7654321000;
  config.target_head = kHuge;
  config.restore = kId;
  config.verify = true;
  config.free_pages = true;
  config.allow_untested = true;
  config.standby = true;
  config.timeout_seconds = std::numeric_limits<unsigned>::max();
  config.level = max_zstd_level();
  config.records = {{"machine", 1, {{"kernel", std::string("6.1.0")}}}, {"devices", 7, {}}};
  config.memory = {{0x100000, 0x3ff00000}, {0x100000000, kHuge - 0x100000000}};
  return config;
}

Result<SaverConfig> decoded(const Record& record) { return jump::decode_saver_config(encode_record(record)); }

void check_same(const SaverConfig& a, const SaverConfig& b) {
  CHECK(a.context == b.context);
  CHECK(a.note == b.note);
  CHECK(a.target_head == b.target_head);
  CHECK(a.restore == b.restore);
  CHECK(a.verify == b.verify);
  CHECK(a.free_pages == b.free_pages);
  CHECK(a.allow_untested == b.allow_untested);
  CHECK(a.standby == b.standby);
  CHECK(a.timeout_seconds == b.timeout_seconds);
  CHECK(a.level == b.level);
  REQUIRE(a.records.size() == b.records.size());
  for (std::size_t i = 0; i < a.records.size(); ++i)
    CHECK(encode_record(a.records[i]) == encode_record(b.records[i]));
  REQUIRE(a.memory.size() == b.memory.size());
  for (std::size_t i = 0; i < a.memory.size(); ++i) {
    CHECK(a.memory[i].start == b.memory[i].start);
    CHECK(a.memory[i].bytes == b.memory[i].bytes);
  }
}

Record full_config_record() { return record_of(jump::encode(full_config())); }

// ---- the record "jump"

JumpRecord full_jump() {
  JumpRecord jump;
  jump.id = kId;
  jump.context = 0x1234567000;
  jump.region = {0x10000000, 0x8000000};
  jump.untested_series = true;
  jump.untested_machine = true;
  jump.hardware_signature = 0x1234ABCD;
  jump.saved_by = {"6.1.0-13-amd64", "#1 SMP Debian", "quiet hibjump=1", true};
  jump.records_missing = "not enough room";
  return jump;
}

// ---- reasons

constexpr ErrorKind kAllKinds[] = {
    ErrorKind::NotFound,  ErrorKind::Io,       ErrorKind::NotRecognised,  ErrorKind::Unsupported,
    ErrorKind::Truncated, ErrorKind::Corrupt,  ErrorKind::Limit,          ErrorKind::Exists,
    ErrorKind::Refused,   ErrorKind::NoPage,   ErrorKind::Authentication, ErrorKind::WrongBase,
    ErrorKind::Usage,     ErrorKind::Cancelled};

Error through(const Error& error) {
  const std::string reason = jump::encode_reason(error);
  CHECK(reason.size() <= jump::kMaxReasonBytes);
  CHECK(reason.find('\0') == std::string::npos);
  return jump::decode_reason(reason);
}

const std::string kLong(300, 'x');

}  // namespace

TEST_CASE("A configuration with every field set is read back as it was written") {
  check_same(must(jump::decode_saver_config(jump::encode(full_config()))), full_config());
}

TEST_CASE("A configuration with nothing set is read back with its defaults") {
  const SaverConfig read = must(jump::decode_saver_config(jump::encode(SaverConfig())));
  check_same(read, SaverConfig());
  CHECK_FALSE(read.target_head);
  CHECK_FALSE(read.restore);
  CHECK(read.level == kDefaultZstdLevel);
}

TEST_CASE("A target at byte 0 is another thing than no target") {
  SaverConfig config;
  config.target_head = 0;
  CHECK(must(jump::decode_saver_config(jump::encode(config))).target_head == std::uint64_t{0});
}

TEST_CASE("Each flag of a configuration is read into its own place") {
  for (bool SaverConfig::*flag : {&SaverConfig::verify, &SaverConfig::free_pages,
                                  &SaverConfig::allow_untested, &SaverConfig::standby}) {
    SaverConfig config;
    config.*flag = true;
    check_same(must(jump::decode_saver_config(jump::encode(config))), config);
  }
}

TEST_CASE("A configuration without one of its fields is refused, and the field named") {
  const Record full = full_config_record();
  for (const char* name :
       {"context", "note", "verify", "free_pages", "allow_untested", "standby", "timeout_seconds", "level"}) {
    check_refused(decoded(without(full, name)), std::string("record saver: ") + name, "missing",
                  "a field of this record");
  }
  for (const char* name : {"target_head", "restore", "record", "memory"}) CHECK(decoded(without(full, name)));
}

TEST_CASE("A configuration with a field that nobody knows is refused") {
  check_refused(decoded(with(full_config_record(), "verfy", std::uint64_t{1})), "record saver: verfy",
                "unknown", "a field that this version knows");
}

TEST_CASE("A configuration with a field twice is refused") {
  const Record full = full_config_record();
  for (const char* name : {"context", "note", "target_head", "restore", "verify", "free_pages",
                           "allow_untested", "standby", "timeout_seconds", "level"}) {
    check_refused(decoded(twice(full, name)), std::string("record saver: ") + name, "there more than once",
                  "once");
  }
}

TEST_CASE("A configuration with a field of another kind is refused") {
  const Record full = full_config_record();
  for (const char* name : {"context", "note", "target_head", "verify", "free_pages", "allow_untested",
                           "standby", "timeout_seconds"}) {
    check_refused(decoded(with(full, name, std::string("1"))), std::string("record saver: ") + name,
                  "of another kind", "a number");
  }
  for (const char* name : {"restore", "level"}) {
    check_refused(decoded(with(full, name, std::uint64_t{1})), std::string("record saver: ") + name,
                  "of another kind", "text");
  }
  check_refused(decoded(with(full, "record", std::string("text"))), "record saver: record", "of another kind",
                "bytes");
}

TEST_CASE("A flag of a configuration is 0 or 1") {
  for (const char* name : {"verify", "free_pages", "allow_untested", "standby"}) {
    check_refused(decoded(with(full_config_record(), name, std::uint64_t{2})),
                  std::string("record saver: ") + name, "2", "0 or 1");
  }
}

TEST_CASE("A level of a configuration is one that zstd has, in decimal digits and nothing else") {
  const auto level = [](const std::string& text) {
    return decoded(with(full_config_record(), "level", text));
  };
  for (const int good : {min_zstd_level(), -1, 0, 1, max_zstd_level()})
    CHECK(must(level(std::to_string(good))).level == good);
  for (const std::string& bad : {std::to_string(min_zstd_level() - 1), std::to_string(max_zstd_level() + 1),
                                 std::string("99999999999999999999"), std::string(), std::string("1x"),
                                 std::string(" 1"), std::string("x")})
    check_refused(level(bad), "record saver: level", bad, "a level of zstd");
}

TEST_CASE("A timeout of a configuration is a number of 32 bits") {
  check_refused(decoded(with(full_config_record(), "timeout_seconds", std::uint64_t{1} << 32)),
                "record saver: timeout_seconds", "4294967296", "32 bits");
}

TEST_CASE("An id in a configuration is 32 hexadecimal digits") {
  for (const std::string& bad : {std::string(), std::string(31, '0'), std::string(33, '0'),
                                 std::string(31, '0') + "g", "0x" + std::string(30, '0')})
    check_refused(decoded(with(full_config_record(), "restore", bad)), "id of a jump", bad,
                  "32 hexadecimal digits");
}

TEST_CASE("A record inside of a configuration that is none is refused") {
  const auto decoded_with =
      decoded(with(full_config_record(), "record", std::vector<std::byte>(7, std::byte{0xFF})));
  REQUIRE_FALSE(decoded_with);
  CHECK(decoded_with.error().where.find("record") != std::string::npos);
}

TEST_CASE("A piece of memory in a configuration has a start and an end below 2^64, and nothing else") {
  const auto decoded_with = [](std::uint64_t start, std::uint64_t bytes, const char* last_name) {
    const Record piece{"memory", 0, {{"start", start}, {last_name, bytes}}};
    return decoded(with(full_config_record(), "memory", encode_record(piece)));
  };
  CHECK(must(decoded_with(0x1000, kHuge - 0x1000, "bytes")).memory.front().end() == kHuge);
  check_refused(decoded_with(0x1000, kHuge - 0xfff, "bytes"), "record memory: bytes", "0xfffffffffffff000",
                "an end below 2^64");
  check_refused(decoded_with(0x1000, 1, "byte"), "record memory: bytes", "missing", "a field of this record");
}

TEST_CASE("A record of another type is no configuration") {
  Record other = full_config_record();
  other.type = "jump";
  check_refused(decoded(other), "record: type", "jump", "saver");
}

TEST_CASE("A configuration that ends too early is refused at every length, and one that goes on too") {
  auto bytes = jump::encode(full_config());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto cut = jump::decode_saver_config(ByteView(bytes).first(size));
    INFO(size << " of " << bytes.size() << " bytes");
    REQUIRE_FALSE(cut);
    CHECK(cut.error().kind == ErrorKind::Truncated);
  }
  bytes.push_back(std::byte{0});
  check_refused(jump::decode_saver_config(bytes), "record: length", "1 bytes after the fields", "none");
}

TEST_CASE("A configuration with any byte changed is refused or another valid one, and never crashes") {
  const auto bytes = jump::encode(full_config());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const std::byte change : {std::byte{0x01}, std::byte{0x80}, std::byte{0xFF}}) {
      auto damaged = bytes;
      damaged[i] ^= change;
      const auto read = jump::decode_saver_config(damaged);
      if (!read) CHECK_FALSE(read.error().where.empty());
    }
  }
}

TEST_CASE("A record of a jump is read back as it was written, with the saver and without") {
  const auto read = must(jump::decode_jump_record(jump::encode(full_jump())));
  CHECK(read.id == kId);
  CHECK(read.context == 0x1234567000);
  CHECK(read.region.start == 0x10000000);
  CHECK(read.region.bytes == 0x8000000);
  CHECK(read.untested_series);
  CHECK(read.untested_machine);
  CHECK(read.hardware_signature == std::uint64_t{0x1234ABCD});
  CHECK(read.records_missing == std::string("not enough room"));
  REQUIRE(read.saved_by);
  CHECK(read.saved_by->release == "6.1.0-13-amd64");
  CHECK(read.saved_by->version == "#1 SMP Debian");
  CHECK(read.saved_by->command_line == "quiet hibjump=1");
  CHECK(read.saved_by->stood_by);

  const auto bare = must(jump::decode_jump_record(jump::encode(JumpRecord())));
  CHECK(bare.id == JumpId());
  CHECK_FALSE(bare.untested_series);
  CHECK_FALSE(bare.untested_machine);
  CHECK_FALSE(bare.hardware_signature);
  CHECK_FALSE(bare.saved_by);
  CHECK_FALSE(bare.records_missing);
}

TEST_CASE("A record of a jump without one of its fields is refused, and the field named") {
  for (const char* name : {"id", "context", "region_start", "region_bytes", "untested_series"}) {
    check_refused(jump::decode_jump_record(without(jump::encode(full_jump()), name)),
                  std::string("record jump: ") + name, "missing", "a field of this record");
  }
}

TEST_CASE("A record of a jump has all of what it says of the saver, or nothing") {
  for (const char* name : {"saver_release", "saver_version", "saver_command_line", "saver_stood_by"}) {
    check_refused(jump::decode_jump_record(without(jump::encode(full_jump()), name)),
                  std::string("record jump: ") + name, "missing", "a field of this record");
  }
}

TEST_CASE("A record of a jump with a field that is unknown, there twice or of another kind is refused") {
  const Record full = jump::encode(full_jump());
  check_refused(jump::decode_jump_record(with(full, "regon", std::uint64_t{1})), "record jump: regon",
                "unknown", "a field that this version knows");
  for (const Field& field : full.fields) {
    check_refused(jump::decode_jump_record(twice(full, field.name)), "record jump: " + field.name,
                  "there more than once", "once");
    const bool is_number = std::holds_alternative<std::uint64_t>(field.value);
    const FieldValue other = is_number ? FieldValue(std::string("1")) : FieldValue(std::uint64_t{1});
    check_refused(jump::decode_jump_record(with(full, field.name, other)), "record jump: " + field.name,
                  "of another kind", is_number ? "a number" : "text");
  }
  for (const char* name : {"untested_series", "untested_machine", "saver_stood_by"}) {
    check_refused(jump::decode_jump_record(with(full, name, std::uint64_t{2})),
                  std::string("record jump: ") + name, "2", "0 or 1");
  }
  check_refused(jump::decode_jump_record(with(full, "id", std::string("short"))), "id of a jump", "short",
                "32 hexadecimal digits");
  check_refused(jump::decode_jump_record(Record{"saver", 1, full.fields}), "record: type", "saver", "jump");
}

TEST_CASE("A reason carries an error with all that it says, of every kind") {
  for (const ErrorKind kind : kAllKinds) {
    INFO(name_of(kind));
    const Error sent = make_error(kind, "chunk 17: hash", "0x1", "0x2").of("/dev/sda3").advise("try again");
    const Error got = through(sent);
    CHECK(got.kind == kind);
    CHECK(got.file == "/dev/sda3");
    CHECK_FALSE(got.offset);
    CHECK(got.where == "saver: chunk 17: hash");
    CHECK(got.found == "0x1");
    CHECK(got.allowed == "0x2");
    CHECK(got.advice == "try again");
  }
}

TEST_CASE("A reason tells offset 0 from no offset, and carries the largest one") {
  const Error error = make_error(ErrorKind::Corrupt, "header", "bad");
  CHECK_FALSE(through(error).offset);
  CHECK(through(Error(error).at(0)).offset == std::uint64_t{0});
  CHECK(through(Error(error).at(kHuge)).offset == kHuge);
}

TEST_CASE("A reason with nothing but a kind says where it came from") {
  const Error got = through(Error());
  CHECK(got.kind == ErrorKind::Io);
  CHECK(got.where == "saver");
  CHECK(got.found.empty());
}

TEST_CASE("A reason that is too long loses its advice first, and what was found last") {
  const Error sent = make_error(ErrorKind::Refused, "target", "found " + std::string(100, 'f'),
                                "allowed " + std::string(60, 'a'))
                         .of("/dev/sda3")
                         .advise(kLong);
  const Error got = through(sent);
  CHECK(got.kind == ErrorKind::Refused);
  CHECK(got.found == sent.found);
  CHECK(got.allowed == sent.allowed);
  CHECK(got.file == sent.file);
  CHECK(got.advice.size() < kLong.size());
  CHECK(kLong.substr(0, got.advice.size()) == got.advice);
  CHECK(jump::encode_reason(sent).size() == jump::kMaxReasonBytes);

  const Error all_long = through(Error(make_error(ErrorKind::Corrupt, kLong, std::string(200, 'f'), kLong))
                                     .of(kLong)
                                     .advise(kLong)
                                     .at(kHuge));
  CHECK(all_long.kind == ErrorKind::Corrupt);
  CHECK(all_long.found == std::string(200, 'f'));
  CHECK(all_long.advice.empty());
  CHECK(all_long.allowed.empty());
  CHECK(all_long.offset == kHuge);

  const Error only_found = through(make_error(ErrorKind::WrongBase, kLong, kLong, kLong));
  CHECK(only_found.kind == ErrorKind::WrongBase);
  CHECK(only_found.found.size() > 200);
  CHECK(only_found.where == "saver");
}

TEST_CASE("A reason keeps its fields apart, whatever bytes a text has") {
  const std::string hostile = std::string("a\x1f") + "b\x01" + "c" + std::string(1, '\0') + "d";
  const Error got = through(
      Error(make_error(ErrorKind::Corrupt, hostile, hostile, hostile)).of(hostile).advise(hostile).at(5));
  CHECK(got.kind == ErrorKind::Corrupt);
  CHECK(got.offset == std::uint64_t{5});
  for (const std::string& text : {got.file, got.found, got.allowed, got.advice}) CHECK(text == "a b c d");
  CHECK(got.where == "saver: a b c d");
}

TEST_CASE("Control bytes in a reason do not reach a terminal") {
  const Error got = through(make_error(ErrorKind::Io, "x", "\x1b[2J\n\x7f"));
  const std::string line = got.line();
  CHECK(
      std::none_of(line.begin(), line.end(), [](char c) { return c == '\x1b' || c == '\n' || c == '\x7f'; }));
  CHECK(jump::decode_reason("\x1b[2J").line().find('\x1b') == std::string::npos);
}

TEST_CASE("A reason that is plain text is what was found, and an empty one is nothing") {
  const Error plain = jump::decode_reason("B did not come up");
  CHECK(plain.kind == ErrorKind::Io);
  CHECK(plain.where == "saver");
  CHECK(plain.found == "B did not come up");
  CHECK_FALSE(plain.offset);
  const Error empty = jump::decode_reason("");
  CHECK(empty.kind == ErrorKind::Io);
  CHECK(empty.where == "saver");
  CHECK(empty.found.empty());
}

TEST_CASE("A reason that is cut, made up or has too many fields is read as far as it goes") {
  const std::string whole =
      jump::encode_reason(Error(make_error(ErrorKind::Corrupt, "where", "found", "allowed"))
                              .of("file")
                              .advise("advice")
                              .at(0x10));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const Error got = jump::decode_reason(whole.substr(0, size));
    CHECK(got.where.starts_with("saver"));
  }
  CHECK(jump::decode_reason("\x01").kind == ErrorKind::Io);
  CHECK(jump::decode_reason("\x01no-such-kind\x1f").kind == ErrorKind::Io);
  CHECK_FALSE(jump::decode_reason("\x01"
                                  "corrupt\x1f"
                                  "f\x1f"
                                  "12zz\x1fw\x1f")
                  .offset);
  CHECK_FALSE(jump::decode_reason("\x01"
                                  "corrupt\x1f"
                                  "f\x1f"
                                  "10000000000000000\x1fw\x1f")
                  .offset);
  CHECK(jump::decode_reason("\x01"
                            "corrupt" +
                            std::string(200, '\x1f'))
            .kind == ErrorKind::Corrupt);
}
