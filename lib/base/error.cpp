#include "lib/base/error.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib {

std::string_view name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::NotFound: return "not-found";
    case ErrorKind::Io: return "io";
    case ErrorKind::NotRecognised: return "not-recognised";
    case ErrorKind::Unsupported: return "unsupported";
    case ErrorKind::Truncated: return "truncated";
    case ErrorKind::Corrupt: return "corrupt";
    case ErrorKind::Limit: return "limit";
    case ErrorKind::Exists: return "exists";
    case ErrorKind::Refused: return "refused";
    case ErrorKind::NoPage: return "no-page";
    case ErrorKind::Authentication: return "authentication";
    case ErrorKind::WrongBase: return "wrong-base";
    case ErrorKind::Usage: return "usage";
    case ErrorKind::Cancelled: return "cancelled";
  }
  return "unknown";
}

Error&& Error::in(std::string w) && {
  where = where.empty() ? std::move(w) : std::move(w) + ": " + where;
  return std::move(*this);
}

Error&& Error::of(std::string f) && {
  if (file.empty()) file = std::move(f);
  return std::move(*this);
}

std::string Error::line() const { return file.empty() ? text() : printable(file) + ": " + text(); }

std::string Error::text() const {
  std::string text;
  if (offset) text += fmt::format("offset {:#x}: ", *offset);
  if (!where.empty()) text += printable(where) + ": ";
  text += printable(found);
  if (!allowed.empty()) text += ", expected " + printable(allowed);
  if (!advice.empty()) text += "; " + printable(advice);
  return text;
}

Error make_error(ErrorKind kind, std::string where, std::string found, std::string allowed) {
  return Error{kind, {}, std::nullopt, std::move(where), std::move(found), std::move(allowed), {}};
}

Error system_error(std::string what, int errno_value) {
  const auto kind = errno_value == ENOENT   ? ErrorKind::NotFound
                    : errno_value == EEXIST ? ErrorKind::Exists
                                            : ErrorKind::Io;
  return make_error(kind, std::move(what), std::strerror(errno_value));
}

}  // namespace hib
