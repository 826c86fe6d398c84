#include "lib/report/report_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "lib/base/text.h"
#include "lib/os/overlap.h"

namespace hib::report {
namespace {

Error refused(const std::string& path, std::string found, std::string allowed) {
  return make_error(ErrorKind::Refused, "report", std::move(found), std::move(allowed)).of(path);
}

// Whatever an image leads to, a base or the other parts of a dump, is not known yet: but it is no page.
bool is_page(const std::string& path) {
  constexpr std::string_view kBegin = "<!DOCTYPE html>";
  std::ifstream file(path, std::ios::binary);
  std::string begin(kBegin.size(), '\0');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  return file && begin == kBegin;
}

}  // namespace

Result<ReportFile> ReportFile::create(const std::string& path, bool force,
                                      const std::vector<std::string>& inputs) {
  if (path.empty()) return ReportFile(nullptr);
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  if (path == "-" || (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)))
    return fail(refused(path, "no file", "the name of a file"));
  const bool is_input = std::any_of(inputs.begin(), inputs.end(), [&](const std::string& input) {
    return !input.empty() && may_overlap(input, path);
  });
  if (is_input) return fail(refused(path, "an input of this command", "another file"));
  const bool is_below = std::any_of(inputs.begin(), inputs.end(), [&](const std::string& input) {
    return !input.empty() && input != "/" && lies_below(path, input);  // all lies below that one
  });
  if (is_below) return fail(refused(path, "below a folder that this command reads", "a place outside of it"));
  const auto itself = std::filesystem::symlink_status(path, ignored);
  if (std::filesystem::is_symlink(itself))  // such as /dev/stdout
    return fail(refused(path, "a symbolic link", "the name of a file"));
  if (force && std::filesystem::exists(itself) && !is_page(path))
    return fail(refused(path, "a file that is no page of HTML", "an earlier report, or a new name"));
  TRY(auto output, Output::create(path, force));
  return ReportFile(std::move(output));
}

Result<void> ReportFile::publish(const std::function<std::string()>& html) {
  if (output_ == nullptr) return {};
  TRY_OK(output_->append(as_bytes(html())));
  return output_->publish();
}

void ReportFile::print_place(std::ostream& out, bool masked) const {
  if (output_ == nullptr) return;
  const std::filesystem::path path(output_->path());
  out << "report       " << printable(masked ? path.filename().string() : path.string()) << "\n";
}

}  // namespace hib::report
