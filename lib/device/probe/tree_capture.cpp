#include "lib/device/probe/tree_capture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>

#include <fmt/format.h>

#include "lib/os/cancel.h"
#include "lib/os/file.h"

namespace hib::device {
namespace {

std::string encoded(const std::string& text, bool is_key) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte >= 0x20 && byte != 0x7F && c != '%' && !(is_key && c == '=');
    out += plain ? std::string(1, c) : fmt::format("%{:02x}", byte);
  }
  return out;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* begin = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(begin, begin + 2, byte, 16).ptr == begin + 2) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

int write_file(const std::string& path, const std::string& text) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return errno;
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(fd.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno != EINTR) return errno;
    if (n > 0) done += static_cast<std::size_t>(n);
  }
  return 0;
}

}  // namespace

std::string text_of_facts(const Facts& facts) {
  std::string text;
  for (const auto& [key, value] : facts) text += encoded(key, true) + "=" + encoded(value, false) + "\n";
  return text;
}

Facts facts_from_text(const std::string& text) {
  Facts facts;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos && equals > 0)
      facts[decoded(line.substr(0, equals))] = decoded(line.substr(equals + 1));
    at = end + 1;
  }
  return facts;
}

void Tree::Capture::folder_at(const std::string& path) {
  if (path.empty() || path == "/" || failure || done.contains(path)) return;
  folder_at(path.substr(0, path.rfind('/')));
  if (failure) return;
  if (::mkdir((folder + path).c_str(), 0700) != 0 && errno != EEXIST)
    failure = system_error("mkdir", errno).of(folder + path);
  done.insert(path);
}

void Tree::Capture::file(const std::string& path, const std::string& text) {
  if (!failure && cancelled()) failure = cancelled_error();
  folder_at(path.substr(0, path.rfind('/')));
  if (failure) return;
  if (const int error = write_file(folder + path, text); error != 0)
    failure = system_error("write", error).of(folder + path);
  done.insert(path);
}

void Tree::Capture::link(const std::string& path, const std::string& target) {
  if (failure || done.contains(path)) return;
  folder_at(path.substr(0, path.rfind('/')));
  if (failure) return;
  if (::symlink(target.c_str(), (folder + path).c_str()) != 0 && errno != EEXIST)
    failure = system_error("symlink", errno).of(folder + path);
  done.insert(path);
}

void Tree::Capture::no(const std::string& path, const std::string& why) {
  if (!unreadable.emplace(path, why).second) return;
  file(kUnreadableFacts, text_of_facts(unreadable));
}

// A folder's name comes before the names in it.
void Tree::Capture::remove() const {
  for (auto path = done.rbegin(); path != done.rend(); ++path) ::remove((folder + *path).c_str());
  if (is_new) ::rmdir(folder.c_str());
}

}  // namespace hib::device
