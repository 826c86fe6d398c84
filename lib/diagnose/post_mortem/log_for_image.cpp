#include "lib/diagnose/post_mortem/log_for_image.h"

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/log/log.h"
#include "lib/diagnose/log/log_bytes.h"

namespace hib::diagnose {
namespace {

// Cheap: a disk without a signature is not read as if it were a log.
bool begins_as_text(const std::string& path) {
  auto bytes = logs::LogBytes::open(path);
  const auto first = bytes ? bytes->line() : std::nullopt;
  return first && first->text.find('\0') == std::string_view::npos;
}

}  // namespace

Error with_hint_of_log(Error error) {
  if (error.kind != ErrorKind::NotRecognised) return error;
  if (!begins_as_text(error.file)) return error;
  LogSet logs;
  if (!read_log_file(error.file, logs) || logs.boots.empty()) return error;
  error.found = "the text of a log";
  return std::move(error).advise(fmt::format("this is a log: --log {}", shell_word(error.file)));
}

}  // namespace hib::diagnose
