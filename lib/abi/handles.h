// What is behind the opaque handles of hibtool.h, and the boundary that no exception passes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "lib/abi/hibtool.h"
#include "lib/base/error.h"
#include "lib/image/info.h"
#include "lib/image/reader.h"
#include "lib/memory/kernel_log.h"

struct hibtool_error {
  hibtool_status status = HIBTOOL_INTERNAL;
  std::optional<std::uint64_t> offset;
  // Safe to print.
  std::string file;
  std::string where;
  std::string found;
  std::string allowed;
  std::string advice;
  std::string message;
};

struct hibtool_image {
  std::shared_ptr<const hib::ImageReader> reader;  // runs keep it too
  std::vector<hib::Finding> findings;              // with the damage that was gone past
  hib::FieldList details;

  // Behind the text of hibtool_info.
  std::string format;
  std::string variant;
  std::string path;
  std::string found_in;
  std::string codec;
  std::optional<std::string> kernel_release;
  std::optional<std::string> kernel_version;
  std::optional<std::string> kernel_machine;
  std::optional<std::string> build_id;
  std::string integrity_algorithm;
  std::optional<std::string> integrity_value;
  std::optional<std::string> content_digest;
  std::optional<std::uint64_t> kaslr_slide;
};

struct hibtool_runs {
  std::shared_ptr<const hib::ImageReader> reader;
  std::unique_ptr<hib::RunSource> source;
  std::optional<hib::PageRun> next;  // read ahead, to join it with what continues it
  bool is_done = false;
};

struct hibtool_log {
  hib::memory::KernelLog log;
};

namespace hib::abi {

// Puts the error into *out, unless `out` is null; returns its status.
hibtool_status give(const Error& error, hibtool_error** out) noexcept;
// Of the exception that is being handled.
hibtool_status give_exception(hibtool_error** out) noexcept;

inline Error usage(std::string where, std::string found, std::string allowed) {
  return make_error(ErrorKind::Usage, std::move(where), std::move(found), std::move(allowed));
}

// Runs `work`, which returns a Result<hibtool_status> or a Result<void>.
template <typename Work>
hibtool_status guarded(hibtool_error** error, const Work& work) noexcept {
  if (error != nullptr) *error = nullptr;
  try {
    const auto result = work();
    if (!result) return give(result.error(), error);
    if constexpr (std::is_same_v<decltype(result), const Result<hibtool_status>>) return *result;
    return HIBTOOL_OK;
  } catch (...) {
    return give_exception(error);
  }
}

inline Result<void> require(const void* argument, const char* name) {
  if (argument != nullptr) return {};
  return fail(usage(name, "NULL", "not NULL"));
}

// Bytes of a structure up to the last member that the first version of the library had.
#define HIB_UP_TO(structure, member) (offsetof(structure, member) + sizeof(structure::member))

// `size` is a member of a structure of the caller; the first version of the library has the `least` there is.
inline Result<void> require_size(const char* structure, std::size_t size, std::size_t least) {
  constexpr std::size_t kMost = 65536;  // what is not set holds anything
  if (size >= least && size <= kMost) return {};
  return fail(usage(std::string(structure) + ".size", std::to_string(size),
                    "sizeof(" + std::string(structure) + ")"));
}

Result<void> require_index(std::size_t index, std::size_t count);

// Fills the caller's structure as far as it knows it.
template <typename Structure>
void fill(Structure* out, Structure value) {
  const std::size_t size = out->size;
  value.size = size;
  std::memcpy(out, &value, std::min(size, sizeof value));
  if (size > sizeof value) std::memset(reinterpret_cast<char*>(out) + sizeof value, 0, size - sizeof value);
}

inline const char* text_or_null(const std::optional<std::string>& text) {
  return text ? text->c_str() : nullptr;
}

}  // namespace hib::abi
