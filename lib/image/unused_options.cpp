#include "lib/image/unused_options.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

namespace hib {
namespace {

struct Rule {
  const char* option;
  const char* used_by;
  bool (*is_given)(const OpenOptions& options);
  bool (*is_used)(const Format& format, const ImageInfo& info);
};

constexpr Rule kRules[] = {
    {"--base-address", "raw memory", [](const OpenOptions& o) { return o.base_address.has_value(); },
     [](const Format& format, const ImageInfo&) { return format.takes_base_address; }},
    {"--offset", "a hibernation image", [](const OpenOptions& o) { return o.swap_offset.has_value(); },
     [](const Format& format, const ImageInfo&) {
       return format.takes_swap_offset || format.areas != nullptr;
     }},
    {"--passphrase-file", "an encrypted image", [](const OpenOptions& o) { return !o.passphrase.empty(); },
     [](const Format&, const ImageInfo& info) { return info.is_encrypted; }},
    {"--base-image", "an incremental .hib image", [](const OpenOptions& o) { return !o.base_image.empty(); },
     [](const Format&, const ImageInfo& info) { return info.is_incremental; }},
};

bool is_used(const Rule& rule, const Formats& formats, const ImageInfo& info) {
  const Format* format = formats.reader_of(info.format);
  return format != nullptr && rule.is_used(*format, info);
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
                           rule.used_by)
                    .of(has_one ? images[0].path : ""));
  }
  return {};
}

}  // namespace hib
