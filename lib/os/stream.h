// A pipe, a socket, a terminal: its other end may keep a writer waiting for ever. A signal ends the wait,
// whichever thread it finds: the kernel interrupts one thread, and seldom the one that waits.
#pragma once

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/os/file.h"

namespace hib {

class StreamWriter {
 public:
  StreamWriter() = default;  // no stream

  static Result<StreamWriter> standard_output();
  // Waits until somebody reads from the other end.
  static Result<StreamWriter> open(const std::string& path);

  // Cancelled when a signal ends the wait, and when nobody reads any more (SIGPIPE).
  Result<void> write(ByteView bytes);

 private:
  explicit StreamWriter(Fd fd);
  Result<std::size_t> write_some(ByteView bytes);

  Fd fd_;
  std::size_t most_bytes_ = 0;  // of one write, so that it does not wait once the stream takes bytes at all
};

}  // namespace hib
