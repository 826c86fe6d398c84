#include <new>

#include "lib/abi/handles.h"
#include "lib/base/text.h"
#include "lib/os/path_advice.h"

namespace hib::abi {
namespace {

hibtool_status status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::NotFound: return HIBTOOL_NOT_FOUND;
    case ErrorKind::Io: return HIBTOOL_IO;
    case ErrorKind::NotRecognised: return HIBTOOL_NOT_RECOGNISED;
    case ErrorKind::Unsupported: return HIBTOOL_UNSUPPORTED;
    case ErrorKind::Truncated: return HIBTOOL_TRUNCATED;
    case ErrorKind::Corrupt: return HIBTOOL_CORRUPT;
    case ErrorKind::Limit: return HIBTOOL_LIMIT;
    case ErrorKind::Refused: return HIBTOOL_REFUSED;
    case ErrorKind::NoPage: return HIBTOOL_NO_PAGE;
    case ErrorKind::Authentication: return HIBTOOL_AUTHENTICATION;
    case ErrorKind::WrongBase: return HIBTOOL_WRONG_BASE;
    case ErrorKind::Usage: return HIBTOOL_USAGE;
    case ErrorKind::Exists:
    case ErrorKind::Cancelled: break;  // of outputs, and of the program's signals
  }
  return HIBTOOL_INTERNAL;
}

const char* kind_of(hibtool_status status) {
  switch (status) {
    case HIBTOOL_END:
    case HIBTOOL_OK: return "";
    case HIBTOOL_NOT_FOUND: return "not-found";
    case HIBTOOL_IO: return "io";
    case HIBTOOL_NOT_RECOGNISED: return "not-recognised";
    case HIBTOOL_UNSUPPORTED: return "unsupported";
    case HIBTOOL_TRUNCATED: return "truncated";
    case HIBTOOL_CORRUPT: return "corrupt";
    case HIBTOOL_LIMIT: return "limit";
    case HIBTOOL_NO_PAGE: return "no-page";
    case HIBTOOL_AUTHENTICATION: return "authentication";
    case HIBTOOL_WRONG_BASE: return "wrong-base";
    case HIBTOOL_USAGE: return "usage";
    case HIBTOOL_REFUSED: return "refused";
    case HIBTOOL_NO_MEMORY: return "no-memory";
    case HIBTOOL_INTERNAL: return "internal";
  }
  return "";
}

// The one error that must not allocate: it is made before anything else, of texts that std::string keeps in
// itself, and lives for ever.
hibtool_error* make_out_of_memory() {
  alignas(hibtool_error) static std::byte place[sizeof(hibtool_error)];
  auto* error = new (place) hibtool_error;
  error->status = HIBTOOL_NO_MEMORY;
  error->found = "out of memory";
  error->message = "out of memory";
  return error;
}
hibtool_error* const g_out_of_memory = make_out_of_memory();

hibtool_error* made_of(const Error& error) {
  auto made = std::make_unique<hibtool_error>();
  made->status = status_of(error.kind);
  made->offset = error.offset;
  made->file = printable(error.file);
  made->where = printable(error.where);
  made->found = printable(error.found);
  made->allowed = printable(error.allowed);
  made->advice = printable(error.advice);
  made->message = error.line();
  return made.release();
}

hibtool_status give_out_of_memory(hibtool_error** out) noexcept {
  if (out != nullptr) *out = g_out_of_memory;
  return HIBTOOL_NO_MEMORY;
}

hibtool_status give_internal(const char* what, hibtool_error** out) noexcept {
  if (out == nullptr) return HIBTOOL_INTERNAL;
  try {
    *out = made_of(make_error(ErrorKind::Cancelled, "library", what));
    return HIBTOOL_INTERNAL;
  } catch (...) {
    return give_out_of_memory(out);
  }
}

}  // namespace

hibtool_status give(const Error& error, hibtool_error** out) noexcept {
  if (out == nullptr) return status_of(error.kind);
  try {
    *out = made_of(with_path_advice(error));
    return (*out)->status;
  } catch (...) {
    return give_out_of_memory(out);
  }
}

hibtool_status give_exception(hibtool_error** out) noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return give_out_of_memory(out);
  } catch (const std::exception& e) {
    return give_internal(e.what(), out);
  } catch (...) {
    return give_internal("unknown exception", out);
  }
}

Result<void> require_index(std::size_t index, std::size_t count) {
  if (index < count) return {};
  return fail(usage("index", std::to_string(index), "less than " + std::to_string(count)));
}

}  // namespace hib::abi

using hib::abi::g_out_of_memory;

extern "C" {

hibtool_status hibtool_error_status(const hibtool_error* error) {
  return error == nullptr ? HIBTOOL_OK : error->status;
}

const char* hibtool_error_kind(const hibtool_error* error) {
  return hib::abi::kind_of(hibtool_error_status(error));
}

int hibtool_error_offset(const hibtool_error* error, uint64_t* offset) {
  if (error == nullptr || !error->offset) return 0;
  if (offset != nullptr) *offset = *error->offset;
  return 1;
}

const char* hibtool_error_file(const hibtool_error* error) {
  return error == nullptr ? "" : error->file.c_str();
}
const char* hibtool_error_where(const hibtool_error* error) {
  return error == nullptr ? "" : error->where.c_str();
}
const char* hibtool_error_found(const hibtool_error* error) {
  return error == nullptr ? "" : error->found.c_str();
}
const char* hibtool_error_allowed(const hibtool_error* error) {
  return error == nullptr ? "" : error->allowed.c_str();
}
const char* hibtool_error_advice(const hibtool_error* error) {
  return error == nullptr ? "" : error->advice.c_str();
}
const char* hibtool_error_message(const hibtool_error* error) {
  return error == nullptr ? "" : error->message.c_str();
}

void hibtool_error_free(hibtool_error* error) {
  if (error != g_out_of_memory) delete error;
}

}  // extern "C"
