// Images that are found by their own structure, where no header leads to them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/image/info.h"
#include "lib/image/place.h"
#include "lib/os/file.h"

namespace hib {

enum class Confidence { Certain, Likely, Possible };

std::string_view name_of(Confidence confidence);  // "certain", as in documents

enum class CarvedKind {
  Image,    // its list of pages is there: it can be read, whole or not
  Remains,  // of an image whose beginning is gone: which page is which is not known
};

// One reason for it, or one thing that it lacks.
struct CarveFact {
  std::string code;  // stable, for scripts
  std::string text;
};

struct CarvedImage {
  ImagePlace at;
  std::uint64_t offset = 0;  // of that place in the file
  std::string format;        // as ImageInfo::format
  CarvedKind kind = CarvedKind::Remains;
  Confidence confidence = Confidence::Possible;
  std::vector<CarveFact> reasons;
  std::vector<CarveFact> missing;  // empty: as good as if a header led to it
  std::optional<ImageInfo> info;   // with the kernel's identity, as it says when it is opened; without damage
};

struct Carving {
  std::uint64_t unreadable_bytes = 0;  // of the file, and passed over
  std::vector<CarvedImage> images;     // in the order of the file
  std::vector<CarveFact> notes;        // what was not looked at, or is not worth a line of its own
};

// What to do where no header leads to an image, and parts of one have been seen.
std::string carve_advice(const File& file);

using CarveProgress = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

}  // namespace hib
