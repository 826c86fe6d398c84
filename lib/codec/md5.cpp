#include "lib/codec/md5.h"

#include <fmt/format.h>
#include <nettle/md5.h>

namespace hib {

struct Md5::State {
  md5_ctx context;
};

Md5::Md5() : state_(std::make_unique<State>()) { md5_init(&state_->context); }
Md5::~Md5() = default;

void Md5::update(ByteView bytes) {
  md5_update(&state_->context, bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
}

std::array<std::byte, 16> Md5::digest() {
  std::array<std::byte, 16> out;
  md5_digest(&state_->context, out.size(), reinterpret_cast<std::uint8_t*>(out.data()));
  return out;
}

std::string hex_digest(ByteView digest) {
  std::string text;
  for (const std::byte b : digest) text += fmt::format("{:02x}", std::to_integer<unsigned>(b));
  return text;
}

}  // namespace hib
