// Long rows of which the values alone are asked for: a quicksort, in place where numbers are as wide as elements.

#pragma once

#include "memory.h"
#include "parts.h"

namespace diffsort::DIFFSORT_TARGET {

inline constexpr int64_t kLongValues = 1024;  // elements above which a row takes a quicksort

enum class LongValuesStatus { kSorted, kOutOfMemory, kLossy };

template <class Element>
class LongValues {
 public:
  // Of the row (inner = 1) that begins at element `start`.
  LongValues(const SortJob& job, int64_t start) : job_(job), start_(start), encoding_(encoding_for(job)) {}

  // Sorts, unless the order of the values depends on indices.
  LongValuesStatus sort(Pool& pool) {
    if constexpr (sizeof(Stored) == sizeof(Number)) {
      auto* values = static_cast<Stored*>(job_.values) + start_;
      return sort_in(reinterpret_cast<Number*>(values), pool);
    } else {
      Workspace memory(size_t(job_.n) * sizeof(Number));
      if (!memory.data()) return LongValuesStatus::kOutOfMemory;
      return sort_in(static_cast<Number*>(memory.data()), pool);
    }
  }

 private:
  using Codec = ValueCodec<Element>;
  using Stored = typename Codec::Stored;
  using Number = typename Codec::Number;
  using Bits = typename Codec::Bits;
  using U64 = typename Codec::U64;
  static constexpr int L = Codec::L;

  LongValuesStatus sort_in(Number* numbers, Pool& pool) {
    Parts<Codec> parts(numbers, job_.n);
    auto encode_part = [&](int64_t begin, int64_t end) { return encode(numbers, begin, end); };
    if (!parts.split(sampled(), pool, encode_part)) return LongValuesStatus::kLossy;
    bool has_memory = true;
    pool.each(parts.count(), 1, [&](int64_t i) {
      Scratch tile(Quicksort<Codec>::bytes());
      if (!tile.data()) return __atomic_store_n(&has_memory, false, __ATOMIC_RELAXED);
      Quicksort<Codec> quicksort(job_, tile.data());
      const auto& part = parts[i];
      Number* first = numbers + part.begin;
      part.is_ordered ? quicksort.write(first, part.n, start_ + part.begin)
                      : quicksort.sort(first, part.n, start_ + part.begin, part.least);
    });
    return has_memory ? LongValuesStatus::kSorted : LongValuesStatus::kOutOfMemory;
  }

  // A number that about half of all are less than.
  Number sampled() const {
    constexpr int kVectors = 15;
    Number sample[kVectors * L];
    Input<Codec> in(job_);
    for (int i = 0; i < kVectors; ++i) {
      Bits bits = in.read(start_ + (job_.n - L) / (kVectors - 1) * i);
      store(sample + i * L, Codec::pack(bits, U64{}, Bits{}, encoding_).v);
    }
    return Quicksort<Codec>::template median<kVectors>(sample, kVectors * L);
  }

  // Encodes elements number `begin` to `end` of the row; returns false where an element is lossy.
  bool encode(Number* numbers, int64_t begin, int64_t end) const {
    Input<Codec> in(job_);
    int64_t i = begin;
    for (; i + L <= end; i += L) store(numbers + i, Codec::pack(in.read(start_ + i), U64{}, Bits{}, encoding_).v);
    Bits bits{}, masked{};
    for (int j = 0; j < int(end - i); ++j) in.read_lane(j, start_ + i + j, bits, masked);
    in.check(bits);
    auto words = Codec::pack(bits, U64{}, Bits{}, encoding_).v;
    std::memcpy(numbers + i, &words, size_t(end - i) * sizeof(Number));
    return !in.is_lossy();
  }

  const SortJob& job_;
  int64_t start_;
  Encoding encoding_;
};

}  // namespace diffsort::DIFFSORT_TARGET
