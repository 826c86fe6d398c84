// The address that a network interface was made with, which `ip link set address` does not change.
#pragma once

#include <optional>
#include <string>

namespace hib {

// "52:54:00:12:34:56" (ETHTOOL_GPERMADDR); nothing where the driver knows none, or says zeros.
std::optional<std::string> permanent_address(const std::string& interface);

}  // namespace hib
