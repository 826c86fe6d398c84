// A file whose bytes are made beforehand, or when it is first asked for.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>

#include "lib/base/error.h"
#include "lib/mount/content.h"

namespace hib::mount {

class TextFile final : public Content {
 public:
  explicit TextFile(std::string text) : text_(std::move(text)), is_ready_(true) {}
  explicit TextFile(std::function<Result<std::string>()> make) : make_(std::move(make)) {}

  bool is_ready() const override { return is_ready_; }
  bool prepare() override;
  std::uint64_t size() const override { return text_.size(); }
  Outcome read(std::uint64_t offset, MutableBytes out, Wait wait) const override;

 private:
  std::function<Result<std::string>()> make_;
  std::mutex mutex_;  // of whoever makes it
  std::string text_;
  std::atomic<bool> is_ready_ = false;  // text_ does not change any more
};

}  // namespace hib::mount
