#include "cli/report_option.h"

#include "cli/option_rules.h"

namespace hib::cli {

void ReportOption::add_to(CLI::App& verb) {
  verb_ = &verb;
  verb.add_option("--report", path_, "write all of it into this file too, as a page of HTML")
      ->type_name("FILE");
  verb.add_flag("--force", force_, "with --report: replace an earlier report");
}

Result<report::ReportFile> ReportOption::open(const Context& context, std::vector<std::string> inputs) const {
  TRY_OK(only_with(*verb_, "--report", {"--force"}));
  if (verb_->count("--report") > 0 && path_.empty())
    return fail(make_error(ErrorKind::Usage, "--report", "empty", "the name of a file"));
  for (const std::string& more : {context.options.base_image, context.options.passphrase_file})
    inputs.push_back(more);
  return report::ReportFile::create(path_, force_, inputs);
}

}  // namespace hib::cli
