#include "lib/base/number.h"

#include <charconv>

namespace hib {

Result<std::uint64_t> parse_number(const std::string& text, const std::string& what) {
  const bool is_hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  const char* begin = text.data() + (is_hex ? 2 : 0);
  const char* end = text.data() + text.size();
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(begin, end, value, is_hex ? 16 : 10);
  if (error != std::errc() || stop != end || begin == end) {
    return fail(make_error(ErrorKind::Usage, what, "\"" + text + "\"", "a number such as 4096 or 0x1000"));
  }
  return value;
}

}  // namespace hib
