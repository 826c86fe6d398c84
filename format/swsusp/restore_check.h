// What can be proven of the restore record, which no checksum covers: by itself, and by the machine's pages.
#pragma once

#include <string>
#include <vector>

#include "format/swsusp/info_page.h"
#include "lib/image/reader.h"

namespace hib::swsusp {

struct RecordCheck {
  Layer layer;
  std::vector<Damage> damage;
  RestoreRecord record;  // as it was meant, where the pages tell
};

// Reads some tens of pages. `info_offset`: where the info page lies in the file.
RecordCheck check_restore_record(const ImageReader& image, const InfoPage& info, std::uint64_t info_offset);

// "bit 3 flipped": of the bits that are set.
std::string flipped_bits(std::uint64_t difference);

}  // namespace hib::swsusp
