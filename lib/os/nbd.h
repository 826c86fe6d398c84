// NBD, the network block device protocol: any server that speaks it, and qemu-nbd, which is started for the
// disk images of virtual machines. Only ever read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/os/fd.h"
#include "lib/os/source.h"

namespace hib {

// nbd://, nbds://, nbd+unix://, nbds+unix://, nbd+vsock://, as the NBD project's doc/uri.md has them.
bool is_nbd_uri(std::string_view path);

Result<std::unique_ptr<const Source>> connect_nbd(const std::string& uri);

// The same over sockets that one server is at the other end of. `server`: what must outlive them, or null.
class NbdServer {
 public:
  virtual ~NbdServer() = default;
  // Why it ended, in its own words; empty when it has said nothing.
  virtual std::string last_words() = 0;
};
Result<std::unique_ptr<const Source>> connect_nbd(std::vector<Fd> sockets, std::unique_ptr<NbdServer> server);

}  // namespace hib
