// XLA's own threads.
//
// They are reached through XLA's C interface, which takes a function and a pointer: its C++ wrapper allocates for
// each task, and throws where there is no memory.

#pragma once

#include <atomic>
#include <cstdlib>
#include <new>
#include <optional>
#include <thread>

#include "pool.h"
#include "xla/ffi/api/ffi.h"

namespace diffsort {

// The threads of the client that runs a call.
struct XlaThreads {
  using Context = decltype(XLA_FFI_ThreadPool_Schedule_Args::ctx);  // its name depends on the version

  const XLA_FFI_Api* api;
  Context context;

  int64_t count() const {
    int64_t threads = 0;
    XLA_FFI_ThreadPool_NumThreads_Args args{};
    args.struct_size = XLA_FFI_ThreadPool_NumThreads_Args_STRUCT_SIZE;
    args.ctx = context;
    args.num_threads = &threads;
    return succeeded(api->XLA_FFI_ThreadPool_NumThreads(&args)) ? threads : 1;
  }

  // Has task(data) called some time; returns false where that cannot be.
  bool schedule(XLA_FFI_Task* task, void* data) const {
    XLA_FFI_ThreadPool_Schedule_Args args{};
    args.struct_size = XLA_FFI_ThreadPool_Schedule_Args_STRUCT_SIZE;
    args.ctx = context;
    args.task = task;
    args.data = data;
    return succeeded(api->XLA_FFI_ThreadPool_Schedule(&args));
  }

 private:
  bool succeeded(XLA_FFI_Error* error) const {
    if (!error) return true;
    XLA_FFI_Error_Destroy_Args args{};
    args.struct_size = XLA_FFI_Error_Destroy_Args_STRUCT_SIZE;
    args.error = error;
    api->XLA_FFI_Error_Destroy(&args);
    return false;
  }
};

// The caller works too. It waits for ranges that others have begun, never for a thread to become free: all threads may
// be busy with callers that wait for one another in a collective.
class XlaPool final : public Pool {
 public:
  explicit XlaPool(XlaThreads xla) : xla_(xla), threads_(int(xla.count())) {}

  int threads() const override { return threads_ < 1 ? 1 : threads_; }

  void run(int64_t tasks, int64_t grain, Body body, void* context) override {
    int64_t ranges = (tasks + grain - 1) / grain;
    int64_t helpers = ranges < threads() ? ranges - 1 : threads() - 1;
    if (helpers < 1) return body(context, 0, tasks);
    void* memory = std::malloc(sizeof(Work));  // a `new` that does not throw may throw inside
    if (!memory) return body(context, 0, tasks);
    Work* work = new (memory) Work{body, context, tasks, grain};
    for (int64_t i = 0; i < helpers; ++i) {
      work->references.fetch_add(1, std::memory_order_relaxed);
      if (!xla_.schedule(Work::run, work)) {
        work->release();
        break;
      }
    }
    work->run_ranges();
    for (int spins = 0; work->done.load(std::memory_order_acquire) < tasks; ++spins) {
      if (spins > 1000) std::this_thread::yield();
    }
    work->release();
  }

 private:
  // The tasks of a call. They outlive it, as a helper may come late.
  struct Work {
    Body body;
    void* context;
    int64_t tasks, grain;
    std::atomic<int64_t> next{0}, done{0};
    std::atomic<int64_t> references{1};

    // A helper that comes late finds nothing left, and does not touch the context, which is gone.
    void run_ranges() {
      for (int64_t begin; (begin = next.fetch_add(grain)) < tasks;) {
        int64_t end = begin + grain < tasks ? begin + grain : tasks;
        body(context, begin, end);
        done.fetch_add(end - begin, std::memory_order_release);
      }
    }

    // The last one to release it frees it.
    void release() {
      if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) std::free(this);
    }

    static void run(void* work) {
      static_cast<Work*>(work)->run_ranges();
      static_cast<Work*>(work)->release();
    }
  };

  XlaThreads xla_;
  int threads_;
};

}  // namespace diffsort

template <>
struct xla::ffi::CtxDecoding<diffsort::XlaThreads> {
  using Type = diffsort::XlaThreads;

  template <class Diagnostic>
  static std::optional<Type> Decode(const XLA_FFI_Api* api, Type::Context context, Diagnostic&) {
    return Type{api, context};
  }
};
