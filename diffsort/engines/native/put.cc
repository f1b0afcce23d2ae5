// Puts selected elements back. Most of the time goes into writing zeros, which all threads share.

#include "put.h"

#include <cstring>

namespace diffsort {
namespace {

constexpr int64_t kTaskBytes = 1 << 17;  // for which another thread is worth waking

struct Bytes16 {
  unsigned char bytes[16];
};

template <class Element>
void put_block(const PutJob& job, int64_t block) {
  auto* out = static_cast<Element*>(job.out) + block * job.n * job.inner;
  int64_t from = block * job.count * job.inner;
  auto* values = static_cast<const Element*>(job.values) + from;
  for (int64_t i = 0; i < job.count; ++i) {
    for (int64_t c = 0; c < job.inner; ++c) {
      int64_t here = i * job.inner + c, index = job.indices[from + here];
      out[(uint64_t(index) < uint64_t(job.n) ? index : job.n - 1) * job.inner + c] = values[here];
    }
  }
}

template <class Element>
void put_elements(const PutJob& job, Pool& pool) {
  auto* out = static_cast<char*>(job.out);
  int64_t size = job.n * job.inner * int64_t(sizeof(Element)), grain = kTaskBytes / size;
  if (job.outer >= pool.threads()) {
    pool.each(job.outer, grain < 1 ? 1 : grain, [&](int64_t block) {
      std::memset(out + block * size, 0, size_t(size));
      put_block<Element>(job, block);
    });
    return;
  }
  int64_t bytes = job.outer * size;
  pool.each((bytes + kTaskBytes - 1) / kTaskBytes, 1, [&](int64_t task) {
    int64_t begin = task * kTaskBytes, left = bytes - begin;
    std::memset(out + begin, 0, size_t(left < kTaskBytes ? left : kTaskBytes));
  });
  for (int64_t block = 0; block < job.outer; ++block) put_block<Element>(job, block);
}

}  // namespace

void put(const PutJob& job, Pool& pool) {
  if (job.outer * job.n * job.inner == 0) return;
  switch (job.element_bytes) {
    case 1:
      return put_elements<uint8_t>(job, pool);
    case 2:
      return put_elements<uint16_t>(job, pool);
    case 4:
      return put_elements<uint32_t>(job, pool);
    case 8:
      return put_elements<uint64_t>(job, pool);
    default:
      return put_elements<Bytes16>(job, pool);
  }
}

}  // namespace diffsort
