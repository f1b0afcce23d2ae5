// Pools of threads, which share the tasks of a job.

#pragma once

#include <cstdint>

namespace diffsort {

struct Pool {
  using Body = void (*)(void* context, int64_t begin, int64_t end);

  virtual int threads() const = 0;
  // Calls body on ranges that make up [0, tasks), at least `grain` tasks a range; returns when all are done.
  virtual void run(int64_t tasks, int64_t grain, Body body, void* context) = 0;

  // Calls task(0) … task(tasks - 1).
  template <class Task>
  void each(int64_t tasks, int64_t grain, Task task) {
    run(
        tasks, grain,
        [](void* context, int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) (*static_cast<Task*>(context))(i);
        },
        &task);
  }

 protected:
  ~Pool() = default;
};

// The calling thread alone.
struct SerialPool final : Pool {
  int threads() const override;
  void run(int64_t tasks, int64_t grain, Body body, void* context) override;
};

}  // namespace diffsort
