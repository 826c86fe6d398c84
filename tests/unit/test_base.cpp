#include "lib/base/cursor.h"
#include "lib/base/text.h"
#include "lib/image/range_map.h"
#include "lib/image/record.h"
#include "lib/os/output.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;

TEST_CASE("A read past the end says where, how much was needed and how much was left, and moves nothing") {
  const std::vector<std::byte> data(6);
  Cursor in(data, 0x1000, "header");
  REQUIRE(in.read<le32>("first"));
  const auto failed = in.read<le32>("second");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().kind == ErrorKind::Truncated);
  CHECK(failed.error().line() == "offset 0x1004: header: second: 2 bytes left, expected 4");
  CHECK(in.left() == 2);
}

TEST_CASE("A LEB128 number of more than 64 bits is refused, the largest 64-bit one is read") {
  std::vector<std::byte> largest(9, std::byte{0xFF});
  largest.push_back(std::byte{0x01});
  Cursor good(largest, 0, "map");
  CHECK(must(good.varint("entry")) == ~std::uint64_t{0});
  largest.back() = std::byte{0x02};
  Cursor bad(largest, 0, "map");
  CHECK(bad.varint("entry").error().kind == ErrorKind::Corrupt);
}

TEST_CASE("Text from an image cannot move the cursor, recolour the terminal or reorder what is shown") {
  CHECK(printable("plain ä €") == "plain ä €");
  CHECK(printable("\x1b[31mred") == "\\x1b[31mred");
  CHECK(printable("two\nlines") == "two\\x0alines");
  CHECK(printable("\xE2\x80\xAE"
                  "evil") == "\\xe2\\x80\\xaeevil");  // right-to-left override
  CHECK(printable("bad\xC0\xAFutf8") == "bad\\xc0\\xafutf8");
  CHECK(printable("\xED\xA0\x80") == "\\xed\\xa0\\x80");  // a surrogate
}

TEST_CASE("A map of a file shows bytes without a label and labels that overlap") {
  RangeMap map;
  map.add(0, 10, "a");
  map.add(15, 10, "b");
  map.add(20, 10, "c");
  const auto tiled = map.tiled(40);
  REQUIRE(tiled.size() == 5);
  CHECK(tiled[1].label == "unlabelled");
  CHECK(tiled[3].label == "c (overlaps what lies before)");
  CHECK(tiled[4].offset == 30);
}

TEST_CASE("A record comes back as it was, fields of every kind and nesting included") {
  const Record record{"machine",
                      7,
                      {{"text", std::string("x")},
                       {"number", std::uint64_t{1} << 63},
                       {"bytes", std::vector<std::byte>(3)},
                       {"nested", FieldList{{"inner", std::string("y")}, {"deeper", FieldList{}}}}}};
  const auto bytes = encode_record(record);
  const Record back = must(decode_record(bytes, 0));
  CHECK(back.type == "machine");
  CHECK(back.version == 7);
  CHECK(*back.number("number") == std::uint64_t{1} << 63);
  CHECK(encode_record(back) == bytes);
}

TEST_CASE("A record that is cut anywhere, or nested too deep, is refused with its place") {
  const auto bytes = encode_record({"devices", 1, {{"name", std::string("value")}}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto cut = decode_record(ByteView(bytes).first(size), 0x500);
    REQUIRE_FALSE(cut);
    CHECK(cut.error().kind == ErrorKind::Truncated);
    CHECK(cut.error().offset >= 0x500);
  }
  FieldList fields{{"leaf", std::uint64_t{1}}};
  for (int i = 0; i < 20; ++i) fields = FieldList{{"level", fields}};
  const auto deep = decode_record(encode_record({"devices", 1, fields}), 0);
  REQUIRE_FALSE(deep);
  CHECK(deep.error().found == "nested too deep");
}

TEST_CASE("An output appears only when it is published, with mode 0600, and not at all when it is dropped") {
  const TempFolder folder;
  {
    auto output = must(Output::create(folder.file("dropped"), false));
    must(output->append(as_bytes("half")));
  }
  CHECK_FALSE(std::filesystem::exists(folder.file("dropped")));
  auto output = must(Output::create(folder.file("kept"), false));
  must(output->append(as_bytes("whole")));
  CHECK_FALSE(std::filesystem::exists(folder.file("kept")));
  must(output->publish());
  CHECK(as_text(read_file(folder.file("kept"))) == "whole");
  CHECK(std::filesystem::status(folder.file("kept")).permissions() == std::filesystem::perms(0600));
}

TEST_CASE(
    "An existing output is refused without force, and replaced whole with it, leaving nothing else behind") {
  const TempFolder folder;
  write_file(folder.file("old"), as_bytes("old"));
  const auto refused = Output::create(folder.file("old"), false);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::Exists);
  auto output = must(Output::create(folder.file("old"), true));
  must(output->append(as_bytes("newer")));
  CHECK(as_text(read_file(folder.file("old"))) == "old");
  must(output->publish());
  CHECK(as_text(read_file(folder.file("old"))) == "newer");
  const std::filesystem::directory_iterator files(std::filesystem::path(folder.file("old")).parent_path());
  CHECK(std::distance(begin(files), end(files)) == 1);
}

TEST_CASE("A file that appears under the output's name while it is written is not overwritten") {
  const TempFolder folder;
  auto output = must(Output::create(folder.file("race"), false));
  must(output->append(as_bytes("mine")));
  write_file(folder.file("race"), as_bytes("theirs"));
  const auto published = output->publish();
  REQUIRE_FALSE(published);
  CHECK(published.error().kind == ErrorKind::Exists);
  CHECK(as_text(read_file(folder.file("race"))) == "theirs");
}
