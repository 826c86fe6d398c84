// Opening an image, and what that tells. The one file of this folder that knows the table of formats.

#include <algorithm>

#include "format/registry.h"
#include "lib/abi/handles.h"
#include "lib/base/text.h"
#include "lib/image/open_values.h"
#include "lib/image/unused_options.h"
#include "lib/image/vmcore_notes.h"

namespace hib::abi {
namespace {

constexpr std::uint32_t kKnownFlags =
    HIBTOOL_SALVAGE | HIBTOOL_WITHOUT_BASE | HIBTOOL_HAS_BASE_ADDRESS | HIBTOOL_HAS_SWAP_OFFSET;

std::string text_of(const char* text) { return text == nullptr ? "" : text; }

// The caller's options. A program that was built for an older library has fewer of them. One that was built
// for a newer one may have more, which must not be passed over in silence.
Result<hibtool_options> options_of(const hibtool_options* given) {
  hibtool_options options = HIBTOOL_OPTIONS_INIT;
  if (given == nullptr) return options;
  TRY_OK(require_size("hibtool_options", given->size, HIB_UP_TO(hibtool_options, passphrase)));
  std::memcpy(&options, given, std::min(given->size, sizeof options));
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  if (std::any_of(bytes + std::min(given->size, sizeof options), bytes + given->size,
                  [](auto b) { return b != 0; }))
    return fail(usage("hibtool_options", "an option that this version does not know", "zeros there"));
  if ((options.flags & ~kKnownFlags) != 0)
    return fail(usage("hibtool_options.flags", hex(options.flags), "flags that hibtool.h names"));
  return options;
}

Result<OpenOptions> open_options(const hibtool_options& given) {
  OpenOptions open;
  open.salvage = (given.flags & HIBTOOL_SALVAGE) != 0;
  open.without_base = (given.flags & HIBTOOL_WITHOUT_BASE) != 0;
  if ((given.flags & HIBTOOL_HAS_BASE_ADDRESS) != 0) open.base_address = given.base_address;
  if ((given.flags & HIBTOOL_HAS_SWAP_OFFSET) != 0) open.swap_offset = given.swap_offset;
  open.base_image = text_of(given.base_image);
  open.passphrase = text_of(given.passphrase);
  if (given.page_size == 0) return open;
  TRY(open.page_size, parse_page_size(std::to_string(given.page_size), "page_size"));
  return open;
}

// Errors name the options of the command line; here they are members of hibtool_options.
Error as_member(Error error) {
  if (!error.where.starts_with("--")) return error;
  error.where.erase(0, 2);
  std::replace(error.where.begin(), error.where.end(), '-', '_');
  if (error.where == "offset") error.where = "swap_offset";
  if (error.where == "passphrase_file") error.where = "passphrase";
  return error;
}

Result<std::unique_ptr<ImageReader>> open_reader(const char* path, const hibtool_options& options) {
  TRY(const OpenOptions open, open_options(options));
  TRY(auto reader, formats().open_whole(path, text_of(options.format), open));
  TRY_OK(refuse_unused(formats(), open, {reader->info()}));
  return reader;
}

void add_damage(const ImageInfo& info, std::vector<Finding>& findings) {
  for (const Damage& damage : info.damage) {
    std::string text = damage.error.text();
    const bool is_said = std::any_of(findings.begin(), findings.end(),
                                     [&](const Finding& finding) { return finding.text == text; });
    if (!is_said) findings.push_back({"damage", Severity::Error, damage.error.offset, std::move(text)});
  }
}

void describe_kernel(hibtool_image& image) {
  const KernelIdentity kernel = kernel_identity(*image.reader);
  const auto safe = [](const std::optional<std::string>& text) {
    return text ? std::optional(printable(*text)) : std::nullopt;
  };
  image.kernel_release = safe(kernel.release);
  image.kernel_version = safe(kernel.version);
  image.kernel_machine = safe(kernel.machine);
  const std::string* vmcoreinfo = vmcoreinfo_of(image.reader->records());
  if (vmcoreinfo == nullptr) return;
  image.kaslr_slide = vmcoreinfo_number(*vmcoreinfo, "KERNELOFFSET");
  const auto values = parse_vmcoreinfo(*vmcoreinfo);
  if (const auto it = values.find("BUILD-ID"); it != values.end()) image.build_id = printable(it->second);
}

std::unique_ptr<hibtool_image> image_of(std::unique_ptr<ImageReader> reader) {
  auto image = std::make_unique<hibtool_image>();
  image->reader = std::move(reader);
  const ImageInfo& info = image->reader->info();
  image->findings = info.findings;
  add_damage(info, image->findings);
  for (Finding& finding : image->findings) finding.text = printable(finding.text);
  for (const auto& [name, text] : info.details) image->details.emplace_back(name, printable(text));
  image->format = info.format;
  image->variant = printable(info.variant);
  image->path = printable(info.path);
  for (const FoundIn& around : info.found_in)
    image->found_in += (image->found_in.empty() ? "" : ",") + around.name;
  image->codec = info.codec;
  image->integrity_algorithm = info.integrity_algorithm;
  if (!info.integrity_value.empty()) image->integrity_value = info.integrity_value;
  image->content_digest = info.content_digest;
  describe_kernel(*image);
  return image;
}

hibtool_image_state image_state_of(ImageState state) {
  switch (state) {
    case ImageState::Unknown: return HIBTOOL_STATE_UNKNOWN;
    case ImageState::Complete: return HIBTOOL_STATE_COMPLETE;
    case ImageState::Incomplete: return HIBTOOL_STATE_INCOMPLETE;
    case ImageState::Armed: return HIBTOOL_STATE_ARMED;
    case ImageState::Consumed: return HIBTOOL_STATE_CONSUMED;
    case ImageState::None: return HIBTOOL_STATE_NONE;
  }
  return HIBTOOL_STATE_UNKNOWN;
}

hibtool_severity severity_of(Severity severity) {
  switch (severity) {
    case Severity::Note: return HIBTOOL_NOTE;
    case Severity::Warning: return HIBTOOL_WARNING;
    case Severity::Error: return HIBTOOL_ERROR;
  }
  return HIBTOOL_ERROR;
}

hibtool_info info_of(const hibtool_image& image) {
  const ImageInfo& info = image.reader->info();
  hibtool_info out = {};
  out.page_size = info.page_size;
  out.state = static_cast<std::uint32_t>(image_state_of(info.state));
  out.file_bytes = info.file_bytes;
  out.data_pages = info.pages.data;
  out.zero_pages = info.pages.zero;
  out.absent_pages = info.pages.absent;
  out.unreadable_pages = info.pages.unreadable;
  out.end_pfn = info.end_pfn;
  out.format = image.format.c_str();
  out.variant = image.variant.c_str();
  out.path = image.path.c_str();
  out.found_in = image.found_in.c_str();
  out.codec = image.codec.c_str();
  out.kernel_release = text_or_null(image.kernel_release);
  out.kernel_version = text_or_null(image.kernel_version);
  out.kernel_machine = text_or_null(image.kernel_machine);
  out.build_id = text_or_null(image.build_id);
  out.integrity_algorithm = image.integrity_algorithm.c_str();
  out.integrity_value = text_or_null(image.integrity_value);
  out.content_digest = text_or_null(image.content_digest);
  out.kaslr_slide = image.kaslr_slide.value_or(0);
  out.swap_offset = info.swap_offset.value_or(0);
  out.has_kaslr_slide = image.kaslr_slide.has_value();
  out.has_swap_offset = info.swap_offset.has_value();
  out.is_encrypted = info.is_encrypted;
  out.is_incremental = info.is_incremental;
  return out;
}

}  // namespace
}  // namespace hib::abi

extern "C" {

const char* hibtool_version() { return HIBTOOL_VERSION; }

hibtool_status hibtool_open(const char* path, const hibtool_options* options, hibtool_image** image,
                            hibtool_error** error) {
  using namespace hib::abi;
  return guarded(error, [&]() -> hib::Result<void> {
    TRY_OK(require(path, "path"));
    TRY_OK(require(image, "image"));
    TRY(const hibtool_options given, options_of(options));
    auto reader = open_reader(path, given);
    if (!reader) return hib::fail(as_member(std::move(reader).error()));
    *image = image_of(std::move(*reader)).release();
    return {};
  });
}

void hibtool_close(hibtool_image* image) { delete image; }

hibtool_status hibtool_get_info(const hibtool_image* image, hibtool_info* info, hibtool_error** error) {
  using namespace hib::abi;
  return guarded(error, [&]() -> hib::Result<void> {
    TRY_OK(require(image, "image"));
    TRY_OK(require(info, "info"));
    TRY_OK(require_size("hibtool_info", info->size, HIB_UP_TO(hibtool_info, is_incremental)));
    fill(info, info_of(*image));
    return {};
  });
}

size_t hibtool_finding_count(const hibtool_image* image) {
  return image == nullptr ? 0 : image->findings.size();
}

hibtool_status hibtool_get_finding(const hibtool_image* image, size_t index, hibtool_finding* finding,
                                   hibtool_error** error) {
  using namespace hib::abi;
  return guarded(error, [&]() -> hib::Result<void> {
    TRY_OK(require(image, "image"));
    TRY_OK(require(finding, "finding"));
    TRY_OK(require_size("hibtool_finding", finding->size, HIB_UP_TO(hibtool_finding, text)));
    TRY_OK(require_index(index, image->findings.size()));
    const hib::Finding& found = image->findings[index];
    fill(finding, {0, static_cast<std::uint32_t>(severity_of(found.severity)), found.offset.has_value(),
                   found.offset.value_or(0), found.code.c_str(), found.text.c_str()});
    return {};
  });
}

}  // extern "C"
