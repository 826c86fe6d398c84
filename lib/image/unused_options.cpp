#include "lib/image/unused_options.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

namespace hib {

bool takes_base_address(const Format& format) { return format.takes_base_address; }
bool takes_page_size(const Format& format) { return format.takes_page_size; }
bool takes_place(const Format& format) { return format.carve != nullptr; }
bool takes_offset(const Format& format) { return format.takes_swap_offset || format.areas != nullptr; }

namespace {

// An option of reading is for some formats, or for some images of any format.
struct Rule {
  const char* option;
  bool (*is_given)(const OpenOptions& options);
  Formats::Property is_for;
  bool (*is_for_image)(const ImageInfo& info) = nullptr;
  const char* images = nullptr;  // those of is_for_image
};

bool is_any(const Format&) { return true; }

constexpr Rule kRules[] = {
    {"--base-address", [](const OpenOptions& o) { return o.base_address.has_value(); }, takes_base_address},
    {"--page-size", [](const OpenOptions& o) { return o.page_size != OpenOptions().page_size; },
     takes_page_size},
    {"--offset", [](const OpenOptions& o) { return o.swap_offset.has_value(); }, takes_offset},
    {"--at", [](const OpenOptions& o) { return o.at.has_value(); }, takes_place},
    {"--passphrase-file", [](const OpenOptions& o) { return !o.passphrase.empty(); }, is_any,
     [](const ImageInfo& info) { return info.is_encrypted; }, "an encrypted image"},
    {"--base-image", [](const OpenOptions& o) { return !o.base_image.empty(); }, is_any,
     [](const ImageInfo& info) { return info.is_incremental; }, "an incremental image"},
};

bool is_used(const Rule& rule, const Formats& formats, const ImageInfo& info) {
  const Format* format = formats.reader_of(info.format);
  return format != nullptr && rule.is_for(*format) &&
         (rule.is_for_image == nullptr || rule.is_for_image(info));
}

}  // namespace

Result<void> refuse_unused(const Formats& formats, const OpenOptions& options,
                           const std::vector<ImageInfo>& images) {
  for (const Rule& rule : kRules) {
    if (!rule.is_given(options)) continue;
    const bool used = std::any_of(images.begin(), images.end(),
                                  [&](const ImageInfo& info) { return is_used(rule, formats, info); });
    if (used) continue;
    const bool has_one = images.size() == 1;
    return fail(make_error(ErrorKind::Usage, rule.option,
                           has_one ? fmt::format("of no use for this {}", formats.title(images[0].format))
                                   : std::string("of no use for any image of this command"),
                           rule.images != nullptr ? rule.images : formats.titles_where(rule.is_for))
                    .of(has_one ? images[0].path : ""));
  }
  return {};
}

}  // namespace hib
