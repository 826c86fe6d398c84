#include "cli/jump_image.h"

#include "cli/jump_records.h"
#include "format/hib/reader.h"
#include "format/registry.h"

namespace hib::cli {

Error not_a_jump_image(const std::string& path, std::string found) {
  return make_error(ErrorKind::NotRecognised, "record \"jump\"", std::move(found),
                    "an image that hibtool hibernate has made")
      .of(path);
}

Result<JumpImage> open_jump_image(const std::string& path, std::uint64_t offset) {
  JumpImage image;
  OpenOptions options;
  options.swap_offset = offset;
  TRY(image.reader, open_image(path, "hib", options));
  const Record* record = find_record(image.reader->records(), kJumpRecord);
  if (record == nullptr) return fail(not_a_jump_image(path, "none"));
  const std::uint64_t* address = record->number("context");
  if (dynamic_cast<const container::Reader*>(image.reader.get()) == nullptr)
    return fail(not_a_jump_image(path, image.reader->info().format));
  if (address == nullptr || *address % jump::kPageBytes != 0 ||
      image.reader->info().page_size != jump::kPageBytes)
    return fail(not_a_jump_image(path, "no address of a context"));
  std::vector<std::byte> page(jump::kPageBytes);
  TRY_OK(image.reader->read_page(*address / jump::kPageBytes, page));
  auto context = jump::decode_context(page, *address);
  if (!context) return fail(std::move(context).error().of(path));
  image.context = std::move(*context);
  return image;
}

}  // namespace hib::cli
