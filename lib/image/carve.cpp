#include "lib/image/carve.h"

#include <fmt/format.h>

#include "lib/image/unrecognised.h"

namespace hib {

std::string_view name_of(Confidence confidence) {
  switch (confidence) {
    case Confidence::Certain: return "certain";
    case Confidence::Likely: return "likely";
    case Confidence::Possible: return "possible";
  }
  return "";
}

std::string carve_advice(const File& file) {
  return fmt::format("hibtool inspect --carve {} lists the images of which parts lie in it",
                     path_for_shell(file));
}

}  // namespace hib
