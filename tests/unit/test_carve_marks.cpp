// By what a page is known to be a part of an image, and what is none.

#include "format/swsusp/carve/marks.h"
#include "format/swsusp/info_page.h"
#include "format/swsusp/layout.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::swsusp;

namespace {

using Page = std::vector<std::byte>;
constexpr std::size_t kEntries = 511;

void put(Page& page, const Abi& abi, std::size_t entry, std::uint64_t value) {
  abi.put<std::uint64_t>(page, entry * kMapEntryBytes, value);
}

Page map_page(const Abi& abi, std::size_t entries, std::uint64_t next) {
  Page page(abi.page_size);
  for (std::size_t i = 0; i < entries; ++i) put(page, abi, i, 100 + 2 * i);
  put(page, abi, kEntries, next);
  return page;
}

Page info_page(const Abi& abi) {
  Page page(abi.page_size);
  const InfoOffsets& at = info_offsets(abi);
  abi.put_word(page, at.num_physpages, 60000);
  abi.put_word(page, at.image_pages, 5000);
  abi.put_word(page, at.pages, 5000 + 1 + (5000 * abi.word_bytes + abi.page_size - 1) / abi.page_size);
  abi.put_word(page, at.size, abi.word(page, at.pages) * abi.page_size);
  return page;
}

}  // namespace

TEST_CASE("A map page has blocks, each once, then zeros, and the next map page if it is full") {
  for (const bool big_endian : {false, true}) {
    const Abi abi{4096, 8, big_endian};
    const auto full = map_page_mark(map_page(abi, kEntries, 5000), abi);
    REQUIRE(full);
    CHECK(full->entries == kEntries);
    CHECK(full->first_entry == 100);
    CHECK(full->last_entry == 100 + 2 * (kEntries - 1));
    CHECK(full->smallest == 100);
    CHECK(full->largest == 5000);
    CHECK(full->next == 5000);
    const auto last = map_page_mark(map_page(abi, 3, 0), abi);
    REQUIRE(last);
    CHECK(last->entries == 3);

    Page page = map_page(abi, 3, 5000);  // not full, and it leads on
    CHECK_FALSE(map_page_mark(page, abi));
    page = map_page(abi, 3, 0);
    put(page, abi, 5, 7);  // behind a zero
    CHECK_FALSE(map_page_mark(page, abi));
    page = map_page(abi, 3, 0);
    put(page, abi, 2, 100);  // twice
    CHECK_FALSE(map_page_mark(page, abi));
    for (const std::size_t entry : {std::size_t{0}, std::size_t{1}, kEntries}) {
      page = map_page(abi, kEntries, 5000);
      put(page, abi, entry, kTooManyBlocks);
      CHECK_FALSE(map_page_mark(page, abi));
    }
    CHECK_FALSE(map_page_mark(Page(4096), abi));
    CHECK_FALSE(map_page_mark(map_page({4096, 8, !big_endian}, kEntries, 5000), abi));
  }
}

TEST_CASE("A changed map page is like one as long as most of its entries name blocks of the device") {
  const Abi abi;
  Page page = map_page(abi, 400, 0);
  CHECK(is_like_map_page(page, abi, 2000));
  CHECK_FALSE(is_like_map_page(page, abi, 600));  // 250 of 400
  for (std::size_t i = 0; i < 100; ++i) put(page, abi, i, ~std::uint64_t{0});
  CHECK(is_like_map_page(page, abi, 2000));
  put(page, abi, 100, ~std::uint64_t{0});
  CHECK_FALSE(is_like_map_page(page, abi, 2000));
  CHECK_FALSE(is_like_map_page(Page(4096), abi, 2000));
}

TEST_CASE("An info page has counts that fit each other and the machine's memory") {
  for (const std::uint32_t word_bytes : {8U, 4U}) {
    for (const bool big_endian : {false, true}) {
      const Abi abi{4096, word_bytes, big_endian};
      CHECK(info_page_mark(info_page(abi)) == abi);
      const InfoOffsets& at = info_offsets(abi);
      for (const std::size_t field : {at.size, at.pages, at.image_pages}) {
        Page page = info_page(abi);
        abi.put_word(page, field, abi.word(page, field) + 600);
        CHECK_FALSE(info_page_mark(page));
      }
      Page page = info_page(abi);
      abi.put_word(page, at.num_physpages, 4999);  // less than was saved
      CHECK_FALSE(info_page_mark(page));
      abi.put_word(page, at.num_physpages, 60000);
      CHECK_FALSE(info_page_mark(ByteView(page).first(2048)));
    }
  }
  CHECK_FALSE(info_page_mark(Page(65536)));
}

TEST_CASE("uswsusp's header page has known flags and leads to a page of extents") {
  const Abi abi;
  Page page(4096);
  abi.put<std::uint64_t>(page, 0, 500);        // pages
  abi.put<std::uint64_t>(page, 16, 8 * 4096);  // the first page of extents
  abi.put<std::uint64_t>(page, 24, 500 * 4096);
  CHECK(uswsusp_mark(page, abi) == 8 * 4096);
  struct Change {
    std::size_t offset;
    std::uint64_t value;
  };
  for (const Change& change : {Change{0, 2}, Change{8, 32}, Change{16, 0}, Change{16, 8 * 4096 + 1},
                               Change{16, kTooManyBlocks * 4096}, Change{24, 0}, Change{24, 2000 * 4096}}) {
    Page other = page;
    abi.put<std::uint64_t>(other, change.offset, change.value);
    CHECK_FALSE(uswsusp_mark(other, abi));
  }
  Page extents(4096);
  abi.put<std::uint64_t>(extents, 0, 9 * 4096);
  abi.put<std::uint64_t>(extents, 8, 12 * 4096);
  CHECK(is_like_extents_page(extents, abi, 12 * 4096));
  CHECK_FALSE(is_like_extents_page(extents, abi, 11 * 4096));
  abi.put<std::uint64_t>(extents, 8, 9 * 4096);
  CHECK_FALSE(is_like_extents_page(extents, abi, 12 * 4096));
  abi.put<std::uint64_t>(extents, 8, 9 * 4096 + 5);
  CHECK_FALSE(is_like_extents_page(extents, abi, 12 * 4096));
  CHECK_FALSE(is_like_extents_page(Page(4096), abi, 12 * 4096));
}
