#include "lib/mount/mount_point.h"

#include <cerrno>
#include <filesystem>

namespace hib::mount {

Result<std::string> check_mount_point(const std::string& path, bool may_be_full) {
  namespace fs = std::filesystem;
  std::error_code code;
  const fs::path folder = fs::canonical(path, code);
  if (code == std::errc::not_connected) {
    return fail(make_error(ErrorKind::Refused, "mount", "a mount whose program has ended", "an empty folder")
                    .of(path)
                    .advise("\"fusermount3 -u " + path + "\" takes it away"));
  }
  if (code) return fail(system_error("open", code.value()).of(path));
  const bool is_folder = fs::is_directory(folder, code);
  if (code == std::errc::not_connected) {
    return fail(make_error(ErrorKind::Refused, "mount", "a mount whose program has ended", "an empty folder")
                    .of(path)
                    .advise("\"fusermount3 -u " + path + "\" takes it away"));
  }
  if (!is_folder)
    return fail(make_error(ErrorKind::NotFound, "mount", "not a folder", "an empty folder").of(path));
  const bool is_empty = may_be_full || fs::is_empty(folder, code);
  if (code) return fail(system_error("open", code.value()).of(path));
  if (is_empty) return folder.string();
  return fail(make_error(ErrorKind::Refused, "mount", "a folder with something in it", "an empty folder")
                  .of(path)
                  .advise("-o nonempty hides what is in it as long as the image is mounted"));
}

}  // namespace hib::mount
