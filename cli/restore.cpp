#include <fmt/format.h>

#include "cli/convert.h"
#include "cli/rearm.h"
#include "cli/resume.h"
#include "cli/verb.h"

namespace hib::cli {
namespace {

// "kdump: none, zlib (default: lzo); swsusp: lzo, lz4, none (default: as in the image)"
std::string codecs_of(const Formats& formats) {
  std::string text;
  for (const Format* format : formats.rows()) {
    if (format->codecs.empty()) continue;
    const std::string_view chosen = format->default_codec.empty() ? "as in the image" : format->default_codec;
    text += fmt::format("{}{}: {} (default: {})", text.empty() ? "" : "; ", format->name,
                        fmt::join(format->codecs, ", "), chosen);
  }
  return text;
}

class Restore final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats& formats) override {
    app.add_option("IMAGE", image_, "the image; - is standard input")->required();
    app.add_option("-o,--output", output_, "where it goes; - is standard output")->type_name("FILE");
    app.add_option("--as", as_, "format to write: " + listed(formats.writable()))
        ->type_name("FORMAT")
        ->check(CLI::IsMember(formats.writable()));
    app.add_option("--codec", write_.codec, codecs_of(formats))
        ->type_name("NAME")
        ->check(CLI::IsMember(formats.codecs()));
    app.add_option(
           "--target-offset", target_offset_,
           "swsusp: page of the output that holds the swap header (resume_offset), where it cannot be found")
        ->type_name("PAGES");
    add_hib_options(app, write_, "hib: ");
    app.add_flag("--by-extents", write_.by_extents,
                 "swsusp: the output is a swap file of this machine, on a mounted file system");
    app.add_flag("--without-swapped-pages", write_.without_swapped,
                 "hib, swsusp: leave out the pages that the machine had swapped out");
    app.add_flag("--force", write_.force,
                 "replace an existing file, or what a device holds; swsusp: write over an armed image too");
    app.add_flag("--salvage", common.salvage, "go on past damage with what is whole (exit code 3)");
    add_input_options(app, common, formats);
    add_earlier_spellings(app);
    app.footer(
        "Examples:\n"
        "  hibtool restore crash.hib -o vmcore --as elf       # crash, gdb, makedumpfile open it\n"
        "  hibtool restore crash.hib -o memory.raw --as raw   # byte N is physical address N; holes stay "
        "holes\n"
        "  hibtool restore laptop.hib -o /dev/sda3 --as swsusp  # into an existing swap area: the kernel "
        "resumes from it\n"
        "  hibtool restore crash.hib -o - --as kdump | ssh host 'makedumpfile -R vmcore'");
  }

  int run(const Context& context) const override {
    if (jump_) return run_resume(context, image_, resume_, write_.force);
    if (rearm_) return run_rearm(context, image_, rearm_options_);
    const auto request = conversion(context);
    return request ? run_conversion(context, "restore", *request) : context.report(request.error());
  }

 private:
  // The verbs resume and rearm were options of this one. Not shown; same exit codes and documents.
  void add_earlier_spellings(CLI::App& app) {
    const std::size_t shown = app.get_options().size();
    app.add_flag("--jump", jump_, "as the verb resume");
    add_resume_options(app, resume_);
    app.add_flag("--rearm", rearm_, "as the verb rearm");
    add_rearm_options(app, rearm_options_);
    const auto options = app.get_options([](CLI::Option*) { return true; });
    for (std::size_t i = shown; i < options.size(); ++i) options[i]->group("");
  }

  // --offset is the source's, where the source is a swap area itself; of any other source it is the output's.
  Result<std::optional<std::uint64_t>> offset_of_target(const Context& context) const {
    if (!target_offset_.empty()) {
      TRY(const std::uint64_t offset, parse_number(target_offset_, "--target-offset"));
      return std::optional(offset);
    }
    TRY(const auto offset, context.swap_offset());
    if (!offset || as_ != "swsusp") return std::optional<std::uint64_t>();
    TRY(const auto source, context.open_for_look(image_, true));
    return source->info().format == "swsusp" ? std::optional<std::uint64_t>() : offset;
  }

  Result<ConvertRequest> conversion(const Context& context) const {
    if (output_.empty() || as_.empty()) {
      return fail(make_error(ErrorKind::Usage, output_.empty() ? "--output" : "--as", "missing",
                             "both -o FILE and --as FORMAT"));
    }
    ConvertRequest request;
    request.source = image_;
    request.output = output_;
    request.as = context.formats.find(as_);
    request.write = write_;
    TRY(request.write.swap_offset, offset_of_target(context));
    return request;
  }

  std::string image_;
  std::string output_;
  std::string as_;
  std::string target_offset_;
  WriteOptions write_;
  bool jump_ = false;
  ResumeOptions resume_;
  bool rearm_ = false;
  RearmOptions rearm_options_;
};

}  // namespace

std::unique_ptr<Verb> make_restore() { return std::make_unique<Restore>(); }

}  // namespace hib::cli
