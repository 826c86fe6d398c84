#include "lib/jump/image.h"

namespace hib::jump {

Error not_a_jump_image(const std::string& path, std::string found) {
  return make_error(ErrorKind::NotRecognised, "record \"jump\"", std::move(found),
                    "an image that hibtool hibernate has made")
      .of(path);
}

Result<JumpImage> open_jump_image(const Formats& formats, const std::string& path, std::uint64_t offset) {
  JumpImage image;
  OpenOptions options;
  options.swap_offset = offset;
  TRY(image.reader, formats.open(path, formats.with_areas().name, options));
  // What is damaged may be missing below.
  if (const auto& damage = image.reader->info().damage; !damage.empty()) return fail(damage.front().error);
  const Record* record = find_record(image.reader->records(), kJumpRecord);
  if (record == nullptr) return fail(not_a_jump_image(path, "none"));
  auto jump = decode_jump_record(*record);
  if (!jump) return fail(std::move(jump).error().of(path));
  image.jump = std::move(*jump);
  const std::uint64_t address = image.jump.context;
  if (address % kPageBytes != 0 || image.reader->info().page_size != kPageBytes) {
    return fail(not_a_jump_image(path, "no address of a context"));
  }
  std::vector<std::byte> page(kPageBytes);
  TRY_OK(image.reader->read_page(address / kPageBytes, page));
  auto context = decode_context(page, address);
  if (!context) return fail(std::move(context).error().of(path));
  image.context = std::move(*context);
  return image;
}

}  // namespace hib::jump
