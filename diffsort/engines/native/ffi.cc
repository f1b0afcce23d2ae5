// The kernel's entry points for XLA.

#include "job.h"
#include "xla_pool.h"

namespace diffsort {

// What came of a call. Its message is a constant, as a string would need memory, which may have run out.
struct Outcome {
  XLA_FFI_Error_Code code = XLA_FFI_Error_Code_OK;
  const char* message = nullptr;
};

namespace {

namespace ffi = xla::ffi;

constexpr Outcome kOutOfMemory{XLA_FFI_Error_Code_RESOURCE_EXHAUSTED, "diffsort: out of memory in a sort"};
constexpr Outcome kNoSuchType{XLA_FFI_Error_Code_INVALID_ARGUMENT, "diffsort: no such element type"};
constexpr Outcome kMisfit{XLA_FFI_Error_Code_INTERNAL, "diffsort: operands or results do not fit the attributes"};

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

Outcome sort_for_xla(XlaThreads threads, ffi::RemainingArgs arguments, ffi::RemainingRets results, int64_t trailing,
                     bool values, bool indices, bool descending, bool ties_reversed) {
  auto x = arguments.get<ffi::AnyBuffer>(0);
  if (!x.has_value()) return kMisfit;
  Shape shape(x->dimensions(), trailing);
  SortJob job{};
  if (!type_of(x->element_type(), job.type)) return kNoSuchType;
  job.outer = shape.outer;
  job.n = shape.n;
  job.inner = shape.inner;
  job.x = x->untyped_data();
  job.index_bytes = 4;
  job.descending = descending;
  job.ties_reversed = ties_reversed;
  if (arguments.size() > 1) {
    auto where = arguments.get<ffi::AnyBuffer>(1);
    if (!where.has_value()) return kMisfit;
    job.where = static_cast<const uint8_t*>(where->untyped_data());
  }
  size_t next = 0;
  if (values) {
    auto out = results.get<ffi::AnyBuffer>(next++);
    if (!out.has_value()) return kMisfit;
    job.values = (*out)->untyped_data();
  }
  if (indices) {
    auto out = results.get<ffi::AnyBuffer>(next++);
    if (!out.has_value()) return kMisfit;
    job.indices = (*out)->untyped_data();
    job.index_bytes = int(ffi::ByteWidth((*out)->element_type()));
  }
  XlaPool pool(threads);
  return sort(job, pool) ? Outcome{} : kOutOfMemory;
}

Outcome permute_for_xla(XlaThreads threads, ffi::AnyBuffer x, ffi::AnyBuffer indices, ffi::Result<ffi::AnyBuffer> out,
                        int64_t trailing, bool inverse, bool trusted) {
  Shape shape(x.dimensions(), trailing);
  XlaPool pool(threads);
  permute({shape.outer, shape.n, shape.inner, int(ffi::ByteWidth(x.element_type())),
           int(ffi::ByteWidth(indices.element_type())), x.untyped_data(), indices.untyped_data(), out->untyped_data(),
           inverse, trusted},
          pool);
  return {};
}

}  // namespace
}  // namespace diffsort

template <xla::ffi::ExecutionStage stage>
struct xla::ffi::ResultEncoding<stage, diffsort::Outcome> {
  template <class Context>
  static XLA_FFI_Error* Encode(const XLA_FFI_Api* api, Context, diffsort::Outcome outcome) {
    if (!outcome.message) return nullptr;
    XLA_FFI_Error_Create_Args args{};
    args.struct_size = XLA_FFI_Error_Create_Args_STRUCT_SIZE;
    args.message = outcome.message;
    args.errc = outcome.code;
    return api->XLA_FFI_Error_Create(&args);
  }
};

#pragma GCC visibility push(default)

// Raised with every change to the handlers below, so that no program calls those of another version.
extern "C" int diffsort_interface() { return 2; }

// The version of XLA's interface that this was compiled for. Newer ones accept it, older ones do not.
extern "C" int diffsort_xla_major() { return XLA_FFI_API_MAJOR; }
extern "C" int diffsort_xla_minor() { return XLA_FFI_API_MINOR; }

XLA_FFI_DEFINE_HANDLER_SYMBOL(DiffsortSort, diffsort::sort_for_xla,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<diffsort::XlaThreads>()
                                  .RemainingArgs()
                                  .RemainingRets()
                                  .Attr<int64_t>("trailing")
                                  .Attr<bool>("values")
                                  .Attr<bool>("indices")
                                  .Attr<bool>("descending")
                                  .Attr<bool>("ties_reversed"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(DiffsortPermute, diffsort::permute_for_xla,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<diffsort::XlaThreads>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Ret<xla::ffi::AnyBuffer>()
                                  .Attr<int64_t>("trailing")
                                  .Attr<bool>("inverse")
                                  .Attr<bool>("trusted"));

#pragma GCC visibility pop
