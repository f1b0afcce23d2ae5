// Writing sorted values and their indices, a vector or an element at a time.

#pragma once

#include "codecs.h"

namespace diffsort::DIFFSORT_TARGET {

template <class Codec>
class Output {
 public:
  static constexpr int L = Codec::L;
  using Bits = typename Codec::Bits;
  using Format = typename Codec::Format;
  using Stored = typename Codec::Stored;

  // Where `gathers`, values are read from `x` again, since words do not hold all their bits.
  Output(const SortJob& job, bool gathers)
      : job_(job),
        gathers_(gathers),
        x_(static_cast<const Stored*>(job.x)),
        values_(static_cast<Stored*>(job.values)),
        wide_indices_(job.index_bytes == 4 ? static_cast<uint32_t*>(job.indices) : nullptr),
        narrow_indices_(job.index_bytes == 2 ? static_cast<uint16_t*>(job.indices) : nullptr) {}

  bool needs_indices() const { return Codec::kHasIndex && (job_.indices || gathers_); }

  // Writes L contiguous elements, from element `to` on. The row or column of lane j begins at element
  // `start + j × lane_step`.
  DIFFSORT_INLINE void write(int64_t to, Bits bits, Indices<L> index, int64_t start, int64_t lane_step) const {
    if (job_.ties_reversed) index = uint32_t(job_.n - 1) - index;
    if (gathers_) {
      gather(to, index, start, lane_step);
    } else if (values_) {
      Format::write(values_ + to, bits);
    }
    if constexpr (Codec::kHasIndex) {
      if (wide_indices_) store(wide_indices_ + to, index);
      if (narrow_indices_) store(narrow_indices_ + to, __builtin_convertvector(index, Vector<uint16_t, L>));
    }
  }

  // Writes one element, of the row or column that begins at element `start`.
  DIFFSORT_INLINE void write_one(int64_t to, Scalar<Bits> bits, uint32_t index, int64_t start) const {
    if (job_.ties_reversed) index = uint32_t(job_.n - 1) - index;
    if (gathers_) {
      gather_one(to, index, start);
    } else if (values_) {
      values_[to] = Stored(bits >> Format::kShift);
    }
    if constexpr (Codec::kHasIndex) {
      if (wide_indices_) wide_indices_[to] = index;
      if (narrow_indices_) narrow_indices_[to] = uint16_t(index);
    }
  }

 private:
  __attribute__((noinline)) void gather(int64_t to, Indices<L> index, int64_t start, int64_t lane_step) const {
    for (int j = 0; j < L; ++j) gather_one(to + j, index[j], start + j * lane_step);
  }
  DIFFSORT_INLINE void gather_one(int64_t to, uint32_t index, int64_t start) const {
    if (values_) values_[to] = x_[start + int64_t(index) * job_.inner];
  }

  const SortJob& job_;
  bool gathers_;
  const Stored* x_;
  Stored* values_;
  uint32_t* wide_indices_;
  uint16_t* narrow_indices_;
};

}  // namespace diffsort::DIFFSORT_TARGET
