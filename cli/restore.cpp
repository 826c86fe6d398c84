#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/convert.h"
#include "cli/option_rules.h"
#include "cli/rearm.h"
#include "cli/resume.h"
#include "cli/verb.h"
#include "lib/base/number.h"
#include "lib/base/text.h"

namespace hib::cli {
namespace {

// An option of writing, and the formats that it is for.
struct WriteOption {
  const char* name;
  bool (*is_used)(const Format& format);
};

bool is_written_into(const Format& format) { return format.write_into != nullptr; }

constexpr WriteOption kWriteOptions[] = {
    {"--codec", [](const Format& format) { return !format.codecs.empty(); }},
    {"--level", [](const Format& format) { return format.takes_level; }},
    {"--chunk-size", [](const Format& format) { return format.takes_level; }},
    {"--by-extents", is_written_into},
    {"--target-offset", is_written_into},
    {"--without-swapped-pages",
     [](const Format& format) { return format.keeps_swapped || is_written_into(format); }},
};
std::string users_of(std::string_view name, const Formats& formats) {
  for (const WriteOption& option : kWriteOptions) {
    if (option.name == name) return formats.names_where(option.is_used);
  }
  return "";
}

constexpr auto kRearmOptions = {"--yes", "--against", "--trust-swapped-pages", "--device"};
constexpr auto kResumeOptions = {"--kernel", "--modules", "--module", "--append", "--accept", "--wait"};

class Restore final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats& formats) override {
    verb_ = &app;
    app.add_option("IMAGE", image_, "the image; - is standard input")->required();
    app.add_option("-o,--output", output_, "where the memory goes; - is standard output")->type_name("FILE");
    const std::vector<std::string> names = formats.writable();
    take_one_of(*app.add_option("--as", as_, "format to write: " + listed(names))->type_name("FORMAT"),
                names);
    take_one_of(*app.add_option("--codec", write_.codec, formats.codecs_of_each())->type_name("NAME"),
                formats.codecs());
    const auto users = [&](std::string_view option) { return users_of(option, formats) + ": "; };
    app.add_option("--target-offset", target_offset_,
                   users("--target-offset") +
                       "page of the output that holds the swap header (resume_offset), where it cannot be "
                       "found")
        ->type_name("PAGES");
    add_hib_options(app, write_, users("--level"));
    app.add_flag(
        "--by-extents", write_.by_extents,
        users("--by-extents") + "the output is a swap file of this machine, on a mounted file system");
    app.add_flag("--without-swapped-pages", write_.without_swapped,
                 users("--without-swapped-pages") + "leave out the pages that the machine had swapped out");
    app.add_flag("--force", write_.force,
                 "replace an existing file, what a device holds, or an armed image in a swap area");
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
    if (jump_ || rearm_) {
      const auto fits = check_earlier_spelling(jump_ ? "--jump" : "--rearm");
      if (!fits) return context.report(fits.error());
    }
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

  // Options of writing that the format does not use.
  Result<void> check_options(const Context& context, const Format& as) const {
    for (const WriteOption& option : kWriteOptions) {
      if (verb_->count(option.name) == 0 || option.is_used(as)) continue;
      return fail(make_error(ErrorKind::Usage, option.name, fmt::format("of no use with --as {}", as.name),
                             "--as " + context.formats.names_where(option.is_used)));
    }
    const bool has_codec = write_.codec.empty() ||
                           std::find(as.codecs.begin(), as.codecs.end(), write_.codec) != as.codecs.end();
    if (has_codec) return {};
    return fail(make_error(ErrorKind::Usage, "--codec", fmt::format("{} with --as {}", write_.codec, as.name),
                           fmt::format("{}", fmt::join(as.codecs, ", "))));
  }

  Result<ConvertRequest> conversion(const Context& context) const {
    TRY_OK(only_with(*verb_, "--rearm", kRearmOptions));
    TRY_OK(only_with(*verb_, "--jump", kResumeOptions));
    if (output_.empty() || as_.empty()) {
      return fail(make_error(ErrorKind::Usage, output_.empty() ? "--output" : "--as", "missing",
                             "both -o FILE and --as FORMAT"));
    }
    ConvertRequest request;
    TRY(request.open, context.open_options());
    request.source = image_;
    request.output = output_;
    request.as = context.formats.find(as_);
    request.write = write_;
    TRY_OK(check_options(context, *request.as));
    if (!target_offset_.empty()) {
      TRY(request.write.swap_offset, parse_number(target_offset_, "--target-offset"));
    }
    request.source_format = context.format_for(0);
    give_offset_to_output(context.formats, request);
    return request;
  }

  // What the verbs resume and rearm do not know.
  Result<void> check_earlier_spelling(const char* spelling) const {
    TRY_OK(not_with(*verb_, spelling, {"--output", "--as", "--salvage"}));
    for (const WriteOption& option : kWriteOptions) TRY_OK(not_with(*verb_, spelling, {option.name}));
    return {};
  }

  const CLI::App* verb_ = nullptr;
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
