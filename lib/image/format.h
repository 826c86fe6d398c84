// A format: all that hibtool can do with it, in one row. format/registry.cpp has the rows; operations, the
// jump, help texts and messages know formats only through this table.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/image/area.h"
#include "lib/image/carve.h"
#include "lib/image/linear_layout.h"
#include "lib/image/reader.h"
#include "lib/image/sink.h"
#include "lib/os/file.h"
#include "lib/os/machine.h"
#include "lib/os/output.h"

namespace hib {

// The first bytes of a file, enough to recognise every format. Of a flattened dump: of the dump inside.
struct FormatHead {
  ByteView bytes;  // up to kFormatHeadBytes from the start
  std::uint64_t file_bytes = 0;
};
inline constexpr std::string_view kAutoFormat =
    "auto";  // as a name: to be found out by content, whatever else was given
inline constexpr std::size_t kFormatHeadBytes =
    65536;  // a swap header ends with the first page, which may be that large

// hib: larger chunks are smaller on disk; in smaller ones a page is reached faster, and less is lost when one
// breaks.
inline constexpr std::uint32_t kDefaultChunkKib = 128;

// How an image is to be written. Each format takes what concerns it.
struct WriteOptions {
  std::string codec;                           // one of Format::codecs; empty: the format's own choice
  int level = 1;                               // hib: of zstd
  std::uint32_t chunk_kib = kDefaultChunkKib;  // hib: compressed together
  const ImageReader* base = nullptr;           // hib: pages that this image has too are not stored
  std::string base_name;                       // hib: where the base will be looked for, beside the image
  std::vector<Record> records;                 // hib: what it says of the machine
  std::function<std::vector<Record>()> late_records;  // hib: what is known only when all pages have been seen
  std::vector<Breadcrumb> history;                    // hib: what has happened so far
  std::optional<std::uint64_t> swap_offset;           // swsusp: page of the output that holds the swap header
  bool by_extents = false;                            // swsusp: the output is a swap file of this machine
  bool without_swapped = false;                       // swapped-out pages are left out
  bool force = false;                                 // over what would be refused otherwise
};

struct FormatName {
  std::string_view name;   // as in ImageInfo::format
  std::string_view title;  // for people
};

struct Format {
  std::string_view name;                      // as in --format, --as and JSON
  std::string_view title;                     // for people: "ELF vmcore"
  std::span<const FormatName> dialects = {};  // what else the reader opens, under names of their own

  bool (*recognise)(const FormatHead& head);  // pure
  Result<std::unique_ptr<ImageReader>> (*open)(std::shared_ptr<const File> file, const OpenOptions& options);
  bool may_be_flattened = false;    // the reader opens it inside a flattened dump too (lib/image/dump_file.h)
  bool takes_swap_offset = false;   // --offset names this format
  bool takes_base_address = false;  // --base-address names this format
  bool takes_page_size = false;     // it does not say how large a page is: OpenOptions::page_size

  // Writing: a new file, or something that exists. Neither: hibtool only reads the format. The sink may keep
  // references to `source` and `output`.
  Result<std::unique_ptr<PageSink>> (*write)(Output& output, const ImageReader& source,
                                             const WriteOptions& options) = nullptr;
  Result<std::unique_ptr<PageSink>> (*write_into)(const std::string& path, const ImageReader& source,
                                                  const WriteOptions& options) = nullptr;
  // The file that `write` makes of a source, where that is known before a page is read. `mounted_as` names it
  // in a mounted image (lib/mount); empty: it is not shown there.
  Result<LinearLayout> (*layout)(const ImageReader& source) = nullptr;
  std::string_view mounted_as = {};
  std::span<const std::string_view> codecs = {};  // of a written image; empty: no choice
  std::string_view default_codec = {};            // empty: as in the source
  bool is_resumed_from = false;                   // by a kernel: nobody may write one with lost pages
  bool takes_level = false;                       // WriteOptions::level and chunk_kib
  bool marks_lost_pages = false;                  // it says which pages were lost
  bool keeps_records = false;                     // of WriteOptions
  bool keeps_notes = false;                       // VMCOREINFO and registers, before the pages
  bool keeps_swapped = false;                     // swapped-out pages beside memory
  bool zeros_for_absent = false;                  // what is absent reads as zeros

  // Hibernation images: would `machine` accept it? Decided by the record `record_type`, which other formats
  // keep.
  std::string_view record_type = {};
  Result<std::vector<Layer>> (*accept)(const Record& record, const Machine& machine) = nullptr;
  // Puts the signature back that a kernel has taken away.
  Result<void> (*rearm)(const std::string& path, const OpenOptions& options) = nullptr;

  // Finds images of this format by their own structure; OpenOptions::at opens one of them. The second says
  // after a short look whether that is worth while.
  Result<Carving> (*carve)(std::shared_ptr<const File> file, const OpenOptions& options,
                           const CarveProgress& progress) = nullptr;
  bool (*is_worth_carving)(const std::shared_ptr<const File>& file) = nullptr;

  const AreaOperations* areas = nullptr;  // null: its images do not lie in areas

  bool is_written() const { return write != nullptr || write_into != nullptr; }
};

// The error of a broken place, with the way past it.
Error advise_salvage(Error error);

// All formats, in the order in which they are tried: strong magics first.
class Formats {
 public:
  explicit constexpr Formats(std::span<const Format* const> rows) : rows_(rows) {}

  std::span<const Format* const> rows() const { return rows_; }
  const Format* find(std::string_view name) const;       // null: no such format
  const Format* reader_of(std::string_view name) const;  // of a format or a dialect; null: no such name
  std::string_view title(
      std::string_view name) const;  // of a format or a dialect; the name itself when unknown
  std::vector<std::string> readable() const;
  std::vector<std::string> names() const;  // what --format takes: the readable ones and their dialects
  std::vector<std::string> writable() const;
  std::vector<std::string> codecs() const;  // of all that are written, each once
  // "kdump: none, zlib (default: lzo); swsusp: lzo, lz4, none (default: as in the image)"
  std::string codecs_of_each() const;
  // "raw, lime", "raw memory, LiME dump": the formats that have a property.
  using Property = bool (*)(const Format&);
  std::string names_where(Property holds) const;
  std::string titles_where(Property holds) const;
  const Format& with_areas() const;  // the one that a kernel jump saves into

  // Finds the reader by content, or takes the one named. Without a name, an offset or a base address names
  // one too.
  Result<std::unique_ptr<ImageReader>> open(const std::string& path, std::string_view name,
                                            const OpenOptions& options) const;
  // The same, but an image with damage is refused unless `options.salvage`.
  Result<std::unique_ptr<ImageReader>> open_whole(const std::string& path, std::string_view name,
                                                  const OpenOptions& options) const;

 private:
  Result<const Format*> recognise(const File& file) const;
  bool may_lie_in_area(const Format& row, std::string_view name) const;
  Result<std::unique_ptr<ImageReader>> open_file(const std::shared_ptr<const File>& file,
                                                 std::string_view name, const OpenOptions& options) const;
  Result<std::unique_ptr<ImageReader>> open_as(std::string_view name, const std::shared_ptr<const File>& file,
                                               const OpenOptions& options) const;
  Result<std::unique_ptr<ImageReader>> open_row(const Format& row, const std::shared_ptr<const File>& file,
                                                const OpenOptions& options) const;
  Error with_hint(Error error, const std::shared_ptr<const File>& file) const;
  std::span<const Format* const> rows_;
};

}  // namespace hib
