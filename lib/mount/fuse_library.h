// libfuse, loaded when an image is mounted: the saver, which never mounts one, would carry it too.
#pragma once

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include "lib/os/shared_library.h"

namespace hib::mount {

// The library belongs to the headers: structures have grown since version 3.17, which came with a new number.
#if FUSE_MAJOR_VERSION == 3 && FUSE_MINOR_VERSION < 17
inline constexpr const char* kFuseLibrary = "libfuse3.so.3";
inline constexpr const char* kFusePackage = "libfuse3-3";
#else
inline constexpr const char* kFuseLibrary = "libfuse3.so.4";
inline constexpr const char* kFusePackage = "libfuse3-4";
#endif

struct FuseLibrary : SharedLibrary {
  FuseLibrary() : SharedLibrary(kFuseLibrary) {}

  // Newer headers make a macro of it, and keep the function.
  using NewSession = fuse_session*(fuse_args*, const fuse_lowlevel_ops*, std::size_t, void*);
  NewSession* session_new = find("fuse_session_new");
  decltype(&::fuse_opt_free_args) opt_free_args = find("fuse_opt_free_args");
  decltype(&::fuse_session_mount) session_mount = find("fuse_session_mount");
  decltype(&::fuse_session_unmount) session_unmount = find("fuse_session_unmount");
  decltype(&::fuse_session_destroy) session_destroy = find("fuse_session_destroy");
  decltype(&::fuse_session_exited) session_exited = find("fuse_session_exited");
  decltype(&::fuse_session_fd) session_fd = find("fuse_session_fd");
  decltype(&::fuse_session_receive_buf) session_receive_buf = find("fuse_session_receive_buf");
  decltype(&::fuse_session_process_buf) session_process_buf = find("fuse_session_process_buf");
  decltype(&::fuse_req_userdata) req_userdata = find("fuse_req_userdata");
  decltype(&::fuse_reply_err) reply_err = find("fuse_reply_err");
  decltype(&::fuse_reply_none) reply_none = find("fuse_reply_none");
  decltype(&::fuse_reply_entry) reply_entry = find("fuse_reply_entry");
  decltype(&::fuse_reply_attr) reply_attr = find("fuse_reply_attr");
  decltype(&::fuse_reply_open) reply_open = find("fuse_reply_open");
  decltype(&::fuse_reply_buf) reply_buf = find("fuse_reply_buf");
  decltype(&::fuse_reply_lseek) reply_lseek = find("fuse_reply_lseek");
  decltype(&::fuse_add_direntry) add_direntry = find("fuse_add_direntry");
  decltype(&::fuse_lowlevel_notify_store) notify_store = find("fuse_lowlevel_notify_store");
};

}  // namespace hib::mount
