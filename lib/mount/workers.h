// Threads that take tasks from two queues: what somebody waits for, and what can wait.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "lib/base/error.h"

namespace hib::mount {

class Workers {
 public:
  // Told whether the work is to be done, or only to be answered for: after stop().
  using Task = std::function<void(bool is_stopped)>;

  Workers() = default;
  ~Workers() { stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  Result<void> start(unsigned threads);
  void add(Task task);
  void add_idle(Task task);  // dropped where many wait already, and by stop()
  // No more tasks are begun: to be followed by stop(), once none is under way.
  void drop();
  bool is_idle() const;
  // Tasks under way come to their end; those in the queue are told.
  void stop();

 private:
  void work();

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;
  std::deque<Task> idle_tasks_;
  bool is_stopped_ = false;
  std::size_t under_way_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace hib::mount
