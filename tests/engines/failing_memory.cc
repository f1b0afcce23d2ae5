// Lets chosen allocations fail. To be loaded before glibc: LD_PRELOAD.

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "c_api.h"

extern "C" void* __libc_malloc(size_t);
extern "C" void* __libc_calloc(size_t, size_t);
extern "C" void* __libc_realloc(void*, size_t);
extern "C" void* __libc_memalign(size_t, size_t);

namespace {

std::atomic<bool> armed{false};
std::atomic<int64_t> seen{0};
int64_t failing = 0;
bool for_good = false;
const char* only = nullptr;  // part of a library's path

// Whether what `caller` asks for is to fail.
bool fails(void* caller) {
  if (!armed.load()) return false;
  Dl_info from;
  if (only && !(dladdr(caller, &from) && std::strstr(from.dli_fname, only))) return false;
  int64_t number = ++seen;
  return for_good ? number >= failing : number == failing;
}

}  // namespace

#define DIFFSORT_FAILS fails(__builtin_return_address(0))

extern "C" void* malloc(size_t bytes) {
  if (DIFFSORT_FAILS) return errno = ENOMEM, nullptr;
  return __libc_malloc(bytes);
}

extern "C" void* calloc(size_t count, size_t bytes) {
  if (DIFFSORT_FAILS) return errno = ENOMEM, nullptr;
  return __libc_calloc(count, bytes);
}

extern "C" void* realloc(void* data, size_t bytes) {
  if (DIFFSORT_FAILS) return errno = ENOMEM, nullptr;
  return __libc_realloc(data, bytes);
}

extern "C" void* aligned_alloc(size_t alignment, size_t bytes) {
  if (DIFFSORT_FAILS) return errno = ENOMEM, nullptr;
  return __libc_memalign(alignment, bytes);
}

extern "C" int posix_memalign(void** data, size_t alignment, size_t bytes) {
  if (DIFFSORT_FAILS) return ENOMEM;
  *data = __libc_memalign(alignment, bytes);
  return *data ? 0 : ENOMEM;
}

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*), void* data) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  if (DIFFSORT_FAILS) return EAGAIN;
  return reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"))(thread, attributes, start, data);
}

// From now on, of the allocations asked for by a library with such a path (null: by anyone), number
// `number`, or every one from it on, fails.
extern "C" void fail_from_now(int64_t number, int is_for_good, const char* library) {
  failing = number;
  for_good = is_for_good;
  only = library;
  seen = 0;
  armed = true;
}

// No more. Returns how many were asked for.
extern "C" int64_t fail_no_more() {
  armed = false;
  return seen;
}

// Entry points of c_api.h, failing from their first instruction to their last: nothing of Python's is in
// between.
extern "C" int failing_sort(decltype(diffsort_sort)* sort, int64_t number, int is_for_good, int type, int64_t outer,
                            int64_t n, int64_t inner, const void* x, const uint8_t* where, void* values, void* indices,
                            int index_bytes, int descending, int ties_reversed, int threads) {
  fail_from_now(number, is_for_good, nullptr);
  int done = sort(type, outer, n, inner, x, where, values, indices, index_bytes, descending, ties_reversed, threads);
  fail_no_more();
  return done;
}

extern "C" int failing_select(decltype(diffsort_select)* select, int64_t number, int is_for_good, int type,
                              int64_t outer, int64_t n, int64_t inner, const void* x, const uint8_t* where,
                              void* values, void* indices, int index_bytes, int descending, int ties_reversed,
                              int64_t start, int64_t stop, int threads) {
  fail_from_now(number, is_for_good, nullptr);
  int done = select(type, outer, n, inner, x, where, values, indices, index_bytes, descending, ties_reversed, start,
                    stop, threads);
  fail_no_more();
  return done;
}

extern "C" void failing_permute(decltype(diffsort_permute)* permute, int64_t number, int is_for_good, int64_t outer,
                                int64_t n, int64_t inner, int element_bytes, int index_bytes, const void* x,
                                const void* indices, void* out, int inverse, int trusted, int threads) {
  fail_from_now(number, is_for_good, nullptr);
  permute(outer, n, inner, element_bytes, index_bytes, x, indices, out, inverse, trusted, threads);
  fail_no_more();
}

extern "C" int failing_soft_network(decltype(diffsort_soft_network)* network, int64_t number, int is_for_good, int kind,
                                    int sigmoid, int output, int is_double, int64_t rows, int64_t n, const void* x,
                                    const void* steepness, const int32_t* count, const void* cotangent,
                                    const void* carried, void* out, int threads) {
  fail_from_now(number, is_for_good, nullptr);
  int done = network(kind, sigmoid, output, is_double, rows, n, x, steepness, count, cotangent, carried, out, threads);
  fail_no_more();
  return done;
}
