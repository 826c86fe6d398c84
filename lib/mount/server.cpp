#include "lib/mount/server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <new>
#include <optional>
#include <unordered_map>

#include "lib/base/text.h"
#include "lib/mount/fuse_library.h"
#include "lib/mount/layout_file.h"
#include "lib/mount/read_order.h"
#include "lib/mount/workers.h"
#include "lib/os/cancel.h"
#include "lib/os/fd.h"

namespace hib::mount {
namespace {

constexpr double kForever = 1e9;  // seconds: nothing here changes
constexpr fuse_ino_t kFirstFile = FUSE_ROOT_ID + 1;
constexpr int kLookAgain = 5;            // milliseconds, while ending
constexpr std::size_t kMostSaid = 4096;  // bytes of what fusermount3 says

// Only where it is whole: behind Server::mount().
const FuseLibrary& fuse() {
  static const FuseLibrary library;
  return library;
}

// What libfuse and fusermount3 write to standard error, as the text of an error.
class StandardErrorCapture {
 public:
  StandardErrorCapture()
      : kept_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)), said_(::memfd_create("said", MFD_CLOEXEC)) {
    if (kept_ && said_) ::dup2(said_.get(), STDERR_FILENO);
  }
  ~StandardErrorCapture() { end(); }
  StandardErrorCapture(const StandardErrorCapture&) = delete;
  StandardErrorCapture& operator=(const StandardErrorCapture&) = delete;

  // The last line: what came of it.
  std::string end() {
    if (!kept_ || !said_) return "";
    ::dup2(kept_.get(), STDERR_FILENO);
    kept_ = Fd();
    std::string text(kMostSaid, '\0');
    const ssize_t count = ::pread(said_.get(), text.data(), text.size(), 0);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    while (text.ends_with('\n')) text.pop_back();
    return printable(text.substr(text.rfind('\n') + 1));
  }

 private:
  Fd kept_;
  Fd said_;
};

// A comma would begin the next option.
std::string escaped(const std::string& value) {
  std::string out;
  for (const char c : value) {
    if (c == ',' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

// What nobody waits for is left out where there is no memory.
template <typename Action>
void as_a_favour(Action action) {
  try {
    action();
  } catch (const std::bad_alloc&) {
  }
}

// An opened file.
struct Handle {
  ReadOrder order;
};

class FuseServer final : public Server {
 public:
  FuseServer(std::vector<MountedFile> files, unsigned threads)
      : files_(std::move(files)), threads_(threads) {}
  ~FuseServer() override { close(); }

  Result<void> start(const MountOptions& options);
  Result<void> serve(const std::function<Result<void>()>& on_start) override;

 private:
  static FuseServer& of(fuse_req_t request) {
    return *static_cast<FuseServer*>(fuse().req_userdata(request));
  }
  static fuse_lowlevel_ops operations();

  static void on_init(void* server, fuse_conn_info* connection);
  static void on_lookup(fuse_req_t request, fuse_ino_t parent, const char* name);
  static void on_getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info* info);
  static void on_readdir(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
                         fuse_file_info* info);
  static void on_open(fuse_req_t request, fuse_ino_t node, fuse_file_info* info);
  static void on_release(fuse_req_t request, fuse_ino_t node, fuse_file_info* info);
  static void on_read(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
                      fuse_file_info* info);
  static void on_lseek(fuse_req_t request, fuse_ino_t node, off_t offset, int whence, fuse_file_info* info);

  const MountedFile* file_of(fuse_ino_t node) const {
    return node < kFirstFile || node - kFirstFile >= files_.size() ? nullptr : &files_[node - kFirstFile];
  }
  struct stat status_of(fuse_ino_t node) const;
  // `answer` now or, where the file has to be made first, by a worker; an error where it cannot be made.
  void when_ready(fuse_req_t request, fuse_ino_t node, std::function<void()> answer);
  void read(fuse_req_t request, const MountedFile& file, fuse_ino_t node, std::uint64_t offset,
            std::size_t bytes, bool is_in_order);
  void read_ahead(const LayoutFile& file, std::size_t unit, std::size_t count);
  void share(const LayoutFile& file, fuse_ino_t node, std::uint64_t offset);
  void share_range(const LayoutFile& file, fuse_ino_t node, const DeviceRange& range);
  void store(fuse_ino_t node, std::uint64_t offset, MutableBytes bytes);
  bool is_ended();
  void close();

  const std::vector<MountedFile> files_;
  const unsigned threads_;
  const uid_t owner_ = ::getuid();
  const gid_t group_ = ::getgid();
  const std::time_t made_ = std::time(nullptr);
  fuse_session* session_ = nullptr;
  bool is_mounted_ = false;
  bool is_started_ = false;  // the system has said that it takes the mount
  // Of the thread that takes the requests. Files may be open when a signal ends the mount.
  std::vector<std::byte> buffer_;
  std::unordered_map<std::uint64_t, Handle> handles_;
  std::uint64_t next_handle_ = 0;
  Workers workers_;
  Workers sharer_;  // one thread: it waits for pages that workers have to bring
};

// ---- the mount

Result<void> FuseServer::start(const MountOptions& options) {
  std::string text = "ro,nosuid,nodev,default_permissions,subtype=hibtool,fsname=" + escaped(options.source);
  if (options.others) text += ",allow_other";
  std::string program = "hibtool";
  std::string option = "-o";
  std::array<char*, 3> words = {program.data(), option.data(), text.data()};
  fuse_args arguments{static_cast<int>(words.size()), words.data(), 0};
  const fuse_lowlevel_ops calls = operations();
  StandardErrorCapture said;
  session_ = fuse().session_new(&arguments, &calls, sizeof(calls), this);
  fuse().opt_free_args(&arguments);
  is_mounted_ = session_ != nullptr && fuse().session_mount(session_, options.folder.c_str()) == 0;
  const std::string reason = said.end();
  if (!is_mounted_) {
    Error error = make_error(ErrorKind::Io, "mount", reason.empty() ? "failed" : reason).of(options.folder);
    if (reason.find("exec fusermount3") != std::string::npos) error.advice = "apt install fuse3";
    return fail(std::move(error));
  }
  const int channel = fuse().session_fd(session_);
  ::fcntl(channel, F_SETFL, ::fcntl(channel, F_GETFL) | O_NONBLOCK);
  return {};
}

void FuseServer::close() {
  workers_.stop();
  sharer_.stop();
  if (is_mounted_) fuse().session_unmount(session_);
  is_mounted_ = false;
  if (session_ != nullptr) fuse().session_destroy(session_);
  session_ = nullptr;
}

Result<void> FuseServer::serve(const std::function<Result<void>()>& on_start) {
  TRY_OK(workers_.start(threads_));
  TRY_OK(sharer_.start(1));
  fuse_buf buffer{};
  const auto free_buffer = [](fuse_buf* taken) { std::free(taken->mem); };
  const std::unique_ptr<fuse_buf, decltype(free_buffer)> owner(&buffer, free_buffer);
  bool is_told = false;
  Result<void> result;
  while (!is_ended() && fuse().session_exited(session_) == 0) {
    const int bytes = fuse().session_receive_buf(session_, &buffer);
    if (bytes == -EAGAIN || bytes == -EINTR) {
      std::array<pollfd, 2> wanted = {pollfd{fuse().session_fd(session_), POLLIN, 0},
                                      pollfd{cancelled() ? -1 : cancel_fd(), POLLIN, 0}};
      ::poll(wanted.data(), wanted.size(), cancelled() ? kLookAgain : -1);
      continue;
    }
    if (bytes == 0 || bytes == -ECONNABORTED) break;  // unmounted, the latter while a request is taken
    if (bytes < 0) {
      result = fail(system_error("read", -bytes).of("/dev/fuse"));
      break;
    }
    fuse().session_process_buf(session_, &buffer);
    if (is_started_ && !is_told) {
      is_told = true;
      result = on_start();
      if (!result) break;
    }
  }
  close();
  if (result && cancelled()) return fail(cancelled_error());
  return result;
}

// After a signal the pages that are being shared are still to be waited for: the system may hold one of them
// for a request that nobody has taken yet.
bool FuseServer::is_ended() {
  if (!cancelled()) return false;
  sharer_.drop();
  return sharer_.is_idle();
}

// ---- requests

// Each request has to be answered, also where there is no memory for it: the system waits, and keeps locked
// what it asks for. A handler allocates nothing after its answer.
template <auto kHandler, typename... Arguments>
void or_no_memory(fuse_req_t request, Arguments... arguments) {
  try {
    kHandler(request, arguments...);
  } catch (const std::bad_alloc&) {
    fuse().reply_err(request, ENOMEM);
  }
}

fuse_lowlevel_ops FuseServer::operations() {
  fuse_lowlevel_ops calls{};
  calls.init = on_init;
  calls.lookup = or_no_memory<on_lookup>;
  calls.getattr = or_no_memory<on_getattr>;
  calls.readdir = or_no_memory<on_readdir>;
  calls.open = or_no_memory<on_open>;
  calls.release = on_release;
  calls.read = or_no_memory<on_read>;
  calls.lseek = on_lseek;
  return calls;
}

// Requests are small; pipes in between would cost more than they save.
void FuseServer::on_init(void* server, fuse_conn_info* connection) {
  connection->want &=
      ~static_cast<unsigned>(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
  static_cast<FuseServer*>(server)->is_started_ = true;
}

struct stat FuseServer::status_of(fuse_ino_t node) const {
  struct stat status {};
  status.st_ino = node;
  status.st_uid = owner_;
  status.st_gid = group_;
  status.st_atime = status.st_mtime = status.st_ctime = made_;
  const MountedFile* file = file_of(node);
  if (file == nullptr) {
    status.st_mode = S_IFDIR | S_IRUSR | S_IXUSR;
    status.st_nlink = 2;
    return status;
  }
  status.st_mode = S_IFREG | S_IRUSR;
  status.st_nlink = 1;
  status.st_size = static_cast<off_t>(file->content->size());
  status.st_blocks = static_cast<blkcnt_t>((file->content->stored_bytes() + 511) / 512);
  status.st_blksize = 4096;
  return status;
}

void FuseServer::when_ready(fuse_req_t request, fuse_ino_t node, std::function<void()> answer) {
  const MountedFile* file = file_of(node);
  if (file == nullptr || file->content->is_ready()) return answer();
  workers_.add([request, content = file->content, answer = std::move(answer)](bool is_stopped) {
    bool is_there = false;
    try {
      is_there = !is_stopped && content->prepare();
    } catch (const std::bad_alloc&) {
    }
    if (is_there) return answer();
    fuse().reply_err(request, EIO);
  });
}

void FuseServer::on_lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  FuseServer& server = of(request);
  const auto& files = server.files_;
  const auto file =
      std::find_if(files.begin(), files.end(), [&](const MountedFile& f) { return f.name == name; });
  if (parent != FUSE_ROOT_ID || file == files.end()) {
    fuse().reply_err(request, ENOENT);
    return;
  }
  const fuse_ino_t node = kFirstFile + static_cast<fuse_ino_t>(file - files.begin());
  server.when_ready(request, node, [&server, request, node] {
    fuse_entry_param entry{};
    entry.ino = node;
    entry.attr = server.status_of(node);
    entry.attr_timeout = kForever;
    entry.entry_timeout = kForever;
    fuse().reply_entry(request, &entry);
  });
}

void FuseServer::on_getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
  FuseServer& server = of(request);
  server.when_ready(request, node, [&server, request, node] {
    const struct stat status = server.status_of(node);
    fuse().reply_attr(request, &status, kForever);
  });
}

void FuseServer::on_readdir(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
                            fuse_file_info*) {
  const auto& files = of(request).files_;
  if (node != FUSE_ROOT_ID) {
    fuse().reply_err(request, ENOTDIR);
    return;
  }
  std::vector<char> entries(std::min<std::size_t>(size, 65536));
  std::size_t filled = 0;
  const std::size_t count = files.size() + 2;
  for (std::size_t i = offset < 0 ? count : static_cast<std::size_t>(offset); i < count; ++i) {
    struct stat status {};
    status.st_ino = i < 2 ? FUSE_ROOT_ID : kFirstFile + (i - 2);
    status.st_mode = i < 2 ? S_IFDIR : S_IFREG;
    const char* name = i == 0 ? "." : i == 1 ? ".." : files[i - 2].name.c_str();
    const std::size_t bytes = fuse().add_direntry(request, entries.data() + filled, entries.size() - filled,
                                                  name, &status, static_cast<off_t>(i + 1));
    if (bytes > entries.size() - filled) break;
    filled += bytes;
  }
  fuse().reply_buf(request, entries.data(), filled);
}

void FuseServer::on_open(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  if (of(request).file_of(node) == nullptr) {
    fuse().reply_err(request, EISDIR);
    return;
  }
  if ((info->flags & O_ACCMODE) != O_RDONLY) {
    fuse().reply_err(request, EROFS);
    return;
  }
  FuseServer& server = of(request);
  const std::uint64_t handle = server.next_handle_++;
  server.handles_.try_emplace(handle);
  info->fh = handle;
  info->keep_cache = 1;
  if (fuse().reply_open(request, info) != 0) server.handles_.erase(handle);  // nobody releases it
}

void FuseServer::on_release(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
  of(request).handles_.erase(info->fh);
  fuse().reply_err(request, 0);
}

void FuseServer::on_lseek(fuse_req_t request, fuse_ino_t node, off_t offset, int whence, fuse_file_info*) {
  const MountedFile* file = of(request).file_of(node);
  if (file == nullptr || (whence != SEEK_DATA && whence != SEEK_HOLE)) {
    fuse().reply_err(request, EINVAL);
    return;
  }
  const Content& content = *file->content;
  const auto from = static_cast<std::uint64_t>(offset);
  if (offset < 0 || from >= content.size()) {
    fuse().reply_err(request, ENXIO);
    return;
  }
  const std::uint64_t found = whence == SEEK_DATA ? content.next_data(from) : content.next_hole(from);
  if (whence == SEEK_DATA && found >= content.size()) {
    fuse().reply_err(request, ENXIO);
    return;
  }
  fuse().reply_lseek(request, static_cast<off_t>(found));
}

// ---- reading

void FuseServer::on_read(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
                         fuse_file_info* info) {
  FuseServer& server = of(request);
  const MountedFile* file = server.file_of(node);
  if (file == nullptr || offset < 0) {
    fuse().reply_err(request, EINVAL);
    return;
  }
  const auto from = static_cast<std::uint64_t>(offset);
  const std::uint64_t end = file->content->size();
  const std::size_t bytes = from >= end ? 0 : std::min<std::uint64_t>(size, end - from);
  if (bytes == 0) {
    fuse().reply_buf(request, nullptr, 0);
    return;
  }
  std::size_t ahead = 0;
  const auto unit = file->layout == nullptr ? std::nullopt : file->layout->unit_at(from + bytes - 1);
  if (unit) ahead = server.handles_[info->fh].order.next(*unit);
  server.read(request, *file, node, from, bytes, ahead > 0);
  if (ahead > 0) server.read_ahead(*file->layout, *unit, ahead);
}

void reply_read(fuse_req_t request, Outcome outcome, ByteView bytes) {
  if (outcome == Outcome::Read) {
    fuse().reply_buf(request, reinterpret_cast<const char*>(bytes.data()), bytes.size());
  } else {
    fuse().reply_err(request, EIO);
  }
}

void FuseServer::read(fuse_req_t request, const MountedFile& file, fuse_ino_t node, std::uint64_t offset,
                      std::size_t bytes, bool is_in_order) {
  if (buffer_.size() < bytes) buffer_.resize(bytes);
  const MutableBytes out = MutableBytes(buffer_).first(bytes);
  const Outcome outcome = file.content->read(offset, out, Wait::No);
  if (outcome != Outcome::NotYet) return reply_read(request, outcome, out);
  workers_.add([this, request, &file, node, offset, bytes, is_in_order](bool is_stopped) {
    if (is_stopped) {
      fuse().reply_err(request, EIO);
      return;
    }
    try {
      std::vector<std::byte> pages(bytes);
      reply_read(request, file.content->read(offset, pages, Wait::Yes), pages);
    } catch (const std::bad_alloc&) {
      fuse().reply_err(request, ENOMEM);
      return;
    }
    if (file.layout != nullptr && !is_in_order) share(*file.layout, node, offset);
  });
}

// Whoever follows pointers comes back to the same chunks. All pages of one that was decoded go to the system,
// which keeps them as it keeps those of any file: as long as it has room, and nobody has to ask for them
// here.
void FuseServer::share(const LayoutFile& file, fuse_ino_t node, std::uint64_t offset) {
  const auto range = file.unit_range_at(offset);
  if (!range) return;
  as_a_favour([&] {
    sharer_.add_idle(
        [this, &file, node, range = *range](bool) { as_a_favour([&] { share_range(file, node, range); }); });
  });
}

// What is decoded of it, stretch by stretch.
void FuseServer::share_range(const LayoutFile& file, fuse_ino_t node, const DeviceRange& range) {
  const std::uint64_t page_size = file.memory().page_size();
  std::vector<std::byte> bytes(range.bytes);
  std::uint64_t from = 0;  // what lies before is done
  for (std::uint64_t at = 0; at < range.bytes; at += page_size) {
    if (file.read(range.start + at, MutableBytes(bytes).subspan(at, page_size), Wait::No) == Outcome::Read)
      continue;
    store(node, range.start + from, MutableBytes(bytes).subspan(from, at - from));
    from = at + page_size;
  }
  store(node, range.start + from, MutableBytes(bytes).subspan(from));
}

void FuseServer::store(fuse_ino_t node, std::uint64_t offset, MutableBytes bytes) {
  if (bytes.empty()) return;
  fuse_bufvec vector{};
  vector.count = 1;
  vector.buf[0].size = bytes.size();
  vector.buf[0].mem = bytes.data();
  fuse().notify_store(session_, node, static_cast<off_t>(offset), &vector, FUSE_BUF_NO_SPLICE);
}

void FuseServer::read_ahead(const LayoutFile& file, std::size_t unit, std::size_t count) {
  const std::size_t end = std::min(unit + count + 1, file.memory().unit_count());
  for (std::size_t next = unit + 1; next < end; ++next) {
    if (file.memory().has_unit(next)) continue;
    as_a_favour([&] {
      workers_.add_idle([&memory = file.memory(), next](bool) {
        as_a_favour([&] {
          if (!memory.has_unit(next)) memory.fetch_unit(next);
        });
      });
    });
  }
}

}  // namespace

Result<std::unique_ptr<Server>> Server::mount(std::vector<MountedFile> files, const MountOptions& options) {
  if (!fuse().is_whole()) {
    return fail(make_error(ErrorKind::Unsupported, "FUSE", "no library for it here", kFuseLibrary)
                    .advise(std::string("apt install fuse3 ") + kFusePackage));
  }
  auto server = std::make_unique<FuseServer>(std::move(files), options.threads);
  TRY_OK(server->start(options));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace hib::mount
