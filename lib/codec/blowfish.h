// Blowfish in CFB mode: how uswsusp encrypts (read only).
#pragma once

#include <array>
#include <memory>

#include "lib/base/bytes.h"

namespace hib {

class BlowfishCfb {
 public:
  static constexpr std::size_t kBlockBytes = 8;

  BlowfishCfb(ByteView key, const std::array<std::byte, kBlockBytes>& iv);
  ~BlowfishCfb();

  // Goes on where the last call ended; the size is a multiple of kBlockBytes.
  void decrypt(MutableBytes bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hib
