#include <fmt/format.h>

#include "lib/diagnose/log/boots.h"
#include "lib/diagnose/log/export.h"
#include "lib/diagnose/log/log.h"
#include "lib/diagnose/log/log_bytes.h"
#include "lib/diagnose/log/text_line.h"
#include "lib/os/cancel.h"

namespace hib::diagnose {
namespace logs {
namespace {

void read_text(LogBytes& bytes, BootCollector& boots) {
  TextLines lines;
  while (const auto raw = bytes.line()) {
    auto parsed = lines.parse(raw->text);
    if (!parsed) continue;
    if (parsed->enters_boot) {
      boots.enter_boot(parsed->boot_id);
      continue;
    }
    parsed->line.offset = raw->offset;
    boots.add(parsed->line);
  }
}

}  // namespace
}  // namespace logs

Result<void> read_log_file(const std::string& path, LogSet& set) {
  TRY(auto bytes, logs::LogBytes::open(path));
  logs::BootCollector boots(path, set);
  if (logs::is_export(bytes.glimpse())) {
    logs::read_export(bytes, boots);
  } else if (logs::is_json(bytes.glimpse())) {
    logs::read_json(bytes, boots);
  } else {
    logs::read_text(bytes, boots);
  }
  if (cancelled()) return fail(cancelled_error());
  boots.finish();
  if (bytes.cut_off()) set.not_read.push_back(fmt::format("{}: {}", path, *bytes.cut_off()));
  return {};
}

}  // namespace hib::diagnose
