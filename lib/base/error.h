// Errors are values. One Error says everything a person or a script needs to act: which file, where in it,
// what was found there and what would have been allowed. Layers on the way up add a place ("chunk 17"), never
// prose.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace hib {

// What went wrong, in the few kinds that a caller treats differently. The CLI maps each to an exit code.
enum class ErrorKind {
  NotFound,        // no such file
  Io,              // the system refused a read, a write, a flush
  NotRecognised,   // no reader knows this content
  Unsupported,     // known, but this build cannot read it
  Truncated,       // the file ends before the structure does
  Corrupt,         // a field holds what the format does not allow
  Limit,           // allowed by the format, refused by us before it costs memory or time
  Exists,          // an output is in the way
  Refused,         // a safety rule says no
  NoPage,          // the image does not hold that page
  Authentication,  // encrypted, and no passphrase or a wrong one
  WrongBase,       // the base of an incremental image is missing or another one
  Usage,           // the caller asked for something that makes no sense
  Cancelled,       // a signal or the caller stopped the work
};

std::string_view name_of(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::Io;
  std::string file;
  std::optional<std::uint64_t> offset;  // bytes from the start of the file
  std::string where;                    // structure, record and field: "program header 3: p_offset"
  std::string found;
  std::string allowed;
  std::string advice;  // what to do next, when we know

  Error&& at(std::uint64_t o) && {
    offset = o;
    return std::move(*this);
  }
  Error&& in(std::string w) &&;
  Error&& of(std::string f) &&;
  Error&& advise(std::string a) && {
    advice = std::move(a);
    return std::move(*this);
  }

  // "FILE: offset 0x…: WHERE: FOUND, expected ALLOWED; ADVICE" — one line, safe to print on a terminal.
  std::string line() const;
  // The same without FILE, below a line that has named it.
  std::string text() const;
};

Error make_error(ErrorKind kind, std::string where, std::string found, std::string allowed = {});

// The error of a system call: `what` names the call, `errno_value` is its errno.
Error system_error(std::string what, int errno_value);

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace hib

#define HIB_CAT_(a, b) a##b
#define HIB_CAT(a, b) HIB_CAT_(a, b)

// TRY(auto x, expression): x is the value, or the function returns the error.
#define TRY(decl, ...)                                                                          \
  auto HIB_CAT(try_, __LINE__) = (__VA_ARGS__);                                                 \
  if (!HIB_CAT(try_, __LINE__)) return ::hib::fail(std::move(HIB_CAT(try_, __LINE__)).error()); \
  decl = std::move(*HIB_CAT(try_, __LINE__))

// TRY_OK(expression): the function returns the error, if there is one.
#define TRY_OK(...)                                                     \
  do {                                                                  \
    auto try_result = (__VA_ARGS__);                                    \
    if (!try_result) return ::hib::fail(std::move(try_result).error()); \
  } while (false)
