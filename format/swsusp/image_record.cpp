#include "format/swsusp/image_record.h"

#include <algorithm>

#include <fmt/format.h>

namespace hib::swsusp {
namespace {

constexpr std::size_t kRunBytes = 16;
constexpr std::size_t kMaxRuns = 1U << 21;

std::vector<std::byte> encode_runs(const std::vector<BlockList::Run>& runs) {
  std::vector<std::byte> bytes;
  bytes.reserve(runs.size() * kRunBytes);
  for (const BlockList::Run& run : runs) {
    const le64 pair[] = {run.block, run.count};
    const ByteView raw = as_bytes({reinterpret_cast<const char*>(pair), sizeof(pair)});
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  }
  return bytes;
}

const std::vector<std::byte>* bytes_of(const Record& record, std::string_view name) {
  const Field* field = record.find(name);
  return field == nullptr ? nullptr : std::get_if<std::vector<std::byte>>(&field->value);
}

}  // namespace

Record encode_image_record(const ImageRecord& image) {
  Record record{std::string(kSwsuspRecord), 1, {}};
  record.set("page_size", std::uint64_t{image.info.abi.page_size});
  record.set("word_bytes", std::uint64_t{image.info.abi.word_bytes});
  record.set("big_endian", std::uint64_t{image.info.abi.big_endian});
  record.set("codec", image.codec);
  record.set("flags", std::uint64_t{image.flags});
  record.set("hw_sig", std::uint64_t{image.hw_sig});
  record.set("zero_flag", std::uint64_t{image.uses_zero_flag});
  record.set("num_physpages", image.info.num_physpages);
  if (!image.swap_uuid.empty()) record.set("swap_uuid", image.swap_uuid);
  if (!image.swap_label.empty()) record.set("swap_label", image.swap_label);
  record.set("header_block", image.header_block);
  record.set("info_page", image.info.raw);
  if (!image.blocks.empty() && image.blocks.size() <= kMaxRuns)
    record.set("blocks", encode_runs(image.blocks));
  return record;
}

Result<ImageRecord> decode_image_record(const Record& record) {
  const auto reject = [&](std::string_view field, std::string found, std::string allowed) {
    return fail(make_error(ErrorKind::Corrupt, fmt::format("record swsusp: {}", field), std::move(found),
                           std::move(allowed)));
  };
  const auto number = [&](std::string_view name) {
    return record.number(name) == nullptr ? 0 : *record.number(name);
  };
  ImageRecord image;
  const std::uint64_t page_size = number("page_size");
  if (std::find(std::begin(kPageSizes), std::end(kPageSizes), page_size) == std::end(kPageSizes))
    return reject("page_size", std::to_string(page_size), "4096 to 65536, a power of two");
  const std::vector<std::byte>* raw = bytes_of(record, "info_page");
  if (raw == nullptr || raw->size() != page_size)
    return reject("info_page", raw == nullptr ? "missing" : std::to_string(raw->size()) + " bytes",
                  std::to_string(page_size) + " bytes");
  TRY(image.info,
      decode_info_page(*raw, {static_cast<std::uint32_t>(page_size), 8, number("big_endian") != 0}, true, 0));
  if (image.info.abi.word_bytes != number("word_bytes"))
    return reject("word_bytes", std::to_string(number("word_bytes")),
                  std::to_string(image.info.abi.word_bytes) + ", as the info page has");
  if (const std::string* codec = record.text("codec")) image.codec = *codec;
  image.flags = static_cast<std::uint32_t>(number("flags"));
  image.hw_sig = static_cast<std::uint32_t>(number("hw_sig"));
  image.uses_zero_flag = number("zero_flag") != 0;
  if (const std::string* uuid = record.text("swap_uuid")) image.swap_uuid = *uuid;
  if (const std::string* label = record.text("swap_label")) image.swap_label = *label;
  image.header_block = number("header_block");
  if (const std::vector<std::byte>* blocks = bytes_of(record, "blocks")) {
    for (std::size_t at = 0; at + kRunBytes <= blocks->size(); at += kRunBytes) {
      le64 pair[2];
      std::memcpy(pair, blocks->data() + at, sizeof(pair));
      image.blocks.push_back({0, pair[0], pair[1]});
    }
  }
  return image;
}

}  // namespace hib::swsusp
