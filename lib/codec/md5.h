// MD5: only because old images carry it. It finds accidents, not attackers.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "lib/base/bytes.h"

namespace hib {

class Md5 {
 public:
  Md5();
  ~Md5();
  void update(ByteView bytes);
  std::array<std::byte, 16> digest();  // and begins anew

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string hex_digest(ByteView digest);

}  // namespace hib
