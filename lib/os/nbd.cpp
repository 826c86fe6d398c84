#include "lib/os/nbd.h"

#include <libnbd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <mutex>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/os/cancel.h"
#include "lib/os/shared_library.h"

namespace hib {
namespace {

constexpr std::size_t kMostConnections = 4;           // what hides the latency of a server far away
constexpr std::size_t kLargestRead = 32U << 20;       // what every server must take, unless it says less
constexpr std::uint64_t kLargestQuestion = 1U << 30;  // of block status; its length has 32 bits

constexpr std::array<std::string_view, 6> kSchemes = {"nbd://",       "nbds://",      "nbd+unix://",
                                                      "nbds+unix://", "nbd+vsock://", "nbds+vsock://"};

// libnbd, loaded when a server is asked for: with what it needs itself it is larger than hibtool, and the
// saver, which never meets a server, would carry all of it.
struct Library : SharedLibrary {
  Library() : SharedLibrary("libnbd.so.0") {}

  decltype(&::nbd_create) create = find("nbd_create");
  decltype(&::nbd_close) close = find("nbd_close");
  decltype(&::nbd_get_error) get_error = find("nbd_get_error");
  decltype(&::nbd_add_meta_context) add_meta_context = find("nbd_add_meta_context");
  decltype(&::nbd_set_uri_allow_local_file) set_uri_allow_local_file = find("nbd_set_uri_allow_local_file");
  decltype(&::nbd_connect_uri) connect_uri = find("nbd_connect_uri");
  decltype(&::nbd_connect_socket) connect_socket = find("nbd_connect_socket");
  decltype(&::nbd_get_size) get_size = find("nbd_get_size");
  decltype(&::nbd_get_block_size) get_block_size = find("nbd_get_block_size");
  decltype(&::nbd_can_meta_context) can_meta_context = find("nbd_can_meta_context");
  decltype(&::nbd_can_multi_conn) can_multi_conn = find("nbd_can_multi_conn");
  decltype(&::nbd_pread) pread = find("nbd_pread");
  decltype(&::nbd_block_status) block_status = find("nbd_block_status");
};

// Only where it is whole: behind connect().
const Library& nbd() {
  static const Library library;
  return library;
}

// What libnbd says of the last call of this thread that failed.
Error nbd_error(const std::string& what) {
  if (cancelled()) return cancelled_error();
  const char* said = nbd().get_error();
  return make_error(ErrorKind::Io, what, said != nullptr ? printable(said) : "failed");
}

class Connection {
 public:
  Connection() : handle_(nbd().create()) {}
  ~Connection() {
    if (handle_ != nullptr) nbd().close(handle_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  nbd_handle* get() const { return handle_; }
  std::mutex& mutex() { return mutex_; }

 private:
  nbd_handle* handle_;
  std::mutex mutex_;
};

using Connections = std::vector<std::unique_ptr<Connection>>;

Result<std::unique_ptr<Connection>> connect(const std::function<int(nbd_handle*)>& how) {
  if (!nbd().is_whole()) {
    return fail(make_error(ErrorKind::Unsupported, "NBD", "no library for it here", "libnbd 1")
                    .advise("apt install libnbd0"));
  }
  auto connection = std::make_unique<Connection>();
  if (connection->get() == nullptr) return fail(nbd_error("NBD"));
  // Holes are found where the server tells them; not every one does.
  nbd().add_meta_context(connection->get(), LIBNBD_CONTEXT_BASE_ALLOCATION);
  if (how(connection->get()) != 0) return fail(nbd_error("NBD connection"));
  return connection;
}

class NbdSource final : public Source {
 public:
  NbdSource(Connections connections, std::uint64_t size, std::unique_ptr<NbdServer> server)
      : server_(std::move(server)), connections_(std::move(connections)), size_(size) {
    nbd_handle* handle = connections_.front()->get();
    const std::int64_t largest = nbd().get_block_size(handle, LIBNBD_SIZE_MAXIMUM);
    if (largest > 0) largest_read_ = std::min(largest_read_, static_cast<std::size_t>(largest));
    const std::int64_t smallest = nbd().get_block_size(handle, LIBNBD_SIZE_MINIMUM);
    if (smallest > 0) block_ = std::min(largest_read_, static_cast<std::size_t>(smallest));
    tells_holes_ = nbd().can_meta_context(handle, LIBNBD_CONTEXT_BASE_ALLOCATION) == 1;
  }

  std::uint64_t size() const override { return size_; }
  Result<std::size_t> read(std::uint64_t offset, MutableBytes out) const override;
  DeviceRange data_from(std::uint64_t offset) const override;

 private:
  struct Stretch {
    DeviceRange range;
    bool is_zero = false;
  };

  Result<void> read_blocks(std::uint64_t offset, MutableBytes out) const;
  std::unique_lock<std::mutex> take(Connection*& connection) const;
  bool ask(std::uint64_t offset) const;
  const Stretch* known(std::uint64_t offset) const;

  std::unique_ptr<NbdServer> server_;  // ends after its connections
  Connections connections_;
  std::uint64_t size_;
  std::size_t largest_read_ = kLargestRead;
  std::size_t block_ = 1;  // offsets and sizes of reads must be multiples of it
  bool tells_holes_ = false;
  mutable std::vector<Stretch> stretches_;  // the last answer
};

// The first connection that is free; where none is, the first one.
std::unique_lock<std::mutex> NbdSource::take(Connection*& connection) const {
  for (const auto& candidate : connections_) {
    std::unique_lock lock(candidate->mutex(), std::try_to_lock);
    connection = candidate.get();
    if (lock) return lock;
  }
  connection = connections_.front().get();
  return std::unique_lock(connection->mutex());
}

Result<std::size_t> NbdSource::read(std::uint64_t offset, MutableBytes out) const {
  const std::uint64_t before = offset % block_;
  if (before == 0 && out.size() >= block_) {
    const std::size_t bytes = std::min(out.size(), largest_read_) / block_ * block_;
    TRY_OK(read_blocks(offset, out.first(bytes)));
    return bytes;
  }
  std::vector<std::byte> block(std::min<std::uint64_t>(block_, size_ - (offset - before)));
  TRY_OK(read_blocks(offset - before, block));
  const ByteView wanted = ByteView(block).subspan(before);
  const std::size_t bytes = std::min(out.size(), wanted.size());
  std::copy_n(wanted.begin(), bytes, out.begin());
  return bytes;
}

Result<void> NbdSource::read_blocks(std::uint64_t offset, MutableBytes out) const {
  Connection* connection = nullptr;
  const auto lock = take(connection);
  if (nbd().pread(connection->get(), out.data(), out.size(), offset, 0) == 0) return {};
  Error error = nbd_error("read");
  const std::string words = server_ ? server_->last_words() : "";
  if (!words.empty()) error.found += ": " + words;
  return fail(std::move(error));
}

const NbdSource::Stretch* NbdSource::known(std::uint64_t offset) const {
  for (const Stretch& stretch : stretches_) {
    if (stretch.range.start <= offset && offset < stretch.range.end()) return &stretch;
  }
  return nullptr;
}

bool NbdSource::ask(std::uint64_t offset) const {
  stretches_.clear();
  std::uint64_t at = offset;
  const auto note = [&](const char* context, std::uint32_t* entries, std::size_t count) {
    if (std::string_view(context) != LIBNBD_CONTEXT_BASE_ALLOCATION) return;
    for (std::size_t i = 0; i + 1 < count; i += 2) {
      const std::uint64_t bytes = std::min<std::uint64_t>(entries[i], size_ - at);
      stretches_.push_back({{at, bytes}, (entries[i + 1] & LIBNBD_STATE_ZERO) != 0});
      at += bytes;
    }
  };
  using Note = decltype(note);
  nbd_extent_callback callback{};
  callback.user_data = const_cast<void*>(static_cast<const void*>(&note));
  callback.callback = [](void* user, const char* context, std::uint64_t, std::uint32_t* entries,
                         std::size_t count, int*) {
    (*static_cast<Note*>(user))(context, entries, count);
    return 0;
  };
  const std::lock_guard lock(connections_.front()->mutex());
  const int result = nbd().block_status(connections_.front()->get(),
                                        std::min(kLargestQuestion, size_ - offset), offset, callback, 0);
  return result == 0 && known(offset) != nullptr;
}

DeviceRange NbdSource::data_from(std::uint64_t offset) const {
  const DeviceRange rest{offset, size_ - offset};
  if (!tells_holes_) return rest;
  while (offset < size_) {
    if (known(offset) == nullptr && !ask(offset)) return {offset, size_ - offset};
    const Stretch* stretch = known(offset);
    if (!stretch->is_zero) return {offset, stretch->range.end() - offset};
    offset = stretch->range.end();
  }
  return {size_, 0};
}

Result<std::uint64_t> size_of(const Connection& connection) {
  const std::int64_t size = nbd().get_size(connection.get());
  if (size < 0) return fail(nbd_error("size"));
  return static_cast<std::uint64_t>(size);
}

}  // namespace

bool is_nbd_uri(std::string_view path) {
  return std::any_of(kSchemes.begin(), kSchemes.end(),
                     [&](std::string_view scheme) { return path.starts_with(scheme); });
}

Result<std::unique_ptr<const Source>> connect_nbd(const std::string& uri) {
  const auto by_uri = [&](nbd_handle* handle) {
    nbd().set_uri_allow_local_file(handle, true);  // ?tls-psk-file=: the user has written this URI
    return nbd().connect_uri(handle, uri.c_str());
  };
  auto first = connect(by_uri);
  if (!first) return fail(std::move(first).error().of(uri));
  Connections connections;
  connections.push_back(std::move(*first));
  auto size = size_of(*connections.front());
  if (!size) return fail(std::move(size).error().of(uri));
  if (nbd().can_multi_conn(connections.front()->get()) == 1) {
    while (connections.size() < kMostConnections) {
      auto more = connect(by_uri);
      if (!more || size_of(**more).value_or(0) != *size) break;
      connections.push_back(std::move(*more));
    }
  }
  return std::make_unique<NbdSource>(std::move(connections), *size, nullptr);
}

Result<std::unique_ptr<const Source>> connect_nbd(std::vector<Fd> sockets,
                                                  std::unique_ptr<NbdServer> server) {
  Connections connections;
  for (Fd& socket : sockets) {
    auto connection =
        connect([&](nbd_handle* handle) { return nbd().connect_socket(handle, socket.release()); });
    if (!connection) {
      Error error = std::move(connection).error();
      const std::string words = server ? server->last_words() : "";
      if (!words.empty()) error.found = words;
      return fail(std::move(error));
    }
    connections.push_back(std::move(*connection));
  }
  TRY(const std::uint64_t size, size_of(*connections.front()));
  return std::make_unique<NbdSource>(std::move(connections), size, std::move(server));
}

}  // namespace hib
