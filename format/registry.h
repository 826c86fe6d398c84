// All formats: which reader knows a file, and which writer makes one.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "format/backend.h"
#include "lib/image/reader.h"

namespace hib {

std::span<const Backend* const> backends();
const Backend* find_backend(std::string_view name);

// Finds the reader by content, or takes the one named.
Result<std::unique_ptr<ImageReader>> open_image(const std::string& path, const std::string& format,
                                                const OpenOptions& options);

}  // namespace hib
