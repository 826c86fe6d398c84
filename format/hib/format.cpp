#include "format/hib/format.h"

#include <fmt/format.h>

#include "format/hib/area.h"
#include "format/hib/breadcrumbs.h"
#include "format/hib/reader.h"
#include "format/hib/writer.h"

namespace hib::hib_image {
namespace {

Result<WriterOptions> writer_options(const ImageReader& source, const WriteOptions& wanted) {
  const std::uint32_t page_size = source.info().page_size;
  WriterOptions options;
  options.level = wanted.level;
  options.breadcrumbs = wanted.history;
  options.without_swapped = wanted.without_swapped;
  options.late_records = wanted.late_records;
  options.chunk_pages = pages_of_chunk(wanted.chunk_kib, page_size);
  if (wanted.base == nullptr) return options;
  const ImageInfo& base = wanted.base->info();
  const auto root = wanted.base->root_hash();
  if (!root) return fail(make_error(ErrorKind::Usage, "--base", base.format, "a .hib image").of(base.path));
  if (base.page_size != page_size) {
    return fail(make_error(ErrorKind::WrongBase, "--base", fmt::format("pages of {} bytes", base.page_size),
                           fmt::format("{}, as in the source", page_size))
                    .of(base.path));
  }
  options.base = wanted.base;
  options.base_root = *root;
  options.base_name = wanted.base_name;
  return options;
}

Result<std::unique_ptr<PageSink>> write(Output& output, const ImageReader& source,
                                        const WriteOptions& wanted) {
  TRY(const auto options, writer_options(source, wanted));
  return std::unique_ptr<PageSink>(make_writer(output, source, wanted.records, options));
}

constexpr AreaOperations kAreas = {
    .find = find_area,
    .open = open_area,
    .of_swap = area_of_swap,
    .of_file = area_of_file,
    .write_head = write_area_head,
    .remove_head = remove_area_head,
    .write_claim = write_claim,
    .read_history = read_breadcrumbs,
    .append_history = append_breadcrumb,
};

}  // namespace

constinit const Format kFormat = {
    .name = "hib",
    .title = ".hib image",
    .recognise = recognise,
    .open = open,
    .write = write,
    .takes_level = true,
    .marks_lost_pages = true,
    .keeps_records = true,
    .keeps_swapped = true,
    .areas = &kAreas,
};

}  // namespace hib::hib_image
