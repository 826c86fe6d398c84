// Objects that are expensive to make and are used by one thread at a time: compression contexts, page buffers.
#pragma once

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
    if (free_.empty()) return Lease(make_().release(), Return{this});
    Lease lease(free_.back().release(), Return{this});
    free_.pop_back();
    return lease;
  }

 private:
  void put(T* object) {
    const std::scoped_lock lock(mutex_);
    free_.emplace_back(object);
  }

  std::function<std::unique_ptr<T>()> make_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> free_;
};

}  // namespace hib
