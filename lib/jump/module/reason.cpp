#include "lib/jump/module/reason.h"

#include <array>
#include <charconv>
#include <vector>

#include <fmt/format.h>

namespace hib::jump {
namespace {

constexpr char kMark = '\x01';       // no message of the module begins with it
constexpr char kSeparator = '\x1f';  // ASCII's unit separator
constexpr const char* kWhere = "saver";
constexpr std::array kKinds = {
    ErrorKind::NotFound,  ErrorKind::Io,       ErrorKind::NotRecognised,  ErrorKind::Unsupported,
    ErrorKind::Truncated, ErrorKind::Corrupt,  ErrorKind::Limit,          ErrorKind::Exists,
    ErrorKind::Refused,   ErrorKind::NoPage,   ErrorKind::Authentication, ErrorKind::WrongBase,
    ErrorKind::Usage,     ErrorKind::Cancelled};

// A field must not look like two, and the module takes text up to the first NUL.
std::string field(std::string text) {
  for (char& c : text) {
    if (c == kSeparator || c == kMark || c == '\0') c = ' ';
  }
  return text;
}

std::string joined(const std::array<std::string, 7>& fields) {
  std::string text(1, kMark);
  for (const std::string& one : fields) text += one + kSeparator;
  return text;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> fields(1);
  for (const char c : text) {
    if (c == kSeparator)
      fields.emplace_back();
    else
      fields.back() += c;
  }
  return fields;
}

ErrorKind kind_named(const std::string& name) {
  for (const ErrorKind kind : kKinds) {
    if (name_of(kind) == name) return kind;
  }
  return ErrorKind::Io;
}

}  // namespace

std::string encode_reason(const Error& error) {
  std::array<std::string, 7> fields = {std::string(name_of(error.kind)),
                                       field(error.file),
                                       error.offset ? fmt::format("{:x}", *error.offset) : "",
                                       field(error.where),
                                       field(error.found),
                                       field(error.allowed),
                                       field(error.advice)};
  for (const std::size_t cut : {6U, 5U, 3U, 1U, 4U}) {
    const std::size_t size = joined(fields).size();
    if (size <= kMaxReasonBytes) break;
    const std::size_t too_many = size - kMaxReasonBytes;
    fields[cut].resize(fields[cut].size() - std::min(too_many, fields[cut].size()));
  }
  return joined(fields);
}

bool is_encoded_reason(const std::string& reason) { return !reason.empty() && reason.front() == kMark; }

Error decode_reason(const std::string& reason) {
  if (!is_encoded_reason(reason)) return make_error(ErrorKind::Io, kWhere, reason);
  std::vector<std::string> fields = split(reason.substr(1));
  fields.resize(7);
  Error error = make_error(kind_named(fields[0]), fields[3], fields[4], fields[5]);
  error.file = fields[1];
  error.advice = fields[6];
  std::uint64_t offset = 0;
  const auto [stop, bad] = std::from_chars(fields[2].data(), fields[2].data() + fields[2].size(), offset, 16);
  if (!fields[2].empty() && bad == std::errc() && stop == fields[2].data() + fields[2].size())
    error.offset = offset;
  return std::move(error).in(kWhere);
}

}  // namespace hib::jump
