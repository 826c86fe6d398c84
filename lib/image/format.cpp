#include "lib/image/format.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lib/base/text.h"
#include "lib/image/dump_file.h"
#include "lib/image/input.h"
#include "lib/image/unrecognised.h"

namespace hib {
namespace {

constexpr std::uint64_t kOffsetUnit = 4096;  // of --offset, as the kernel counts resume_offset

void add_once(std::vector<std::string>& list, std::string_view name) {
  if (std::find(list.begin(), list.end(), name) == list.end()) list.emplace_back(name);
}

}  // namespace

Error advise_salvage(Error error) {
  if (error.advice.empty()) error.advice = "--salvage goes on with what is whole";
  return error;
}

const Format* Formats::find(std::string_view name) const {
  const auto it =
      std::find_if(rows_.begin(), rows_.end(), [&](const Format* row) { return row->name == name; });
  return it == rows_.end() ? nullptr : *it;
}

const Format* Formats::reader_of(std::string_view name) const {
  const auto has_name = [&](const Format* row) {
    return row->name == name || std::any_of(row->dialects.begin(), row->dialects.end(),
                                            [&](const FormatName& dialect) { return dialect.name == name; });
  };
  const auto it = std::find_if(rows_.begin(), rows_.end(), has_name);
  return it == rows_.end() ? nullptr : *it;
}

std::string_view Formats::title(std::string_view name) const {
  for (const Format* row : rows_) {
    if (row->name == name) return row->title;
    for (const FormatName& dialect : row->dialects) {
      if (dialect.name == name) return dialect.title;
    }
  }
  return name;
}

std::vector<std::string> Formats::readable() const {
  std::vector<std::string> names;
  for (const Format* row : rows_) names.emplace_back(row->name);
  return names;
}

std::vector<std::string> Formats::names() const {
  std::vector<std::string> names;
  for (const Format* row : rows_) {
    names.emplace_back(row->name);
    for (const FormatName& dialect : row->dialects) names.emplace_back(dialect.name);
  }
  return names;
}

std::vector<std::string> Formats::writable() const {
  std::vector<std::string> names;
  for (const Format* row : rows_) {
    if (row->is_written()) names.emplace_back(row->name);
  }
  return names;
}

std::string Formats::names_where(Property holds) const {
  std::vector<std::string> names;
  for (const Format* row : rows_) {
    if (holds(*row)) names.emplace_back(row->name);
  }
  return listed(names);
}

std::string Formats::titles_where(Property holds) const {
  std::vector<std::string> titles;
  for (const Format* row : rows_) {
    if (holds(*row)) titles.emplace_back(row->title);
  }
  return listed(titles);
}

std::vector<std::string> Formats::codecs() const {
  std::vector<std::string> names;
  for (const Format* row : rows_) {
    for (const std::string_view codec : row->codecs) add_once(names, codec);
  }
  return names;
}

std::string Formats::codecs_of_each() const {
  std::string text;
  for (const Format* row : rows_) {
    if (row->codecs.empty()) continue;
    const std::string_view chosen = row->default_codec.empty() ? "as in the image" : row->default_codec;
    text += fmt::format("{}{}: {} (default: {})", text.empty() ? "" : "; ", row->name,
                        fmt::join(row->codecs, ", "), chosen);
  }
  return text;
}

const Format& Formats::with_areas() const {
  return **std::find_if(rows_.begin(), rows_.end(), [](const Format* row) { return row->areas != nullptr; });
}

Result<const Format*> Formats::recognise(const File& file) const {
  TRY(auto start, file.read_at(0, std::min<std::uint64_t>(file.size(), kFormatHeadBytes)));
  const bool flattened = is_flattened(start);
  if (flattened) start = flattened_head(file, kFormatHeadBytes);
  const FormatHead head{start, file.size()};
  const Format* first_inside = nullptr;
  for (const Format* row : rows_) {
    if (flattened && !row->may_be_flattened) continue;
    if (row->recognise(head)) return row;
    if (first_inside == nullptr) first_inside = row;
  }
  if (flattened) return first_inside;  // its reader says what is wrong
  const Unrecognised other = describe_unrecognised(file, start);
  return fail(make_error(ErrorKind::NotRecognised, "format", other.found,
                         fmt::format("{}", fmt::join(readable(), ", ")))
                  .of(file.path())
                  .advise(other.advice));
}

// A device with an area looks like a swap area, or like nothing.
bool Formats::may_lie_in_area(const Format& row, std::string_view name) const {
  if (name.empty() || name == kAutoFormat || name == row.name) return true;
  const Format* named = reader_of(name);
  return named != nullptr && named->takes_swap_offset;
}

// What is not recognised may hold images all the same.
Error Formats::with_hint(Error error, const std::shared_ptr<const File>& file) const {
  if (error.kind != ErrorKind::NotRecognised) return error;
  for (const Format* row : rows_) {
    if (row->is_worth_carving != nullptr && row->is_worth_carving(file)) error.advice = carve_advice(*file);
  }
  return error;
}

Result<std::unique_ptr<ImageReader>> Formats::open_row(const Format& row,
                                                       const std::shared_ptr<const File>& file,
                                                       const OpenOptions& options) const {
  auto image = row.open(file, options);
  if (!image && row.carve != nullptr && !options.at) return fail(with_hint(std::move(image).error(), file));
  return image;
}

// A dialect is opened by the reader of its format, which must then find that dialect.
Result<std::unique_ptr<ImageReader>> Formats::open_as(std::string_view name,
                                                      const std::shared_ptr<const File>& file,
                                                      const OpenOptions& options) const {
  const Format* row = reader_of(name);
  if (row == nullptr) {
    return fail(make_error(ErrorKind::Usage, "--format", std::string(name),
                           fmt::format("{}", fmt::join(names(), ", "))));
  }
  TRY(auto image, open_row(*row, file, options));
  if (name == row->name || image->info().format == name) return image;
  return fail(make_error(ErrorKind::NotRecognised, "--format", image->info().format, std::string(name))
                  .of(image->info().path)
                  .advise(fmt::format("-f {} reads it", row->name)));
}

Result<std::unique_ptr<ImageReader>> Formats::open(const std::string& path, std::string_view name,
                                                   const OpenOptions& options) const {
  TRY(const auto file, open_input(path, options.progress));
  auto image = open_file(file, name, options);
  // A reader that finds too little says so, and not why.
  for (const Wrapping& wrapping : file->wrappings()) {
    if (!image && wrapping.broken) return fail(*wrapping.broken);
  }
  if (image && options.opened) options.opened(**image);
  return image;
}

Result<std::unique_ptr<ImageReader>> Formats::open_file(const std::shared_ptr<const File>& file,
                                                        std::string_view name,
                                                        const OpenOptions& options) const {
  const bool by_content = name == kAutoFormat;
  const auto head = checked_mul<std::uint64_t>(by_content ? 0 : options.swap_offset.value_or(0), kOffsetUnit);
  for (const Format* row : rows_) {
    if (row->areas == nullptr || options.at || !may_lie_in_area(*row, name)) continue;
    TRY(const auto image, row->areas->open(file, head.value_or(0)));
    if (image != file) return row->open(image, options);
  }
  if (!name.empty() && !by_content) return open_as(name, file, options);
  for (const Format* row : rows_) {
    const bool is_named = !by_content && ((row->takes_swap_offset && options.swap_offset) ||
                                          (row->takes_base_address && options.base_address) ||
                                          (row->carve != nullptr && options.at));
    if (is_named) return open_row(*row, file, options);
  }
  auto row = recognise(*file);
  if (!row) return fail(with_hint(std::move(row).error(), file));
  return open_row(**row, file, options);
}

Result<std::unique_ptr<ImageReader>> Formats::open_whole(const std::string& path, std::string_view name,
                                                         const OpenOptions& options) const {
  TRY(auto image, open(path, name, options));
  if (options.salvage || image->info().damage.empty()) return image;
  return fail(advise_salvage(image->info().damage.front().error));
}

}  // namespace hib
