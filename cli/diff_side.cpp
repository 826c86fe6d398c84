#include "cli/diff_side.h"

#include "cli/device_source.h"
#include "lib/base/text.h"

namespace hib::cli {

Result<DiffSide> open_side(const Context& context, const std::string& path, std::size_t position) {
  DiffSide side;
  side.path = printable(path);
  if (context.format_for(position).empty()) {
    TRY(const auto records, probe_records(path));
    if (records) {
      side.format = "probe";
      TRY(side.devices, devices_in(*records, path));
      return side;
    }
  }
  TRY(side.image, context.open(path, position));
  side.format = side.image->info().format;
  TRY(side.devices, devices_in(side.image->records(), path));
  return side;
}

Result<DiffSide> machine_side(const std::string& root) {
  DiffSide side;
  side.path = root.empty() ? "this machine" : printable(root);
  side.format = "machine";
  TRY(side.devices, devices_here(root));
  return side;
}

}  // namespace hib::cli
