// Moves elements by a permutation or by its inverse: the linear map of a sort, and its transpose.

#include <cstring>

#include "bands.h"
#include "job.h"
#include "memory.h"

namespace diffsort {
namespace {

constexpr int64_t kTaskElements = 16384;  // for which another thread is worth waking
constexpr int64_t kParallelFrom = 65536;  // elements of a job for which several threads are
constexpr int64_t kTurnFrom = 1 << 20;    // bytes of a band from which its columns are turned into rows

template <int Bytes>
struct Block {
  unsigned char of[Bytes];
};

// Indices that are not trusted may be any. Negative ones count from the end, those out of range count as the
// nearest in range, and of several elements for one place the last one gets it: all of a row by one thread.
template <class Element, class Index, bool Inverse, bool Trusted>
struct Permuter {
  const PermuteJob& job;
  const Element* x = static_cast<const Element*>(job.x);
  const Index* indices = static_cast<const Index*>(job.indices);
  Element* out = static_cast<Element*>(job.out);

  void run(Pool& pool) const {
    int64_t band = kBandBytes / int64_t(sizeof(Element));
    int64_t bands = (job.inner + band - 1) / band;
    int64_t lanes = job.inner < band ? job.inner : band;
    int64_t grain = kTaskElements / (job.n * lanes);
    // Few long rows are cut, so that all threads have something to do.
    int64_t tasks = job.outer * bands, cuts = 1;
    constexpr bool kCanCut = Trusted || !Inverse;
    while (kCanCut && cuts * tasks < pool.threads() && job.n / (2 * cuts) * lanes >= kTaskElements) cuts *= 2;
    pool.each(tasks * cuts, grain < 1 ? 1 : grain, [&](int64_t task) {
      int64_t cut = task % cuts, first = task / cuts % bands * band;
      int64_t width = job.inner - first < band ? job.inner - first : band;
      int64_t at = task / cuts / bands * job.n * job.inner + first;
      if (job.inner > 1 && cuts == 1 && job.n * kBandBytes > kTurnFrom && turn(at, width)) return;
      move(at, width, job.n * cut / cuts, job.n * (cut + 1) / cuts);
    });
  }

  // Moves columns as rows; false where there is no memory for it.
  bool turn(int64_t at, int64_t width) const {
    int64_t size = job.n * width;
    Workspace memory(2 * Workspace::bytes_for<Element>(size) + Workspace::bytes_for<Index>(size));
    if (!memory.data()) return false;
    auto *from = memory.take<Element>(size), *to = memory.take<Element>(size);
    auto* index = memory.take<Index>(size);
    to_rows(x + at, from, job.n, job.inner, width);
    to_rows(indices + at, index, job.n, job.inner, width);
    PermuteJob rows = job;
    rows.inner = 1;
    Permuter turned{rows, from, index, to};
    for (int64_t c = 0; c < width; ++c) turned.move(c * job.n, 1, 0, job.n);
    to_columns(to, out + at, job.n, job.inner, width);
    return true;
  }

  void move(int64_t at, int64_t width, int64_t begin, int64_t end) const {
    const Element* from = x + at;
    const Index* index = indices + at;
    Element* to = out + at;
    int64_t inner = job.inner;
    if constexpr (Inverse && !Trusted) {  // for the places that no index names
      for (int64_t i = begin; i < end; ++i) std::memset(to + i * inner, 0, size_t(width) * sizeof(Element));
    }
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t c = 0; c < width; ++c) {
        int64_t here = i * inner + c, there = place(index[here]) * inner + c;
        if constexpr (Inverse) {
          to[there] = from[here];
        } else {
          to[here] = from[there];
        }
      }
    }
  }

  // Whatever the index, memory that is ours.
  int64_t place(Index index) const {
    int64_t last = job.n - 1;
    if constexpr (Trusted || sizeof(Index) == 2) {
      return uint64_t(index) < uint64_t(last) ? int64_t(index) : last;
    } else {
      int64_t place = int32_t(index);
      if (place < 0) place += job.n;
      return place < 0 ? 0 : place < last ? place : last;
    }
  }
};

template <class Element, class Index, bool Inverse>
void permute_one_way(const PermuteJob& job, Pool& pool) {
  if (job.trusted) {
    Permuter<Element, Index, Inverse, true>{job}.run(pool);
  } else {
    Permuter<Element, Index, Inverse, false>{job}.run(pool);
  }
}

template <class Element, class Index>
void permute_elements(const PermuteJob& job, Pool& pool) {
  if (job.inverse) {
    permute_one_way<Element, Index, true>(job, pool);
  } else {
    permute_one_way<Element, Index, false>(job, pool);
  }
}

template <class Element>
void permute_indexed(const PermuteJob& job, Pool& pool) {
  if (job.index_bytes == 2) {
    permute_elements<Element, uint16_t>(job, pool);
  } else {
    permute_elements<Element, uint32_t>(job, pool);
  }
}

}  // namespace

void permute(const PermuteJob& job, Pool& pool) {
  int64_t elements = job.outer * job.n * job.inner;
  if (elements == 0) return;
  Alone alone;
  Pool& team = elements < kParallelFrom ? static_cast<Pool&>(alone) : pool;
  switch (job.element_bytes) {
    case 1:
      return permute_indexed<uint8_t>(job, team);
    case 2:
      return permute_indexed<uint16_t>(job, team);
    case 4:
      return permute_indexed<uint32_t>(job, team);
    case 8:
      return permute_indexed<uint64_t>(job, team);
    default:
      return permute_indexed<Block<16>>(job, team);
  }
}

}  // namespace diffsort
