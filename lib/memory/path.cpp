#include "lib/memory/path.h"

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::memory {
namespace {

// A place in the tree of names: a dentry, and the mount that it is seen through.
struct Place {
  Address dentry = 0;
  Address mount = 0;  // struct mount, which holds the struct vfsmount that files point to
};

Result<Place> place_of_file(const Kernel& kernel, Address file) {
  Place place;
  TRY(place.dentry, kernel.number(file, "file", "f_path.dentry"));
  TRY(const Address vfsmount, kernel.number(file, "file", "f_path.mnt"));
  TRY(const Member inside, kernel.types.member("mount", "mnt"));
  place.mount = vfsmount - inside.offset();
  return place;
}

Result<std::string> name_of_dentry(const Kernel& kernel, Address dentry) {
  TRY(const std::uint64_t length, kernel.number(dentry, "dentry", "d_name.len"));
  TRY(const Address text, kernel.number(dentry, "dentry", "d_name.name"));
  if (length == 0 || length > kMaxNameBytes)
    return fail(make_error(ErrorKind::Corrupt, fmt::format("dentry {}: d_name.len", hex(dentry)),
                           std::to_string(length), fmt::format("1 to {}", kMaxNameBytes)));
  return kernel.memory.text(text, length);
}

// From the root of a mounted file system to the folder that it is mounted on; false at the root of all.
Result<bool> step_over_mount(const Kernel& kernel, Place& place) {
  TRY(const Address parent, kernel.number(place.mount, "mount", "mnt_parent"));
  if (parent == place.mount) return false;
  TRY(place.dentry, kernel.number(place.mount, "mount", "mnt_mountpoint"));
  place.mount = parent;
  return true;
}

}  // namespace

Result<std::string> path_of_file(const Kernel& kernel, Address file) {
  TRY(Place place, place_of_file(kernel, file));
  std::string path;
  for (unsigned parts = 0; parts < kMaxPathParts && path.size() <= kMaxPathBytes; ++parts) {
    TRY(const Address root, kernel.number(place.mount, "mount", "mnt.mnt_root"));
    if (place.dentry == root) {
      TRY(const bool goes_on, step_over_mount(kernel, place));
      if (!goes_on) return path.empty() ? "/" : path;
      continue;
    }
    TRY(const Address parent, kernel.number(place.dentry, "dentry", "d_parent"));
    if (parent == place.dentry) return path;  // of a file system that is mounted nowhere
    TRY(const std::string name, name_of_dentry(kernel, place.dentry));
    path.insert(0, "/" + name);
    place.dentry = parent;
  }
  return fail(make_error(ErrorKind::Corrupt, fmt::format("file {}: path", hex(file)), "no end",
                         fmt::format("at most {} parts and {} bytes", kMaxPathParts, kMaxPathBytes)));
}

}  // namespace hib::memory
