// The kernel's entry points for XLA.

#include <atomic>
#include <memory>
#include <thread>

#include "job.h"
#include "xla/ffi/api/ffi.h"

namespace diffsort {
namespace {

namespace ffi = xla::ffi;

// XLA's own threads. The caller works too and waits only for ranges that others have begun, never for a
// thread to become free: the pool may be full of callers that wait for one another in a collective.
class XlaPool final : public Pool {
 public:
  explicit XlaPool(ffi::ThreadPool& pool) : pool_(pool), threads_(int(pool.num_threads())) {}

  int threads() const override { return threads_ < 1 ? 1 : threads_; }

  void run(int64_t tasks, int64_t grain, Body body, void* context) override {
    int64_t ranges = (tasks + grain - 1) / grain;
    int64_t helpers = ranges < threads() ? ranges - 1 : threads() - 1;
    if (helpers < 1) return body(context, 0, tasks);

    struct Work {
      Body body;
      void* context;
      int64_t tasks, grain;
      std::atomic<int64_t> next{0}, done{0};

      // A helper that comes late finds nothing left, and does not touch the context, which is gone.
      void take() {
        for (int64_t begin; (begin = next.fetch_add(grain)) < tasks;) {
          int64_t end = begin + grain < tasks ? begin + grain : tasks;
          body(context, begin, end);
          done.fetch_add(end - begin, std::memory_order_release);
        }
      }
    };
    auto work = std::make_shared<Work>();
    work->body = body;
    work->context = context;
    work->tasks = tasks;
    work->grain = grain;
    for (int64_t i = 0; i < helpers; ++i) pool_.Schedule([work] { work->take(); });
    work->take();
    for (int spins = 0; work->done.load(std::memory_order_acquire) < tasks; ++spins) {
      if (spins > 1000) std::this_thread::yield();
    }
  }

 private:
  ffi::ThreadPool& pool_;
  int threads_;
};

struct Shape {
  int64_t outer = 1, n = 1, inner = 1;

  // `trailing` axes follow the one that is sorted.
  Shape(ffi::AnyBuffer::Dimensions dimensions, int64_t trailing) {
    int64_t axis = int64_t(dimensions.size()) - 1 - trailing;
    for (int64_t d = 0; d < int64_t(dimensions.size()); ++d) {
      (d < axis ? outer : d == axis ? n : inner) *= dimensions[d];
    }
  }
};

bool type_of(ffi::DataType data, Type& type) {
  switch (data) {
    case ffi::DataType::F32:
      return type = Type::kF32, true;
    case ffi::DataType::BF16:
      return type = Type::kBF16, true;
    case ffi::DataType::F16:
      return type = Type::kF16, true;
    case ffi::DataType::F64:
      return type = Type::kF64, true;
    case ffi::DataType::S8:
      return type = Type::kS8, true;
    case ffi::DataType::S16:
      return type = Type::kS16, true;
    case ffi::DataType::S32:
      return type = Type::kS32, true;
    case ffi::DataType::S64:
      return type = Type::kS64, true;
    case ffi::DataType::PRED:
    case ffi::DataType::U8:
      return type = Type::kU8, true;
    case ffi::DataType::U16:
      return type = Type::kU16, true;
    case ffi::DataType::U32:
      return type = Type::kU32, true;
    case ffi::DataType::U64:
      return type = Type::kU64, true;
    default:
      return false;
  }
}

ffi::Error sort_for_xla(ffi::ThreadPool threads, ffi::RemainingArgs arguments, ffi::RemainingRets results,
                        int64_t trailing, bool values, bool indices, bool descending, bool ties_reversed) {
  auto x = arguments.get<ffi::AnyBuffer>(0);
  if (x.has_error()) return x.error();
  Shape shape(x->dimensions(), trailing);
  SortJob job{};
  if (!type_of(x->element_type(), job.type)) return ffi::Error::InvalidArgument("diffsort: no such element type");
  job.outer = shape.outer;
  job.n = shape.n;
  job.inner = shape.inner;
  job.x = x->untyped_data();
  job.index_bytes = 4;
  job.descending = descending;
  job.ties_reversed = ties_reversed;
  if (arguments.size() > 1) {
    auto where = arguments.get<ffi::AnyBuffer>(1);
    if (where.has_error()) return where.error();
    job.where = static_cast<const uint8_t*>(where->untyped_data());
  }
  size_t next = 0;
  if (values) {
    auto out = results.get<ffi::AnyBuffer>(next++);
    if (out.has_error()) return out.error();
    job.values = (*out)->untyped_data();
  }
  if (indices) {
    auto out = results.get<ffi::AnyBuffer>(next++);
    if (out.has_error()) return out.error();
    job.indices = (*out)->untyped_data();
    job.index_bytes = int(ffi::ByteWidth((*out)->element_type()));
  }
  XlaPool pool(threads);
  if (!sort(job, pool)) return ffi::Error(ffi::ErrorCode::kResourceExhausted, "diffsort: out of memory in a sort");
  return ffi::Error::Success();
}

ffi::Error permute_for_xla(ffi::ThreadPool threads, ffi::AnyBuffer x, ffi::AnyBuffer indices,
                           ffi::Result<ffi::AnyBuffer> out, int64_t trailing, bool inverse, bool trusted) {
  Shape shape(x.dimensions(), trailing);
  XlaPool pool(threads);
  permute({shape.outer, shape.n, shape.inner, int(ffi::ByteWidth(x.element_type())),
           int(ffi::ByteWidth(indices.element_type())), x.untyped_data(), indices.untyped_data(),
           out->untyped_data(), inverse, trusted},
          pool);
  return ffi::Error::Success();
}

}  // namespace
}  // namespace diffsort

#pragma GCC visibility push(default)

// Raised with every change to the handlers below, so that no program calls those of another version.
extern "C" int diffsort_interface() { return 2; }

// The version of XLA's interface that this was compiled for. Newer ones accept it, older ones do not.
extern "C" int diffsort_xla_major() { return XLA_FFI_API_MAJOR; }
extern "C" int diffsort_xla_minor() { return XLA_FFI_API_MINOR; }

XLA_FFI_DEFINE_HANDLER_SYMBOL(DiffsortSort, diffsort::sort_for_xla,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .RemainingArgs()
                                  .RemainingRets()
                                  .Attr<int64_t>("trailing")
                                  .Attr<bool>("values")
                                  .Attr<bool>("indices")
                                  .Attr<bool>("descending")
                                  .Attr<bool>("ties_reversed"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(DiffsortPermute, diffsort::permute_for_xla,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Ret<xla::ffi::AnyBuffer>()
                                  .Attr<int64_t>("trailing")
                                  .Attr<bool>("inverse")
                                  .Attr<bool>("trusted"));

#pragma GCC visibility pop
