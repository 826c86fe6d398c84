// The table of formats: which reader takes an image, and under which name.

#include <cstdlib>
#include <set>

#include "format/hib/layout.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;

namespace {

using Names = std::vector<std::string>;

constexpr std::size_t kPages = 16;

std::string sample(const std::string& name) {
  const char* corpus = std::getenv("HIB_CORPUS");
  REQUIRE(corpus != nullptr);
  return std::string(corpus) + "/" + name + ".img";
}

// One memory in every format that is written to a new file.
class Written {
 public:
  Written() {
    write_file(raw_, sample_memory(kPages, 3));
    for (const Format* format : formats().rows()) {
      if (format->write == nullptr || format->is_resumed_from) continue;
      const auto source = open_or_fail(raw_, false, "raw");
      auto output = must(Output::create(path(std::string(format->name)), false));
      const auto sink = must(format->write(*output, *source, {}));
      must(run_pipeline(*source, sink.get(), {}));
      names_.emplace_back(format->name);
    }
  }
  std::string path(const std::string& format) const { return folder_.file("memory." + format); }
  const Names& names() const { return names_; }

 private:
  TempFolder folder_;
  std::string raw_ = folder_.file("source");
  Names names_;
};

Result<std::unique_ptr<ImageReader>> opened(const std::string& path, const std::string& name = "",
                                            const OpenOptions& options = {}) {
  return formats().open(path, name, options);
}

// A .hib whose second half is gone.
class Damaged {
 public:
  Damaged() {
    write_file(raw_, sample_memory(256, 5));
    pack(raw_, path);
    auto content = read_file(path);
    content.resize(content.size() / 2);
    write_file(path, content);
  }

 private:
  TempFolder folder_;
  std::string raw_ = folder_.file("raw");

 public:
  std::string path = folder_.file("image.hib");
};

}  // namespace

TEST_CASE("No two formats or dialects have one name, and each has a title") {
  std::set<std::string_view> names;
  for (const Format* format : formats().rows()) {
    CHECK(names.insert(format->name).second);
    CHECK_FALSE(format->title.empty());
    CHECK(formats().find(format->name) == format);
    CHECK(formats().title(format->name) == format->title);
    for (const FormatName& dialect : format->dialects) {
      CHECK(names.insert(dialect.name).second);
      CHECK(formats().title(dialect.name) == dialect.title);
      CHECK_FALSE(dialect.title.empty());
    }
  }
}

TEST_CASE("Every format can be recognised and opened, and what it says of itself fits together") {
  for (const Format* format : formats().rows()) {
    INFO(format->name);
    CHECK(format->recognise != nullptr);
    CHECK(format->open != nullptr);
    CHECK((format->accept == nullptr) == format->record_type.empty());
    const bool has_default = std::find(format->codecs.begin(), format->codecs.end(), format->default_codec) !=
                             format->codecs.end();
    CHECK((format->default_codec.empty() || has_default));
  }
}

TEST_CASE("The lists of what can be read and written are in the order of trying") {
  CHECK(formats().readable() == Names{"hib", "kdump", "elf", "lime", "avml", "swsusp", "snapshot", "raw"});
  CHECK(formats().writable() == Names{"hib", "kdump", "elf", "lime", "avml", "swsusp", "snapshot", "raw"});
  CHECK(formats().codecs() == Names{"none", "zlib", "lzo", "snappy", "zstd", "lz4"});
}

TEST_CASE("Names are found as they are written, and a dialect's name leads to the reader of its format") {
  CHECK(formats().find("hib") != nullptr);
  CHECK(formats().find("HIB") == nullptr);
  CHECK(formats().find("") == nullptr);
  CHECK(formats().find("uswsusp") == nullptr);
  CHECK(formats().reader_of("hib") == formats().find("hib"));
  CHECK(formats().reader_of("uswsusp") == formats().find("swsusp"));
  CHECK(formats().reader_of("tuxonice") == formats().find("swsusp"));
  CHECK(formats().reader_of("vmdk") == nullptr);
  CHECK(formats().title("uswsusp") == "uswsusp hibernation image");
  CHECK(formats().title("elf") == "ELF vmcore");
  CHECK(formats().title("something else") == "something else");
}

TEST_CASE("A kernel jump saves into the one format that has areas") {
  CHECK(formats().with_areas().name == "hib");
  CHECK(formats().with_areas().areas != nullptr);
}

TEST_CASE("An image is recognised by its content, whatever its name") {
  const Written written;
  CHECK(written.names() == Names{"hib", "kdump", "elf", "lime", "avml", "raw"});
  for (const std::string& name : written.names()) {
    if (name == "raw") continue;  // without the interrupt table of a PC
    CHECK(must(opened(written.path(name)))->info().format == name);
  }
  CHECK(must(opened(sample("data-33")))->info().format == "swsusp");
  CHECK(must(opened(sample("uswsusp")))->info().format == "uswsusp");
  CHECK(must(opened(sample("snapshot")))->info().format == "snapshot");
}

TEST_CASE("An image is opened by the reader that was named, and by no other") {
  const Written written;
  for (const std::string& name : written.names())
    CHECK(must(opened(written.path(name), name))->info().format == name);
  CHECK(must(opened(written.path("elf"), "raw"))->info().format == "raw");
  const auto wrong = opened(written.path("elf"), "kdump");
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().file == written.path("elf"));
}

TEST_CASE(
    "A file without the magic of the format that was named is refused by the magic, before any other field") {
  const Written written;
  for (const char* name : {"hib", "elf", "lime", "avml"}) {
    const auto wrong = opened(written.path("raw"), name);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().offset == 0);
    CHECK(wrong.error().where.ends_with("magic"));
  }
}

TEST_CASE("A name that no format has is a usage error with the list of names") {
  const Written written;
  for (const char* name : {"vmdk", "uswsusp2", "HIB"}) {
    const auto image = opened(written.path("hib"), name);
    REQUIRE_FALSE(image);
    CHECK(image.error().kind == ErrorKind::Usage);
    CHECK(image.error().where == "--format");
    CHECK(image.error().found == name);
    CHECK(image.error().allowed == "hib, kdump, elf, lime, avml, swsusp, uswsusp, tuxonice, snapshot, raw");
  }
}

TEST_CASE("Every format that inspect names can be given as a format, and a dialect opens no other") {
  for (const char* name : {"uswsusp", "uswsusp-md5", "uswsusp-consumed"}) {
    CHECK(must(opened(sample(name), "uswsusp"))->info().format == "uswsusp");
    CHECK(must(opened(sample(name), "swsusp"))->info().format == "uswsusp");
  }
  CHECK(must(opened(sample("data-33"), "swsusp"))->info().format == "swsusp");
  for (const char* name : {"uswsusp", "tuxonice"}) {
    const auto other = opened(sample("data-33"), name);
    REQUIRE_FALSE(other);
    CHECK(other.error().kind == ErrorKind::NotRecognised);
    CHECK(other.error().file == sample("data-33"));
    CHECK(other.error().found == "swsusp");
    CHECK(other.error().allowed == name);
    CHECK(other.error().advice == "-f swsusp reads it");
  }
}

TEST_CASE("What no reader knows is refused with the list of formats and the command that helps") {
  using namespace std::string_literals;
  struct Case {
    std::string begin;
    std::string found;
    std::string advice;  // FILE stands for the path
  };
  const Case cases[] = {
      {"\x01\x00\x02"s, "nothing that a reader knows", "-f raw reads it as raw physical memory"},
      {"PK\x03\x04", "a zip archive", "unzip -p FILE | hibtool VERB -"},
      {"7z\xBC\xAF\x27\x1C", "a 7z archive", "7z x -so FILE | hibtool VERB -"},
  };
  const TempFolder folder;
  const auto check = [&](const std::string& path, const std::string& content, const std::string& found,
                         const std::string& advice) {
    write_file(path, as_bytes(content));
    const auto image = opened(path);
    REQUIRE_FALSE(image);
    CHECK(image.error().kind == ErrorKind::NotRecognised);
    CHECK(image.error().file == path);
    CHECK(image.error().where == "format");
    CHECK(image.error().found == found);
    CHECK(image.error().allowed == "hib, kdump, elf, lime, avml, swsusp, snapshot, raw");
    CHECK(image.error().advice == advice);
  };
  const std::string path = folder.file("image");
  for (const Case& one : cases) {
    std::string advice = one.advice;
    if (const auto at = advice.find("FILE"); at != std::string::npos) advice.replace(at, 4, path);
    check(path, one.begin + std::string(8192 - one.begin.size(), '\0'), one.found, advice);
  }
  check(path, "", "an empty file", "whatever wrote it has failed: write it again");
  check(path, "some words\n", "text", "name the image: it is no text");
  check(path, " {\"a\": 1}\n", "a JSON document", "name the image: it is no text");
  const std::string odd = folder.file("it's.zip");
  check(odd, "PK\x03\x04\x14", "a zip archive",
        "unzip -p '" + folder.file("it'\\''s.zip") + "' | hibtool VERB -");
}

TEST_CASE("Raw memory that does not look like a PC's is read when it is named") {
  const Written written;
  const auto image = opened(written.path("raw"));
  REQUIRE_FALSE(image);
  CHECK(image.error().found == "nothing that a reader knows");
  CHECK(image.error().advice == "-f raw reads it as raw physical memory");
  CHECK(opened(written.path("raw"), "raw"));
}

TEST_CASE("A file that is not there is not found, whatever was asked of it") {
  OpenOptions options;
  options.swap_offset = 16;
  for (const char* name : {"", "raw", "swsusp"}) {
    const auto image = opened("/nonexistent/image", name, options);
    REQUIRE_FALSE(image);
    CHECK(image.error().kind == ErrorKind::NotFound);
    CHECK(image.error().file == "/nonexistent/image");
  }
}

TEST_CASE("A base address names raw memory, of content that another reader would know too") {
  const Written written;
  OpenOptions options;
  options.base_address = 0x100000;
  for (const char* name : {"raw", "elf"}) {
    const auto image = must(opened(written.path(name), "", options));
    CHECK(image->info().format == "raw");
    const auto first = must(must(image->runs())->next());
    REQUIRE(first);
    CHECK(first->first == 0x100);
  }
  CHECK(must(opened(written.path("elf"), "elf", options))->info().format == "elf");
}

TEST_CASE("A swap offset names a hibernation image in the middle of a file") {
  CHECK_FALSE(opened(sample("at-offset")));
  OpenOptions options;
  options.swap_offset = 16;
  CHECK(must(opened(sample("at-offset"), "", options))->info().format == "swsusp");
  options.swap_offset = 17;
  const auto wrong = opened(sample("at-offset"), "", options);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().kind == ErrorKind::NotRecognised);
  CHECK(wrong.error().where == "--offset 17");
  options.swap_offset = ~std::uint64_t{0};  // times a page: more than there are bytes
  CHECK_FALSE(opened(sample("at-offset"), "", options));
}

TEST_CASE("A swap offset leads to an image that lies in an area there") {
  const Written written;
  const TempFolder folder;
  auto content = std::vector<std::byte>(16 * 4096, std::byte{0x77});
  const auto image = read_file(written.path("hib"));
  content.insert(content.end(), image.begin(), image.end());
  write_file(folder.file("device"), content);
  OpenOptions options;
  options.swap_offset = 16;
  for (const char* name : {"", "swsusp"})
    CHECK(must(opened(folder.file("device"), name, options))->info().format == "hib");
}

TEST_CASE("An image with damage is opened whole only with salvage, and the refusal says so") {
  const Damaged damaged;
  const auto refused = formats().open_whole(damaged.path, "", {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().file == damaged.path);
  CHECK_FALSE(refused.error().advice.empty());
  OpenOptions options;
  options.salvage = true;
  const auto salvaged = must(formats().open_whole(damaged.path, "", options));
  CHECK(salvaged->info().state == ImageState::Incomplete);
  CHECK_FALSE(salvaged->info().damage.empty());
}

TEST_CASE("Damage that is found while opening does not hinder looking at the image") {
  const std::string path = sample("fault-lzo-cut");
  CHECK(opened(path));
  const Written written;
  CHECK(formats().open_whole(written.path("hib"), "", {}));
}
