#include "lib/os/ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include <fmt/format.h>

#include "lib/os/file.h"

namespace hib {

std::optional<std::string> permanent_address(const std::string& interface) {
  constexpr std::size_t kMaxAddress = 32;  // MAX_ADDR_LEN
  if (interface.empty() || interface.size() >= IFNAMSIZ) return std::nullopt;
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return std::nullopt;
  alignas(ethtool_perm_addr) std::array<std::byte, sizeof(ethtool_perm_addr) + kMaxAddress> buffer{};
  ethtool_perm_addr head{};
  head.cmd = ETHTOOL_GPERMADDR;
  head.size = kMaxAddress;
  std::memcpy(buffer.data(), &head, sizeof head);
  ifreq request{};
  std::copy(interface.begin(), interface.end(), request.ifr_name);
  request.ifr_data = reinterpret_cast<char*>(buffer.data());
  if (::ioctl(socket.get(), SIOCETHTOOL, &request) != 0) return std::nullopt;
  std::memcpy(&head, buffer.data(), sizeof head);
  std::string text;
  bool all_zero = true;
  for (std::size_t i = 0; i < std::min<std::size_t>(head.size, kMaxAddress); ++i) {
    const auto byte = std::to_integer<unsigned>(buffer[sizeof head + i]);
    all_zero = all_zero && byte == 0;
    text += fmt::format("{}{:02x}", i == 0 ? "" : ":", byte);
  }
  return all_zero ? std::nullopt : std::optional(text);
}

}  // namespace hib
