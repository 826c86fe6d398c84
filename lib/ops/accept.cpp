#include "lib/ops/accept.h"

namespace hib {

Result<std::vector<Layer>> check_acceptance(const Formats& formats, const ImageReader& image,
                                            const Machine& machine) {
  for (const Format* format : formats.rows()) {
    if (format->accept == nullptr) continue;
    if (const Record* record = find_record(image.records(), format->record_type))
      return format->accept(*record, machine);
  }
  return fail(make_error(ErrorKind::Usage, "--against-running", image.info().format,
                         "a hibernation image, or one made from it")
                  .of(image.info().path));
}

}  // namespace hib
