#include "cli/context.h"

#include <string_view>

#include <fmt/format.h>

#include "cli/option_rules.h"
#include "lib/base/number.h"
#include "lib/image/format_names.h"
#include "lib/image/open_values.h"
#include "lib/image/unused_options.h"
#include "lib/os/cancel.h"
#include "lib/os/path_advice.h"
#include "lib/os/terminal.h"
#include "lib/report/layout.h"
#include "lib/report/opened.h"

namespace hib::cli {

namespace {

std::string in_charset(const std::string& text) { return speaks_utf8() ? text : report::in_ascii(text); }

}  // namespace

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::NotFound:
    case ErrorKind::Io:
    case ErrorKind::NotRecognised:
    case ErrorKind::Unsupported:
    case ErrorKind::Truncated:
    case ErrorKind::Corrupt:
    case ErrorKind::Limit: return kCouldNot;
    case ErrorKind::NoPage: return kNo;
    case ErrorKind::Exists:
    case ErrorKind::Refused:
    case ErrorKind::WrongBase: return kRefused;
    case ErrorKind::Authentication: return kAuthentication;
    case ErrorKind::Usage: return kUsage;
    case ErrorKind::Cancelled: return kSignal + cancelling_signal();
  }
  return kCouldNot;
}

Result<std::optional<std::uint64_t>> Context::swap_offset() const {
  if (options.swap_offset.empty()) return std::optional<std::uint64_t>();
  TRY(const std::uint64_t offset, parse_number(options.swap_offset, "--offset"));
  return std::optional(offset);
}

Result<OpenOptions> Context::open_options(std::size_t position) const {
  OpenOptions open;
  open.salvage = options.salvage;
  open.base_image = options.base_image;
  if (!options.base_address.empty()) {
    TRY(open.base_address, parse_number(options.base_address, "--base-address"));
  }
  if (!options.page_size.empty()) {
    TRY(open.page_size, parse_page_size(options.page_size, "--page-size"));
  }
  TRY(open.swap_offset, swap_offset());
  TRY(open.at, place_of_image(options.places, position));
  open.progress =
      report::progress_in_steps([this](const std::string& what) { return progress("unpack " + what); });
  if (options.verbose) {
    open.opened = [this, position, given = open](const ImageReader& image) {
      for (const std::string& text : report::details_of(image, formats, format_for(position), given))
        detail(text);
    };
  }
  if (!options.passphrase_file.empty()) {
    TRY(open.passphrase, read_passphrase(options.passphrase_file));
  }
  return open;
}

std::string Context::format_for(std::size_t position) const {
  return format_name_at(options.formats, position);
}

Result<std::unique_ptr<ImageReader>> Context::open(const std::string& path, std::size_t position) const {
  TRY(const auto open, open_options(position));
  return formats.open_whole(path, format_for(position), open);
}

Result<std::unique_ptr<ImageReader>> Context::open_for_look(const std::string& path, bool salvage,
                                                            std::size_t position) const {
  TRY(auto open, open_options(position));
  open.salvage = salvage;
  return formats.open(path, format_for(position), open);
}

Result<std::unique_ptr<ImageReader>> Context::open_without_base(const std::string& path,
                                                                std::size_t position) const {
  TRY(auto open, open_options(position));
  open.without_base = true;
  return formats.open(path, format_for(position), open);
}

Result<void> Context::refuse_unused_options(const std::vector<ImageInfo>& images) const {
  TRY(const auto given, open_options());
  return refuse_unused(formats, given, images);
}

int Context::report(const Error& given) const {
  const Error error = with_path_advice(given);
  line(error.line());
  if (options.json) document(report::json_of_error(error));
  return exit_code(error.kind);
}

void Context::note(const std::string& text) const {
  if (!options.quiet) streams.err << "hibtool: " << in_charset(text) << "\n";
}

void Context::detail(const std::string& text) const {
  if (options.verbose) streams.err << err_style.dim("hibtool: " + in_charset(text)) << "\n";
}

void Context::line(const std::string& text) const {
  streams.err << err_style.bold("hibtool: ") << in_charset(text) << "\n";
}

report::Colours Context::colours_of(const CommonOptions& options) {
  if (options.colours == "auto") return report::Colours::Auto;
  return options.colours == "always" ? report::Colours::Always : report::Colours::Never;
}

ProgressCallback Context::progress(std::string what) const {
  using Form = report::ProgressForm;
  const bool is_drawn =
      options.progress == "auto" && shows_text() && streams.err_is_terminal && !is_dumb_terminal();
  const Form form = options.progress == "json" ? Form::Documents : is_drawn ? Form::Line : Form::Silent;
  return report::progress_to(streams.err, form, std::move(what));
}

report::StepProgress Context::progress_in_steps() const {
  return report::progress_in_steps([this](std::string step) { return progress(std::move(step)); });
}

void add_common_options(CLI::App& verb, CommonOptions& options) {
  verb.add_flag("--json", options.json, "print one JSON document on standard output");
  verb.add_flag("-q,--quiet", options.quiet, "no progress, no summary");
  verb.add_flag("-v,--verbose", options.verbose, "say on standard error how images are found and read");
  take_one_of(*verb.add_option("--color", options.colours, "colours: auto (on a terminal), always, never")
                   ->type_name("WHEN"),
              {"auto", "always", "never"});
  take_one_of(
      *verb.add_option("--progress", options.progress,
                       "progress: auto (on a terminal), json (a document a line on standard error), never")
           ->type_name("HOW"),
      {"auto", "json", "never"});
  verb.add_flag("--no-pager", options.no_pager, "print long text as it is, on a terminal too");
  take_from_to(*verb.add_option("--threads", options.threads,
                                "at most N worker threads (default: one for each processor)")
                    ->type_name("N"),
               1, 1024);
}

void add_input_options(CLI::App& verb, CommonOptions& options, const Formats& formats) {
  add_common_options(verb, options);
  add_format_option(verb, options.formats, formats);
  verb.add_option("--base-address", options.base_address,
                  formats.titles_where(takes_base_address) + ": the physical address of its first byte")
      ->type_name("ADDR");
  verb.add_option("--page-size", options.page_size,
                  formats.titles_where(takes_page_size) +
                      ": size of a page, which the file does not say (default: 4096)")
      ->type_name("BYTES");
  verb.add_option("--offset", options.swap_offset,
                  "page of a device at which the image begins (of a hibernation image: the kernel's "
                  "resume_offset), where it cannot be found")
      ->type_name("PAGES");
  verb.add_option("--at", options.places,
                  formats.titles_where(takes_place) +
                      " whose header is gone: the block that inspect --carve lists it by (of several images, "
                      "in their order: 33,auto)")
      ->type_name("BLOCK")
      ->check([&verb](const std::string& text) { return complaint_about_places(text, images_given(verb)); },
              "");
  verb.add_option("--passphrase-file", options.passphrase_file,
                  "encrypted image: file whose first line is the passphrase")
      ->type_name("FILE");
  verb.add_option("--base-image", options.base_image,
                  "incremental image: where its base is, if not beside it")
      ->type_name("FILE");
}

}  // namespace hib::cli
