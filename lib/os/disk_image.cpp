#include "lib/os/disk_image.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "lib/base/cursor.h"
#include "lib/base/text.h"
#include "lib/os/nbd.h"

namespace hib {
namespace {

namespace stdfs = std::filesystem;

constexpr const char* kServer = "qemu-nbd";
constexpr std::size_t kConnections = 2;            // one is read from while the other waits for its bytes
constexpr std::size_t kMaxChain = 16;              // images, each on top of the next
constexpr std::size_t kMaxName = 1023;             // of a backing file, as qcow2 limits it
constexpr std::size_t kMaxDescriptor = 64U << 10;  // of a VMDK
constexpr std::uint64_t kSector = 512;

constexpr std::string_view kQcow2Magic = "QFI\xfb";
constexpr std::string_view kVmdkText = "# Disk DescriptorFile";

struct Row {
  DiskImageKind kind;
  std::size_t offset;
  std::string_view magic;
};

using namespace std::string_view_literals;
constexpr std::array kRows = {
    Row{{"qcow2", "a qcow2 disk image", "qcow2"}, 0, kQcow2Magic},
    Row{{"vmdk", "a VMDK disk image", "vmdk"}, 0, "KDMV"},
    Row{{"vmdk", "a VMDK disk image", "vmdk"}, 0, kVmdkText},
    Row{{"vhdx", "a VHDX disk image", "vhdx"}, 0, "vhdxfile"},
    Row{{"vhd", "a VHD disk image", "vpc"}, 0, "conectix"},
    Row{{"vdi", "a VDI disk image", "vdi"}, 64, "\x7f\x10\xda\xbe"sv},
    Row{{"ewf", "a forensic image of EnCase's format (E01)", ""}, 0, "EVF\x09\x0d\x0a\xff\x00"sv},
};

// QEMU's docs/interop/qcow2.txt; the last field from version 3 on.
struct Qcow2Header {
  be32 magic;
  be32 version;
  be64 backing_offset;
  be32 backing_bytes;
  std::array<std::byte, 52> other;
  be64 incompatible_features;
};
static_assert(sizeof(Qcow2Header) == 80);

// VMware's "Virtual Disk Format 5.0"; in sectors.
struct VmdkHeader {
  le32 magic;
  std::array<std::byte, 24> other;
  le64 descriptor_offset;
  le64 descriptor_size;
};
static_assert(sizeof(VmdkHeader) == 44);

template <typename Header>
Result<Header> read_header(const File& image, const char* what) {
  TRY(const auto bytes, image.read_at(0, sizeof(Header)));
  return Cursor(bytes, 0, what).read<Header>("");
}

std::string serve_it_yourself(const std::string& path) {
  return fmt::format(
      "if you trust it: qemu-nbd --read-only --fork --socket=/run/disk.sock {}, and read "
      "nbd+unix:///?socket=/run/disk.sock",
      path);
}

// What a qcow2 image lies on top of; empty where it stands alone.
Result<std::string> qcow2_backing(const File& image) {
  constexpr std::uint64_t kExternalData = 4;
  TRY(const auto header, read_header<Qcow2Header>(image, "qcow2 header"));
  if (header.version >= 3 && (header.incompatible_features & kExternalData) != 0) {
    return fail(image
                    .error(ErrorKind::Refused, offsetof(Qcow2Header, incompatible_features),
                           "qcow2 header: incompatible features", "an external data file",
                           "an image that holds its data itself")
                    .advise(serve_it_yourself(image.path())));
  }
  if (header.backing_offset == 0 || header.backing_bytes == 0) return std::string();
  if (header.backing_bytes > kMaxName) {
    return fail(image.error(ErrorKind::Corrupt, offsetof(Qcow2Header, backing_bytes),
                            "qcow2 header: size of the backing file's name",
                            fmt::format("{}", std::uint32_t{header.backing_bytes}),
                            fmt::format("up to {}", kMaxName)));
  }
  TRY(const auto name, image.read_at(header.backing_offset, header.backing_bytes));
  return std::string(as_text(name));
}

// The files that the text part of a VMDK names: its extents and its parent, in quotes each.
Result<std::vector<std::string>> vmdk_files(const File& image) {
  std::uint64_t start = 0;
  std::uint64_t bytes = image.size();
  TRY(const auto head, image.read_at(0, std::min<std::uint64_t>(image.size(), kVmdkText.size())));
  if (as_text(head) != kVmdkText) {
    TRY(const auto header, read_header<VmdkHeader>(image, "VMDK header"));
    start = checked_mul<std::uint64_t>(header.descriptor_offset, kSector).value_or(0);
    if (start == 0 || start >= image.size()) return std::vector<std::string>();
    bytes = std::min(checked_mul<std::uint64_t>(header.descriptor_size, kSector).value_or(0),
                     image.size() - start);
  }
  TRY(const auto content, image.read_at(start, std::min<std::uint64_t>(bytes, kMaxDescriptor)));
  const bool stands_alone = start != 0;  // a sparse extent holds its own data, whatever its text says
  std::vector<std::string> names;
  std::string_view rest = as_text(content);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const bool is_extent = line.starts_with("RW ") || line.starts_with("RDONLY ");
    const bool is_parent = line.starts_with("parentFileNameHint");
    if (!is_parent && (stands_alone || !is_extent)) continue;
    const auto open = line.find('"');
    const auto close = line.rfind('"');
    if (open != std::string_view::npos && close > open)
      names.emplace_back(line.substr(open + 1, close - open - 1));
  }
  return names;
}

Result<std::vector<std::string>> other_files(const File& image, std::string_view kind) {
  if (kind == "vmdk") return vmdk_files(image);
  std::vector<std::string> names;
  if (kind != "qcow2") return names;
  TRY(auto backing, qcow2_backing(image));
  if (!backing.empty()) names.push_back(std::move(backing));
  return names;
}

// Only what lies beside it. Whatever has a colon QEMU takes for a protocol.
Result<std::string> neighbour(const File& image, const std::string& name) {
  std::error_code error;
  const stdfs::path folder = stdfs::absolute(image.path(), error).lexically_normal().parent_path();
  const stdfs::path named(name);
  const bool is_beside =
      named.is_absolute() ? named.lexically_normal().parent_path() == folder : !named.has_parent_path();
  if (error || !is_beside || name.find(':') != std::string::npos || name.find('\0') != std::string::npos) {
    return fail(make_error(ErrorKind::Refused, "disk image",
                           fmt::format("it names another file, \"{}\"", printable(name)),
                           "files of its own folder")
                    .of(image.path())
                    .advise(serve_it_yourself(image.path())));
  }
  return (folder / named.filename()).string();
}

// Adds what `image` names to the files of the chain, the first `checked` of which lead to it.
Result<void> follow(const File& image, std::string_view kind, std::size_t checked,
                    std::vector<std::string>& chain) {
  TRY(const auto names, other_files(image, kind));
  for (const std::string& name : names) {
    TRY(auto path, neighbour(image, name));
    const auto known = std::find(chain.begin(), chain.end(), path);
    if (known == chain.end()) {
      chain.push_back(std::move(path));
    } else if (static_cast<std::size_t>(known - chain.begin()) < checked) {
      return fail(
          make_error(ErrorKind::Corrupt, "disk image",
                     fmt::format("it lies on top of \"{}\", which lies on top of it", printable(name)),
                     "a chain that ends")
              .of(image.path()));
    }
  }
  return {};
}

Result<void> check_chain(const File& image, const DiskImageKind& kind) {
  std::error_code error;
  std::vector<std::string> open = {stdfs::absolute(image.path(), error).lexically_normal().string()};
  TRY_OK(follow(image, kind.name, 1, open));
  for (std::size_t checked = 1; checked < open.size(); ++checked) {
    if (checked > kMaxChain) {
      return fail(make_error(ErrorKind::Limit, "disk image", "a longer chain of images",
                             fmt::format("up to {}", kMaxChain))
                      .of(image.path()));
    }
    TRY(const auto file, File::open(open[checked]));
    TRY(const auto head, file->read_at(0, std::min<std::uint64_t>(file->size(), 512)));
    const DiskImageKind* below = disk_image_kind(head);
    if (below == nullptr) continue;
    TRY_OK(follow(*file, below->name, checked + 1, open));
  }
  return {};
}

std::optional<std::string> find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/sbin:/usr/bin:/sbin:/bin";
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    std::string program = fmt::format("{}/{}", folder, name);
    if (folder.starts_with('/') && ::access(program.c_str(), X_OK) == 0) return program;
  }
  return std::nullopt;
}

class QemuNbd final : public NbdServer {
 public:
  QemuNbd(pid_t process, Fd words) : process_(process), words_(std::move(words)) {}
  ~QemuNbd() override {
    ::kill(process_, SIGTERM);
    wait(0);
  }

  std::string last_words() override {
    std::array<char, 512> text{};
    const ssize_t n = ::pread(words_.get(), text.data(), text.size(), 0);
    std::string_view line(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    line = line.substr(0, line.find('\n'));
    // "qemu-nbd: Failed to blk_new_open 'FILE': what it is about"
    const auto names_file = line.find("': ");
    if (names_file != std::string_view::npos) return printable(line.substr(names_file + 3));
    if (line.starts_with("qemu-nbd: ")) line.remove_prefix(10);
    return printable(line);
  }

 private:
  void wait(int flags) {
    while (::waitpid(process_, nullptr, flags) < 0 && errno == EINTR) {
    }
  }

  pid_t process_;
  Fd words_;
};

struct Sockets {
  Fd listening;
  std::vector<Fd> connected;
};

// Connected before anybody listens to them, so that the socket has a name for this moment only.
Result<Sockets> make_sockets() {
  std::string folder = (stdfs::temp_directory_path() / "hibtool-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return fail(system_error("mkdtemp", errno).of(folder));
  const std::string name = folder + "/nbd";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  auto made = [&]() -> Result<Sockets> {
    if (name.size() >= sizeof address.sun_path)
      return fail(make_error(ErrorKind::Io, "socket", "a longer name than sockets have").of(name));
    std::copy(name.begin(), name.end(), address.sun_path);
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    Sockets sockets;
    sockets.listening = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!sockets.listening || ::bind(sockets.listening.get(), where, sizeof address) != 0 ||
        ::listen(sockets.listening.get(), static_cast<int>(kConnections)) != 0)
      return fail(system_error("socket", errno).of(name));
    for (std::size_t i = 0; i < kConnections; ++i) {
      Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (!socket || ::connect(socket.get(), where, sizeof address) != 0)
        return fail(system_error("connect", errno).of(name));
      sockets.connected.push_back(std::move(socket));
    }
    return sockets;
  }();
  ::unlink(name.c_str());
  ::rmdir(folder.c_str());
  return made;
}

// In the child, between fork and exec: only what is safe there.
[[noreturn]] void become_server(const char* program, char* const* arguments, char** environment,
                                std::string& process_entry, int listening, int words) {
  constexpr int kFirstPassed = 3;  // as sd_listen_fds(3) counts
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::setpgid(0, 0);  // Ctrl-C is for this program to answer
  // "LISTEN_PID=0000000000"
  auto digit = process_entry.rbegin();
  for (auto number = static_cast<unsigned>(::getpid()); number != 0; number /= 10)
    *digit++ = static_cast<char>('0' + number % 10);
  // dup2() of a descriptor to itself would leave it to be closed by exec.
  const int passed = ::fcntl(listening, F_DUPFD_CLOEXEC, kFirstPassed + 1);
  const int silent = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (::dup2(silent, 0) < 0 || ::dup2(silent, 1) < 0 || ::dup2(words, 2) < 0 ||
      ::dup2(passed, kFirstPassed) < 0)
    ::_exit(127);
  ::execve(program, arguments, environment);
  ::_exit(127);
}

Result<std::unique_ptr<NbdServer>> start_server(const std::string& program, const File& image,
                                                std::string_view driver, const Fd& listening) {
  // A file without a name has one below /proc.
  const bool has_name = image.path() != "-" && image.wrappings().empty();
  const std::string path = has_name ? stdfs::absolute(image.path()).string()
                                    : fmt::format("/proc/{}/fd/{}", ::getpid(), image.descriptor());
  std::vector<std::string> arguments = {
      kServer, "--read-only", fmt::format("--shared={}", kConnections), fmt::format("--format={}", driver),
      "--",    path};
  std::vector<std::string> environment = {"LC_ALL=C", "LISTEN_FDS=1", "LISTEN_PID=0000000000"};
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
  };
  const auto argument_pointers = pointers(arguments);
  auto environment_pointers = pointers(environment);
  Fd words(::memfd_create("words", MFD_CLOEXEC));
  if (!words) return fail(system_error("memfd_create", errno).of(program));
  const pid_t process = ::fork();
  if (process < 0) return fail(system_error("fork", errno).of(program));
  if (process == 0) {
    become_server(program.c_str(), argument_pointers.data(), environment_pointers.data(), environment.back(),
                  listening.get(), words.get());
  }
  return std::make_unique<QemuNbd>(process, std::move(words));
}

}  // namespace

const DiskImageKind* disk_image_kind(ByteView head) {
  for (const Row& row : kRows) {
    const std::size_t end = row.offset + row.magic.size();
    if (head.size() >= end && as_text(head.subspan(row.offset, row.magic.size())) == row.magic)
      return &row.kind;
  }
  return nullptr;
}

Result<std::shared_ptr<const File>> open_disk_image(const File& image, const DiskImageKind& kind) {
  const auto unreadable = [&](std::string allowed, std::string advice) {
    return fail(make_error(ErrorKind::Unsupported, "disk image", std::string(kind.title), std::move(allowed))
                    .of(image.path())
                    .advise(std::move(advice)));
  };
  if (kind.driver.empty()) {
    return unreadable(
        "what QEMU reads",
        fmt::format("ewfmount {} FOLDER (Debian's ewf-tools), and read FOLDER/ewf1", image.path()));
  }
  const auto program = find_program(kServer);
  if (!program) return unreadable("qemu-nbd, which reads it", "apt install qemu-utils");
  TRY_OK(check_chain(image, kind));
  TRY(auto sockets, make_sockets());
  TRY(auto server, start_server(*program, image, kind.driver, sockets.listening));
  sockets.listening = Fd();
  auto disk = connect_nbd(std::move(sockets.connected), std::move(server));
  if (!disk) {
    Error error = std::move(disk).error();
    error.where = fmt::format("{}, which qemu-nbd opens", kind.title);
    return fail(std::move(error).of(image.path()));
  }
  return image.content(std::move(*disk), {std::string(kind.name), std::string(kind.title), {}});
}

}  // namespace hib
