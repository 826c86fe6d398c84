// <hibtool.h> is C++ too, by itself and beside the standard library.
#include <hibtool.h>

#include <type_traits>

static_assert(std::is_standard_layout_v<hibtool_info> && std::is_trivially_copyable_v<hibtool_info>);

const char* version_of_library() {
  hibtool_options options = HIBTOOL_OPTIONS_INIT;
  return options.size == sizeof options ? hibtool_version() : nullptr;
}
