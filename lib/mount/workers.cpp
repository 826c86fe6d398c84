#include "lib/mount/workers.h"

#include <system_error>
#include <utility>

namespace hib::mount {
namespace {

constexpr std::size_t kMostIdleTasks = 16;

}  // namespace

Result<void> Workers::start(unsigned threads) {
  try {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  } catch (const std::system_error& error) {
    stop();
    return fail(system_error("thread", error.code().value()));
  }
  return {};
}

void Workers::add(Task task) {
  {
    const std::scoped_lock lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void Workers::add_idle(Task task) {
  {
    const std::scoped_lock lock(mutex_);
    if (idle_tasks_.size() >= kMostIdleTasks) return;
    idle_tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void Workers::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return is_stopped_ || !tasks_.empty() || !idle_tasks_.empty(); });
    if (is_stopped_) return;
    std::deque<Task>& queue = tasks_.empty() ? idle_tasks_ : tasks_;
    const Task task = std::move(queue.front());
    queue.pop_front();
    ++under_way_;
    lock.unlock();
    task(false);
    lock.lock();
    --under_way_;
  }
}

void Workers::drop() {
  const std::scoped_lock lock(mutex_);
  is_stopped_ = true;
}

bool Workers::is_idle() const {
  const std::scoped_lock lock(mutex_);
  return under_way_ == 0;
}

void Workers::stop() {
  drop();
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  for (; !tasks_.empty(); tasks_.pop_front())
    tasks_.front()(true);  // destructors stop, too: no memory is asked for
  idle_tasks_.clear();
}

}  // namespace hib::mount
