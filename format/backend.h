// One row of the registry: how a format is recognised and opened.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lib/image/reader.h"
#include "lib/os/file.h"

namespace hib {

// The first bytes of a file, enough for every probe.
struct ProbeInput {
  ByteView head;  // up to kProbeBytes from the start
  std::uint64_t file_bytes = 0;
};
inline constexpr std::size_t kProbeBytes =
    65536;  // a swap header ends with the first page, which may be that large

enum class Match { No, Yes };

struct Backend {
  std::string_view name;                    // as in -f and in JSON
  std::string_view description;             // for --help
  Match (*probe)(const ProbeInput& input);  // pure
  Result<std::unique_ptr<ImageReader>> (*open)(std::shared_ptr<const File> file, const OpenOptions& options);
};

}  // namespace hib
