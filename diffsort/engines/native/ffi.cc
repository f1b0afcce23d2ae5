// The kernel's entry points for XLA.

#include "ffi.h"

#include "isotonic.h"
#include "lapsum.h"
#include "neuralsort.h"
#include "permute.h"
#include "put.h"
#include "recurrence.h"
#include "select.h"
#include "soft_network.h"
#include "sort.h"
#include "xla_pool.h"

namespace diffsort {

// What a handler returns. Its message is a constant, as a string would need memory, which may have run out.
struct HandlerStatus {
  XLA_FFI_Error_Code code = XLA_FFI_Error_Code_OK;
  const char* message = nullptr;
};

namespace {

namespace ffi = xla::ffi;

constexpr HandlerStatus kOutOfMemory{XLA_FFI_Error_Code_RESOURCE_EXHAUSTED, "diffsort: out of memory in a sort"};
constexpr HandlerStatus kUnsupportedType{XLA_FFI_Error_Code_INVALID_ARGUMENT, "diffsort: no such element type"};
constexpr HandlerStatus kMismatch{XLA_FFI_Error_Code_INTERNAL,
                                  "diffsort: operands or results do not fit the attributes"};

struct Shape {
  int64_t outer = 1, n = 1, inner = 1;

  // `trailing` axes follow the one that is sorted.
  Shape(ffi::AnyBuffer::Dimensions dimensions, int64_t trailing) {
    int64_t axis = int64_t(dimensions.size()) - 1 - trailing;
    for (int64_t d = 0; d < int64_t(dimensions.size()); ++d) {
      (d < axis ? outer : d == axis ? n : inner) *= dimensions[size_t(d)];
    }
  }
};

constexpr bool same(ElementType ours, ffi::DataType theirs) { return int(ours) == int(theirs); }
static_assert(same(ElementType::kPred, ffi::DataType::PRED) && same(ElementType::kS8, ffi::DataType::S8) &&
              same(ElementType::kS16, ffi::DataType::S16) && same(ElementType::kS32, ffi::DataType::S32) &&
              same(ElementType::kS64, ffi::DataType::S64) && same(ElementType::kU8, ffi::DataType::U8) &&
              same(ElementType::kU16, ffi::DataType::U16) && same(ElementType::kU32, ffi::DataType::U32) &&
              same(ElementType::kU64, ffi::DataType::U64) && same(ElementType::kF16, ffi::DataType::F16) &&
              same(ElementType::kF32, ffi::DataType::F32) && same(ElementType::kF64, ffi::DataType::F64) &&
              same(ElementType::kBF16, ffi::DataType::BF16));

// Fills in all of a job but its ranks.
HandlerStatus read_job(ffi::RemainingArgs arguments, ffi::RemainingRets results, int64_t trailing, bool values,
                       bool indices, bool descending, bool ties_reversed, SortJob& job) {
  auto x = arguments.get<ffi::AnyBuffer>(0);
  if (!x.has_value()) return kMismatch;
  Shape shape(x->dimensions(), trailing);
  job = {};
  job.type = ElementType(x->element_type());
  job.outer = shape.outer;
  job.n = shape.n;
  job.inner = shape.inner;
  job.x = x->untyped_data();
  job.index_bytes = 4;
  job.descending = descending;
  job.ties_reversed = ties_reversed;
  if (arguments.size() > 1) {
    auto where = arguments.get<ffi::AnyBuffer>(1);
    if (!where.has_value()) return kMismatch;
    job.where = static_cast<const uint8_t*>(where->untyped_data());
  }
  size_t next = 0;
  if (values) {
    auto out = results.get<ffi::AnyBuffer>(next++);
    if (!out.has_value()) return kMismatch;
    job.values = (*out)->untyped_data();
  }
  if (indices) {
    auto out = results.get<ffi::AnyBuffer>(next++);
    if (!out.has_value()) return kMismatch;
    job.indices = (*out)->untyped_data();
    job.index_bytes = int(ffi::ByteWidth((*out)->element_type()));
  }
  return {};
}

HandlerStatus status_of(SortStatus status) {
  switch (status) {
    case SortStatus::kSorted:
      return {};
    case SortStatus::kOutOfMemory:
      return kOutOfMemory;
    case SortStatus::kUnsupportedType:
      return kUnsupportedType;
  }
  return kMismatch;
}

HandlerStatus handle_sort(XlaThreads threads, ffi::RemainingArgs arguments, ffi::RemainingRets results,
                          int64_t trailing, bool values, bool indices, bool descending, bool ties_reversed) {
  SortJob job;
  HandlerStatus read = read_job(arguments, results, trailing, values, indices, descending, ties_reversed, job);
  if (read.message) return read;
  XlaPool pool(threads);
  return status_of(sort(job, pool));
}

HandlerStatus handle_select(XlaThreads threads, ffi::RemainingArgs arguments, ffi::RemainingRets results,
                            int64_t trailing, int64_t start, int64_t stop, bool descending, bool ties_reversed) {
  SelectJob job{{}, start, stop};
  HandlerStatus read = read_job(arguments, results, trailing, true, true, descending, ties_reversed, job.order);
  if (read.message) return read;
  XlaPool pool(threads);
  return status_of(select(job, pool));
}

HandlerStatus handle_permute(XlaThreads threads, ffi::AnyBuffer x, ffi::AnyBuffer indices,
                             ffi::Result<ffi::AnyBuffer> out, int64_t trailing, bool inverse, bool trusted) {
  Shape shape(x.dimensions(), trailing);
  XlaPool pool(threads);
  permute({shape.outer, shape.n, shape.inner, int(ffi::ByteWidth(x.element_type())),
           int(ffi::ByteWidth(indices.element_type())), x.untyped_data(), indices.untyped_data(), out->untyped_data(),
           inverse, trusted},
          pool);
  return {};
}

HandlerStatus handle_put(XlaThreads threads, ffi::AnyBuffer values, ffi::Buffer<ffi::S32> indices,
                         ffi::Result<ffi::AnyBuffer> out, int64_t trailing) {
  Shape shape(out->dimensions(), trailing);
  XlaPool pool(threads);
  put({shape.outer, shape.n, shape.inner, Shape(values.dimensions(), trailing).n,
       int(ffi::ByteWidth(values.element_type())), values.untyped_data(), indices.typed_data(), out->untyped_data()},
      pool);
  return {};
}

HandlerStatus run_lapsum(XlaThreads threads, ffi::AnyBuffer gaps, ffi::Buffer<ffi::S32> counts, const void* cotangent,
                         ffi::Result<ffi::AnyBuffer> out, bool half) {
  Shape shape(gaps.dimensions(), 0);
  XlaPool pool(threads);
  switch (lapsum({ElementType(gaps.element_type()), shape.outer, shape.n, gaps.untyped_data(), counts.typed_data(),
                  half, cotangent, out->untyped_data()},
                 pool)) {
    case LapSumStatus::kDone:
      return {};
    case LapSumStatus::kOutOfMemory:
      return kOutOfMemory;
    case LapSumStatus::kUnsupportedType:
      return kUnsupportedType;
  }
  return kMismatch;
}

HandlerStatus handle_lapsum(XlaThreads threads, ffi::AnyBuffer gaps, ffi::Buffer<ffi::S32> counts,
                            ffi::Result<ffi::AnyBuffer> out, bool half) {
  return run_lapsum(threads, gaps, counts, nullptr, out, half);
}

HandlerStatus handle_lapsum_cotangent(XlaThreads threads, ffi::AnyBuffer gaps, ffi::Buffer<ffi::S32> counts,
                                      ffi::AnyBuffer cotangent, ffi::Result<ffi::AnyBuffer> out, bool half) {
  return run_lapsum(threads, gaps, counts, cotangent.untyped_data(), out, half);
}

HandlerStatus handle_recurrence(XlaThreads threads, ffi::AnyBuffer a, ffi::AnyBuffer b, ffi::Result<ffi::AnyBuffer> out,
                                bool reverse) {
  Shape shape(b.dimensions(), 0);
  XlaPool pool(threads);
  RecurrenceJob job{ElementType(b.element_type()), shape.outer, shape.n, a.untyped_data(), b.untyped_data(),
                    out->untyped_data(),           reverse};
  return recurrence(job, pool) ? HandlerStatus{} : kUnsupportedType;
}

template <NetworkOutput output>
HandlerStatus handle_network(XlaThreads threads, ffi::RemainingArgs arguments, ffi::Result<ffi::AnyBuffer> out,
                             bool bitonic, int64_t sigmoid) {
  constexpr size_t kGiven = output == NetworkOutput::kValues ? 0 : output == NetworkOutput::kCarriedCotangent ? 2 : 1;
  bool is_masked = arguments.size() > 2 + kGiven;
  if (arguments.size() != 2 + is_masked + kGiven) return kMismatch;
  const void* operands[5];
  for (size_t i = 0; i < arguments.size(); ++i) operands[i] = arguments.get<ffi::AnyBuffer>(i)->untyped_data();
  SoftNetworkJob job{};
  job.kind = bitonic ? NetworkKind::kBitonic : NetworkKind::kOddEven;
  job.sigmoid = Sigmoid(sigmoid);
  job.output = output;
  job.is_double = out->element_type() == ffi::DataType::F64;
  if (!job.is_double && out->element_type() != ffi::DataType::F32) return kUnsupportedType;
  Shape shape(out->dimensions(), 0);
  job.rows = shape.outer;
  job.n = shape.n;
  job.x = operands[0];
  job.steepness = operands[1];
  if (is_masked) job.count = static_cast<const int32_t*>(operands[2]);
  if (kGiven > 0) job.cotangent = operands[2 + is_masked];
  if (kGiven > 1) job.carried = operands[3 + is_masked];
  job.out = out->untyped_data();
  XlaPool pool(threads);
  return soft_network(job, pool) ? HandlerStatus{} : kOutOfMemory;
}

HandlerStatus status_of(BlocksStatus status) {
  if (status == BlocksStatus::kOutOfMemory) return kOutOfMemory;
  return status == BlocksStatus::kDone ? HandlerStatus{} : kUnsupportedType;
}

HandlerStatus handle_blocks(XlaThreads threads, ffi::AnyBuffer z, ffi::AnyBuffer w, ffi::Result<ffi::AnyBuffer> first,
                            bool entropic) {
  Shape shape(z.dimensions(), 0);
  XlaPool pool(threads);
  return status_of(find_blocks({ElementType(z.element_type()), shape.outer, shape.n, z.untyped_data(), w.untyped_data(),
                                static_cast<uint8_t*>(first->untyped_data()), entropic},
                               pool));
}

HandlerStatus handle_within_blocks(XlaThreads threads, ffi::AnyBuffer x, ffi::AnyBuffer first,
                                   ffi::Result<ffi::AnyBuffer> out, int64_t what) {
  Shape shape(x.dimensions(), 0);
  XlaPool pool(threads);
  return status_of(
      within_blocks({ElementType(x.element_type()), shape.outer, shape.n, x.untyped_data(),
                     static_cast<const uint8_t*>(first.untyped_data()), out->untyped_data(), WithinBlocks(what)},
                    pool));
}

template <bool IsCotangent>
HandlerStatus handle_neuralsort(XlaThreads threads, ffi::RemainingArgs arguments, ffi::Result<ffi::AnyBuffer> out,
                                bool transposed) {
  if (arguments.size() != size_t(1 + transposed + IsCotangent)) return kMismatch;
  const void* data[3] = {};
  for (size_t i = 0; i < arguments.size(); ++i) data[i] = arguments.get<ffi::AnyBuffer>(i)->untyped_data();
  bool is_double = out->element_type() == ffi::DataType::F64;
  if (!is_double && out->element_type() != ffi::DataType::F32) return kUnsupportedType;
  Shape shape(out->dimensions(), 0);
  NeuralSortJob job{transposed, IsCotangent,          is_double,          shape.outer, shape.n, data[0],
                    data[1],    data[1 + transposed], out->untyped_data()};
  XlaPool pool(threads);
  return neuralsort(job, pool) ? HandlerStatus{} : kOutOfMemory;
}

}  // namespace
}  // namespace diffsort

template <xla::ffi::ExecutionStage stage>
struct xla::ffi::ResultEncoding<stage, diffsort::HandlerStatus> {
  template <class Context>
  static XLA_FFI_Error* Encode(const XLA_FFI_Api* api, Context, diffsort::HandlerStatus status) {
    if (!status.message) return nullptr;
    XLA_FFI_Error_Create_Args args{};
    args.struct_size = XLA_FFI_Error_Create_Args_STRUCT_SIZE;
    args.message = status.message;
    args.errc = status.code;
    return api->XLA_FFI_Error_Create(&args);
  }
};

int diffsort_interface() { return 4; }
int diffsort_xla_major() { return XLA_FFI_API_MAJOR; }
int diffsort_xla_minor() { return XLA_FFI_API_MINOR; }

XLA_FFI_DEFINE_HANDLER_SYMBOL(DiffsortSort, diffsort::handle_sort,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<diffsort::XlaThreads>()
                                  .RemainingArgs()
                                  .RemainingRets()
                                  .Attr<int64_t>("trailing")
                                  .Attr<bool>("values")
                                  .Attr<bool>("indices")
                                  .Attr<bool>("descending")
                                  .Attr<bool>("ties_reversed"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(DiffsortSelect, diffsort::handle_select,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<diffsort::XlaThreads>()
                                  .RemainingArgs()
                                  .RemainingRets()
                                  .Attr<int64_t>("trailing")
                                  .Attr<int64_t>("start")
                                  .Attr<int64_t>("stop")
                                  .Attr<bool>("descending")
                                  .Attr<bool>("ties_reversed"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(DiffsortPermute, diffsort::handle_permute,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<diffsort::XlaThreads>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Ret<xla::ffi::AnyBuffer>()
                                  .Attr<int64_t>("trailing")
                                  .Attr<bool>("inverse")
                                  .Attr<bool>("trusted"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(DiffsortPut, diffsort::handle_put,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<diffsort::XlaThreads>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::Buffer<xla::ffi::S32>>()
                                  .Ret<xla::ffi::AnyBuffer>()
                                  .Attr<int64_t>("trailing"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(DiffsortRecurrence, diffsort::handle_recurrence,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<diffsort::XlaThreads>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Ret<xla::ffi::AnyBuffer>()
                                  .Attr<bool>("reverse"));

#define DIFFSORT_DEFINE_NETWORK(symbol, output)                                                    \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(symbol, diffsort::handle_network<diffsort::NetworkOutput::output>, \
                                xla::ffi::Ffi::Bind()                                              \
                                    .Ctx<diffsort::XlaThreads>()                                   \
                                    .RemainingArgs()                                               \
                                    .Ret<xla::ffi::AnyBuffer>()                                    \
                                    .Attr<bool>("bitonic")                                         \
                                    .Attr<int64_t>("sigmoid"))

DIFFSORT_DEFINE_NETWORK(DiffsortNetwork, kValues);
DIFFSORT_DEFINE_NETWORK(DiffsortNetworkCotangent, kCotangent);
DIFFSORT_DEFINE_NETWORK(DiffsortNetworkTransposed, kTransposed);
DIFFSORT_DEFINE_NETWORK(DiffsortNetworkTransposedCotangent, kCarriedCotangent);

XLA_FFI_DEFINE_HANDLER_SYMBOL(DiffsortBlocks, diffsort::handle_blocks,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<diffsort::XlaThreads>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Ret<xla::ffi::AnyBuffer>()
                                  .Attr<bool>("entropic"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(DiffsortWithinBlocks, diffsort::handle_within_blocks,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<diffsort::XlaThreads>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Ret<xla::ffi::AnyBuffer>()
                                  .Attr<int64_t>("what"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(
    DiffsortNeuralSort, diffsort::handle_neuralsort<false>,
    xla::ffi::Ffi::Bind().Ctx<diffsort::XlaThreads>().RemainingArgs().Ret<xla::ffi::AnyBuffer>().Attr<bool>(
        "transposed"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(
    DiffsortNeuralSortCotangent, diffsort::handle_neuralsort<true>,
    xla::ffi::Ffi::Bind().Ctx<diffsort::XlaThreads>().RemainingArgs().Ret<xla::ffi::AnyBuffer>().Attr<bool>(
        "transposed"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(DiffsortLapSum, diffsort::handle_lapsum,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<diffsort::XlaThreads>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::Buffer<xla::ffi::S32>>()
                                  .Ret<xla::ffi::AnyBuffer>()
                                  .Attr<bool>("half"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(DiffsortLapSumCotangent, diffsort::handle_lapsum_cotangent,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<diffsort::XlaThreads>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::Buffer<xla::ffi::S32>>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Ret<xla::ffi::AnyBuffer>()
                                  .Attr<bool>("half"));
