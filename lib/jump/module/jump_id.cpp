#include "lib/jump/module/jump_id.h"

#include <sys/random.h>

#include <cerrno>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lib/base/text.h"

namespace hib::jump {

Result<JumpId> new_jump_id() {
  JumpId id;
  if (::getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size()))
    return fail(system_error("getrandom", errno));
  return id;
}

std::string to_text(const JumpId& id) { return fmt::format("{:02x}", fmt::join(id, "")); }

Result<JumpId> parse_jump_id(const std::string& text) {
  const auto refuse = [&] {
    return fail(make_error(ErrorKind::Corrupt, "id of a jump", printable(text), "32 hexadecimal digits"));
  };
  JumpId id{};
  if (text.size() != id.size() * 2) return refuse();
  for (std::size_t i = 0; i < id.size(); ++i) {
    const char* digits = text.data() + 2 * i;
    const auto [end, error] = std::from_chars(digits, digits + 2, id[i], 16);
    if (error != std::errc() || end != digits + 2) return refuse();
  }
  return id;
}

}  // namespace hib::jump
