#include "lib/mount/image_files.h"

#include "lib/mount/layout_file.h"

namespace hib::mount {

Result<std::vector<MountedFile>> memory_files(const ImageReader& image, const Formats& formats,
                                              MemoryOptions options) {
  TRY(std::shared_ptr<const Memory> memory, Memory::of(image, std::move(options)));
  std::vector<MountedFile> files;
  for (const Format* format : formats.rows()) {
    if (format->mounted_as.empty() || format->layout == nullptr) continue;
    TRY(LinearLayout layout, format->layout(image));
    auto content = std::make_shared<LayoutFile>(std::move(layout), memory);
    const LayoutFile* file = content.get();
    files.push_back({std::string(format->mounted_as), std::move(content), file});
  }
  return files;
}

}  // namespace hib::mount
