// Moves elements by a permutation or by its inverse.

#include "permute.h"

#include <cstring>

#include "memory.h"
#include "panels.h"

namespace diffsort {
namespace {

constexpr int64_t kTaskElements = 16384;     // for which another thread is worth waking
constexpr int64_t kParallelFrom = 65536;     // elements of a job for which several threads are
constexpr int64_t kTransposeFrom = 1 << 20;  // bytes of a panel from which its columns are moved as rows

struct Bytes16 {
  unsigned char bytes[16];
};

// Indices that are not trusted may be any. Negative ones count from the end, those out of range count as the
// nearest in range, and of several elements for one position the last one gets it: all of a row by one thread.
template <class Element, class Index, bool Inverse, bool Trusted>
struct Permuter {
  const PermuteJob& job;
  const Element* x = static_cast<const Element*>(job.x);
  const Index* indices = static_cast<const Index*>(job.indices);
  Element* out = static_cast<Element*>(job.out);
  static constexpr int kPanel = kCacheLine / sizeof(Element);  // columns that share cache lines

  void run(Pool& pool) const {
    int64_t panel = kPanel;
    int64_t panels = (job.inner + panel - 1) / panel;
    int64_t lanes = job.inner < panel ? job.inner : panel;
    int64_t grain = kTaskElements / (job.n * lanes);
    // Few long rows are cut into parts, so that all threads have something to do.
    int64_t tasks = job.outer * panels, parts = 1;
    constexpr bool kCanCut = Trusted || !Inverse;
    while (kCanCut && parts * tasks < pool.threads() && job.n / (2 * parts) * lanes >= kTaskElements) parts *= 2;
    pool.each(tasks * parts, grain < 1 ? 1 : grain, [&](int64_t task) {
      int64_t part = task % parts, column = task / parts % panels * panel;
      int64_t width = job.inner - column < panel ? job.inner - column : panel;
      int64_t first = task / parts / panels * job.n * job.inner + column;
      bool is_large = job.inner > 1 && parts == 1 && job.n * kCacheLine > kTransposeFrom;
      if (is_large && move_as_rows(first, width)) return;
      move(first, width, job.n * part / parts, job.n * (part + 1) / parts);
    });
  }

  // Moves `width` columns from element `first` on as rows; returns false where there is no memory for it.
  bool move_as_rows(int64_t first, int64_t width) const {
    int64_t size = job.n * width;
    Workspace memory(2 * Workspace::bytes_for<Element>(size) + Workspace::bytes_for<Index>(size));
    if (!memory.data()) return false;
    auto *from = memory.allocate<Element>(size), *to = memory.allocate<Element>(size);
    auto* index = memory.allocate<Index>(size);
    columns_to_rows(x + first, from, job.n, job.inner, width);
    columns_to_rows(indices + first, index, job.n, job.inner, width);
    PermuteJob rows = job;
    rows.inner = 1;
    Permuter permuter{rows, from, index, to};
    for (int64_t c = 0; c < width; ++c) permuter.move(c * job.n, 1, 0, job.n);
    rows_to_columns(to, out + first, job.n, job.inner, width);
    return true;
  }

  // Moves elements number `begin` to `end` of `width` columns from element `first` on.
  void move(int64_t first, int64_t width, int64_t begin, int64_t end) const {
    const Element* from = x + first;
    const Index* index = indices + first;
    Element* to = out + first;
    int64_t inner = job.inner;
    if constexpr (Inverse && !Trusted) {  // for the positions that no index names
      for (int64_t i = begin; i < end; ++i) std::memset(to + i * inner, 0, size_t(width) * sizeof(Element));
    }
    if (inner == 1) return move_columns<1>(from, index, to, 1, begin, end);
    if (width == kPanel) return move_columns<kPanel>(from, index, to, inner, begin, end);
    for (int64_t c = 0; c < width; ++c) move_columns<1>(from + c, index + c, to + c, inner, begin, end);
  }

  // The same of kWidth columns, whose rows are a `step` apart.
  template <int kWidth>
  void move_columns(const Element* from, const Index* index, Element* to, int64_t step, int64_t begin,
                    int64_t end) const {
    for (int64_t i = begin; i < end; ++i) {
#pragma GCC unroll 16
      for (int c = 0; c < kWidth; ++c) {
        int64_t here = i * step + c, there = position(index[here]) * step + c;
        if constexpr (Inverse) {
          to[there] = from[here];
        } else {
          to[here] = from[there];
        }
      }
    }
  }

  // A position within the axis, whatever the index.
  int64_t position(Index index) const {
    int64_t last = job.n - 1;
    if constexpr (Trusted || sizeof(Index) == 2) {
      return uint64_t(index) < uint64_t(last) ? int64_t(index) : last;
    } else {
      int64_t position = int32_t(index);
      if (position < 0) position += job.n;
      return position < 0 ? 0 : position < last ? position : last;
    }
  }
};

template <class Element, class Index>
void permute_elements(const PermuteJob& job, Pool& pool) {
  if (job.inverse && job.trusted) return Permuter<Element, Index, true, true>{job}.run(pool);
  if (job.inverse) return Permuter<Element, Index, true, false>{job}.run(pool);
  if (job.trusted) return Permuter<Element, Index, false, true>{job}.run(pool);
  Permuter<Element, Index, false, false>{job}.run(pool);
}

template <class Element>
void permute_indexed(const PermuteJob& job, Pool& pool) {
  job.index_bytes == 2 ? permute_elements<Element, uint16_t>(job, pool)
                       : permute_elements<Element, uint32_t>(job, pool);
}

}  // namespace

void permute(const PermuteJob& job, Pool& pool) {
  int64_t elements = job.outer * job.n * job.inner;
  if (elements == 0) return;
  ask_for_huge_pages(job.out, size_t(elements) * size_t(job.element_bytes));
  SerialPool serial;
  Pool& threads = elements < kParallelFrom ? static_cast<Pool&>(serial) : pool;
  switch (job.element_bytes) {
    case 1:
      return permute_indexed<uint8_t>(job, threads);
    case 2:
      return permute_indexed<uint16_t>(job, threads);
    case 4:
      return permute_indexed<uint32_t>(job, threads);
    case 8:
      return permute_indexed<uint64_t>(job, threads);
    default:
      return permute_indexed<Bytes16>(job, threads);
  }
}

}  // namespace diffsort
