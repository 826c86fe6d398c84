// Objects that are expensive to make and are used by one thread at a time: compression contexts, page
// buffers.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace hib {

template <typename T>
class Pool {
 public:
  explicit Pool(std::function<std::unique_ptr<T>()> make) : make_(std::move(make)) {}

  // Comes back to the pool when the pointer dies. The pool must outlive it.
  struct Return {
    Pool* pool;
    void operator()(T* object) const { pool->put(object); }
  };
  using Lease = std::unique_ptr<T, Return>;

  Lease take() {
    const std::scoped_lock lock(mutex_);
    if (free_.empty()) {
      free_.reserve(made_ + 1);  // so that coming back never needs memory
      Lease lease(make_().release(), Return{this});
      ++made_;
      return lease;
    }
    Lease lease(free_.back().release(), Return{this});
    free_.pop_back();
    return lease;
  }

 private:
  void put(T* object) noexcept {
    const std::scoped_lock lock(mutex_);
    free_.emplace_back(object);
  }

  std::function<std::unique_ptr<T>()> make_;
  std::mutex mutex_;
  std::size_t made_ = 0;
  std::vector<std::unique_ptr<T>> free_;
};

}  // namespace hib
