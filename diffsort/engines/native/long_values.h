// Long rows of which the values alone are asked for: a quicksort, in place where numbers are as wide as elements.

#pragma once

#include "memory.h"
#include "quicksort.h"

namespace diffsort::DIFFSORT_TARGET {

inline constexpr int64_t kLongValues = 1024;  // elements above which a row takes a quicksort

enum class LongValuesStatus { kSorted, kOutOfMemory, kLossy };

template <class Element>
class LongValues {
 public:
  // Of the row (inner = 1) that begins at element `start`.
  LongValues(const SortJob& job, int64_t start) : job_(job), start_(start), encoding_(encoding_for(job)) {}

  // Sorts, unless the order of the values depends on indices.
  LongValuesStatus sort(Pool&) {
    int64_t n = job_.n;
    Workspace memory(kInPlace ? 0 : size_t(n) * sizeof(Number));
    Scratch tile(Quicksort<Codec>::bytes());
    if (!tile.data() || !(kInPlace || memory.data())) return LongValuesStatus::kOutOfMemory;
    void* room = kInPlace ? static_cast<Stored*>(job_.values) + start_ : memory.data();
    auto* numbers = static_cast<Number*>(room);
    if (!encode(numbers, 0, n)) return LongValuesStatus::kLossy;
    Quicksort<Codec>(job_, tile.data()).sort(numbers, n, start_, Quicksort<Codec>::kLeast);
    return LongValuesStatus::kSorted;
  }

 private:
  using Codec = ValueCodec<Element>;
  using Stored = typename Codec::Stored;
  using Number = typename Codec::Number;
  using Bits = typename Codec::Bits;
  using U64 = typename Codec::U64;
  static constexpr int L = Codec::L;
  static constexpr bool kInPlace = sizeof(Stored) == sizeof(Number);

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
