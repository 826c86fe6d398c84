#include "lib/image/carve.h"

#include <fmt/format.h>

#include "lib/image/unrecognised.h"

namespace hib {

std::string carve_advice(const File& file) {
  return fmt::format("hibtool inspect --carve {} lists the images of which parts lie in it",
                     path_for_shell(file));
}

}  // namespace hib
