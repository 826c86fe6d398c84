#include "lib/codec/blowfish.h"

#include <nettle/blowfish.h>
#include <nettle/cfb.h>

namespace hib {

struct BlowfishCfb::State {
  blowfish_ctx context;
  std::array<std::uint8_t, kBlockBytes> iv;
};

BlowfishCfb::BlowfishCfb(ByteView key, const std::array<std::byte, kBlockBytes>& iv)
    : state_(std::make_unique<State>()) {
  blowfish_set_key(&state_->context, key.size(), reinterpret_cast<const std::uint8_t*>(key.data()));
  std::memcpy(state_->iv.data(), iv.data(), iv.size());
}

BlowfishCfb::~BlowfishCfb() = default;

void BlowfishCfb::decrypt(MutableBytes bytes) {
  auto* data = reinterpret_cast<std::uint8_t*>(bytes.data());
  // CFB decrypts with the cipher's encryption.
  cfb_decrypt(&state_->context, reinterpret_cast<nettle_cipher_func*>(blowfish_encrypt), kBlockBytes,
              state_->iv.data(), bytes.size(), data, data);
}

}  // namespace hib
