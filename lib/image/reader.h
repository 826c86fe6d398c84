// An opened image, whatever its format. All functions may be called from several threads at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/codec/hash.h"
#include "lib/image/history.h"
#include "lib/image/info.h"
#include "lib/image/input.h"
#include "lib/image/pages.h"
#include "lib/image/place.h"
#include "lib/image/range_map.h"
#include "lib/image/record.h"
#include "lib/os/firmware_map.h"

namespace hib {

// One page, or a run of pages without bytes of their own, on its way from a source to a sink.
struct PageItem {
  PageRun run;  // Data: count is 1
  const std::byte* bytes =
      nullptr;   // Data: page_size bytes, owned by the batch; may be null in a batch of hashes only
  Hash128 hash;  // Data: of those bytes
};

// A unit of work: some runs in ascending PFN order and, once loaded, their pages.
struct PageBatch {
  std::uint64_t number = 0;
  std::shared_ptr<const void> context;  // the reader's own: what `token` counts in
  std::shared_ptr<const void> pages;    // the reader's own: keeps bytes alive that lie outside `buffer`
  std::uint64_t token = 0;              // the reader's own: which of its blocks this is
  bool without_copies =
      false;  // pages whose bytes lie in another batch are left out: ImageReader::decoded_with()
  bool hashes_only = false;  // only the hashes are wanted: a page that equals another need not be read again
  std::vector<PageRun> runs;

  std::vector<PageItem> items;    // ascending; a page of one repeated byte is a Fill, never Data
  std::vector<std::byte> buffer;  // the pages' bytes
  std::vector<Damage> damage;     // what could not be read; those pages are Unreadable items

  void clear();
};

// Pull side of an image: hands out its runs or batches in ascending PFN order. One thread at a time.
class RunSource {
 public:
  virtual ~RunSource() = default;
  virtual Result<std::optional<PageRun>> next() = 0;
};

class BatchSource {
 public:
  virtual ~BatchSource() = default;
  // False at the end. Fills number, token and runs.
  virtual Result<bool> next(PageBatch& batch) = 0;
};

// Pages and their 64-bit hashes, without reading the pages. Data runs come with one hash for each page.
class PageHashSource {
 public:
  struct Run {
    PageRun run;
    const std::uint64_t* hashes = nullptr;  // Data only; valid until the next call
  };
  virtual ~PageHashSource() = default;
  virtual Result<std::optional<Run>> next() = 0;
};

enum class LayerResult { Ok, Bad, NotChecked, NotProvable };

struct Layer {
  std::string name;
  LayerResult result = LayerResult::Ok;
  std::string text;
};

struct StructureCheck {
  std::vector<Layer> layers;
  std::vector<Damage> damage;
  bool pages_have_checksums = false;  // false: a changed byte of a page cannot be noticed
  bool has_unknown_parts = false;     // something beside the pages cannot be judged: never good
};

// What only a pass over all pages can tell.
struct WholeCheck {
  std::vector<Layer> layers;
  std::vector<Damage> damage;
  std::vector<MemoryMapEntry> firmware_map =
      {};  // of the machine, as it lies in its memory; empty: not found
};

class ImageReader {
 public:
  virtual ~ImageReader() = default;

  virtual const ImageInfo& info() const = 0;
  virtual const std::vector<Record>& records() const = 0;

  // Every run of pages that the image knows of, absent and unreadable ones included; what lies between is a
  // hole.
  virtual Result<std::unique_ptr<RunSource>> runs() const = 0;

  // The same, cut into units of work. The default cuts runs() into batches of kBatchPages.
  virtual Result<std::unique_ptr<BatchSource>> batches() const;

  // Reads, classifies and hashes the pages of a batch that batches() handed out. Never fails: see
  // PageBatch::damage.
  virtual void load(PageBatch& batch) const = 0;

  // One page. Absent and unreadable pages, and holes, are an error.
  virtual Result<void> read_page(Pfn pfn, MutableBytes out) const = 0;

  // One page costs about as much as all of the batch that it is in. Who reads pages here and there then does
  // better to load whole batches and keep them.
  virtual bool decodes_whole_batches() const { return false; }
  // The page of whose batch the bytes of this one are a part: another one where the image keeps equal pages
  // once.
  virtual Pfn decoded_with(Pfn pfn) const { return pfn; }

  virtual Result<RangeMap> map() const = 0;

  // Everything that can be proven without decoding pages, layer by layer.
  virtual StructureCheck check_structure() const = 0;

  // After every batch has been loaded: the checksums that cover more than one batch.
  virtual WholeCheck check_whole() const { return {}; }

  // The stored hashes of the pages, in PFN order, where the format keeps them; null where it does not.
  virtual Result<std::unique_ptr<PageHashSource>> page_hashes() const {
    return std::unique_ptr<PageHashSource>();
  }

  // The pages that the machine had swapped out, as an image of their own: its page numbers are slots of the
  // swap area. Null where there are none, or nothing is known of them. What they are is in the record
  // "swapped-pages". All else here is about memory alone.
  virtual const ImageReader* swapped_pages() const { return nullptr; }

  // The history of the image, where the format keeps one.
  virtual const std::vector<Breadcrumb>& history() const;

  // The hash that covers every byte of the image; nothing where the format has none.
  virtual std::optional<Hash128> root_hash() const { return std::nullopt; }

  // Proves every byte of the file by its hash, without decoding a page. `progress` is told bytes of the file.
  // The first damage ends it. Unsupported where the format has no such hashes.
  virtual Result<void> check_bytes(
      const std::function<void(std::uint64_t done, std::uint64_t total)>& progress) const;
};

// Pages in a batch of a reader that has no blocks of its own: 1 MiB of 4 KiB pages.
inline constexpr std::uint64_t kBatchPages = 256;

// Turns `count` pages at `bytes` into items: repeated-byte pages become Fill, the others Data with their
// hash.
void classify_pages(Pfn first, std::uint64_t count, const std::byte* bytes, std::uint32_t page_size,
                    std::vector<PageItem>& items);

// The value when all bytes of the page are equal.
std::optional<std::uint8_t> fill_value(ByteView page);

// What a reader needs to know from the command line.
struct OpenOptions {
  bool salvage = false;                       // go on past damage
  std::optional<std::uint64_t> base_address;  // raw: physical address of the first byte
  bool without_base = false;       // hib: a missing base of an incremental image is a finding, not an error
  std::string base_image;          // hib: path of the base of an incremental image, when it is elsewhere
  std::uint32_t page_size = 4096;  // of formats that do not say: Format::takes_page_size
  std::vector<PfnRange>
      unused;  // ELF: pages whose bytes nobody needs, ascending; not read, they count as absent
  std::optional<std::uint64_t>
      swap_offset;               // swsusp: page that holds the swap header (the kernel's resume_offset)
  std::string passphrase;        // uswsusp: of an encrypted image
  std::optional<ImagePlace> at;  // swsusp: where the image begins, whatever a header says
  UnpackProgress progress;       // of a compressed file
  std::function<void(const ImageReader&)> opened;  // told of each image, for people who want to know
};

}  // namespace hib
