// Disk images of virtual machines: qcow2, VMDK, VHDX, VHD, VDI. qemu-nbd reads them, started here and gone
// with the last reader.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/os/file.h"

namespace hib {

struct DiskImageKind {
  std::string_view name;    // "qcow2"
  std::string_view title;   // "a qcow2 disk image"
  std::string_view driver;  // as QEMU calls it; empty where QEMU has none
};

// By the first bytes of a file; null for anything else.
const DiskImageKind* disk_image_kind(ByteView head);

// The disk inside. Refused where the image names other files that are none of its neighbours: a file from
// elsewhere must not lead a tool that runs as root to this machine's own files.
Result<std::shared_ptr<const File>> open_disk_image(const File& image, const DiskImageKind& kind);

}  // namespace hib
