// Who helps with a job.

#pragma once

#include <cstdint>

namespace diffsort {

// Threads that share out tasks.
struct Pool {
  using Body = void (*)(void* context, int64_t begin, int64_t end);

  virtual int threads() const = 0;
  // Calls body on ranges that make up [0, tasks), at least `grain` tasks a range; returns when all are done.
  virtual void run(int64_t tasks, int64_t grain, Body body, void* context) = 0;

  template <class F>
  void each(int64_t tasks, int64_t grain, F f) {
    run(
        tasks, grain,
        [](void* context, int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) (*static_cast<F*>(context))(i);
        },
        &f);
  }

 protected:
  ~Pool() = default;
};

// No other thread.
struct Alone final : Pool {
  int threads() const override;
  void run(int64_t tasks, int64_t grain, Body body, void* context) override;
};

}  // namespace diffsort
