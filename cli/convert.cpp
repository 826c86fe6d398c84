#include "cli/convert.h"

#include "cli/option_rules.h"
#include "lib/codec/zstd.h"
#include "lib/report/convert.h"

namespace hib::cli {

void add_hib_options(CLI::App& app, WriteOptions& options, const std::string& prefix) {
  take_from_to(*app.add_option("--level", options.level, prefix + "zstd level; higher is smaller and slower")
                    ->type_name("N")
                    ->capture_default_str(),
               min_zstd_level(), max_zstd_level());
  take_from_to(
      *app.add_option(
              "--chunk-size", options.chunk_kib,
              prefix + "KiB compressed together: larger is smaller, smaller reaches single pages faster")
           ->type_name("KIB")
           ->capture_default_str(),
      4, 4096);
}

int run_conversion(const Context& context, const std::string& verb, ConvertRequest request) {
  if (context.options.json && request.output == "-") {
    return context.report(make_error(ErrorKind::Usage, "--json", "standard output is the image", "-o FILE"));
  }
  request.source_format = context.format_for(0);
  request.threads = context.options.threads;
  request.describe = context.options.json || !context.options.quiet;
  request.progress = context.progress(verb);
  const auto report = convert(context.formats, request);
  request.progress = {};  // the line goes before anything else is printed
  if (!report) return context.report(report.error());
  if (context.options.json) {
    context.document(report::json_of_convert(verb, request, *report));
  } else if (!context.options.quiet) {
    report::print_convert(request.output == "-" ? context.streams.err : context.streams.out, request,
                          *report);
  }
  for (const std::string& note : report::notes_of(request, *report)) context.note(note);
  return report->is_partial() ? kPartial : kDone;
}

}  // namespace hib::cli
