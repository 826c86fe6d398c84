#pragma once

namespace hib {

inline constexpr const char* kToolVersion = "hibtool " HIBTOOL_VERSION;  // from CMakeLists.txt

}  // namespace hib
