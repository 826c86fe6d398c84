#include "lib/ops/accept.h"

namespace hib {
namespace {

// Before a kernel compares anything it looks for the signature.
Layer check_signature(const ImageInfo& info) {
  constexpr const char* kName = "here: signature";
  if (info.state == ImageState::Armed) return {kName, LayerResult::Ok, "armed"};
  return {kName, LayerResult::Bad,
          "\"Image not found (code -22)\": consumed, so no kernel would look at it; hibtool rearm says "
          "whether the "
          "signature can be put back"};
}

bool is_in_swap_area(const ImageInfo& info) {
  return info.state == ImageState::Armed || info.state == ImageState::Consumed;
}

}  // namespace

Result<std::vector<Layer>> check_acceptance(const Formats& formats, const ImageReader& image,
                                            const Machine& machine) {
  for (const Format* format : formats.rows()) {
    if (format->accept == nullptr) continue;
    const Record* record = find_record(image.records(), format->record_type);
    if (record == nullptr) continue;
    TRY(std::vector<Layer> layers, format->accept(*record, machine));
    if (is_in_swap_area(image.info())) layers.insert(layers.begin(), check_signature(image.info()));
    return layers;
  }
  return fail(make_error(ErrorKind::Usage, "--against-running", image.info().format,
                         "a hibernation image, or one made from it")
                  .of(image.info().path));
}

}  // namespace hib
