#include "lib/image/open_values.h"

#include <bit>

#include <fmt/format.h>

#include "lib/base/number.h"
#include "lib/image/pages.h"
#include "lib/os/file.h"

namespace hib {

Result<std::string> read_passphrase(const std::string& path) {
  TRY(const auto file, File::open(path));
  TRY(const auto bytes, file->read_at(0, std::min<std::uint64_t>(file->size(), 4096)));
  const std::string_view text = as_text(bytes);
  return std::string(text.substr(0, text.find_first_of("\r\n")));
}

Result<std::uint32_t> parse_page_size(const std::string& text, const std::string& what) {
  TRY(const std::uint64_t bytes, parse_number(text, what));
  if (bytes >= kMinPageBytes && bytes <= kMaxPageBytes && std::has_single_bit(bytes))
    return static_cast<std::uint32_t>(bytes);
  return fail(make_error(ErrorKind::Usage, what, text,
                         fmt::format("{} to {}, a power of two", kMinPageBytes, kMaxPageBytes)));
}

}  // namespace hib
