// Long rows: a quicksort, in the output's own memory where numbers and indices are as wide as there.

#pragma once

#include "masked_row.h"
#include "memory.h"
#include "parts.h"

namespace diffsort::DIFFSORT_TARGET {

template <class Element>
void PairLeaf<Element>::write_equal(Row row, int64_t n, int64_t to) {
  if (n >= job_.n / kRereadShare) {
    find_indices(row, n);
  } else {  // indices are numbers, too
    auto* order = reinterpret_cast<int32_t*>(row.indices);
    SortJob job{ElementType::kS32, 1, n, 1, order, nullptr, order, nullptr, 4, false, false};
    Quicksort<Order>({job, 0, false, memory_}).sort({order, nullptr}, n, 0, Quicksort<Order>::kLeast);
  }
  write_in_order(row, n, to);
}

enum class LongRowStatus { kSorted, kOutOfMemory, kLossy };

// Of the row (inner = 1) that begins at element `start`, with its indices (PairLeaf) or without (ValueLeaf).
template <class Element, class Leaf>
class LongRow {
 public:
  LongRow(const SortJob& job, int64_t start) : job_(job), start_(start), encoding_(encoding_for(job)) {}

  // Sorts, unless the order of values alone depends on indices.
  LongRowStatus sort(Pool& pool) {
    int64_t n = job_.n;
    bool own_keys = !job_.values || sizeof(Stored) != sizeof(Number);
    bool own_indices = Leaf::kPaired && (!job_.indices || job_.index_bytes != 4);
    size_t key_bytes = own_keys ? Workspace::bytes_for<Number>(n) : 0;
    size_t index_bytes = own_indices ? Workspace::bytes_for<uint32_t>(n) : 0;
    if (key_bytes + index_bytes == 0) {
      return sort_in({reinterpret_cast<Number*>(static_cast<Stored*>(job_.values) + start_), indices()}, pool);
    }
    Workspace memory(key_bytes + index_bytes);
    if (!memory.data()) return LongRowStatus::kOutOfMemory;
    auto* keys =
        own_keys ? memory.allocate<Number>(n) : reinterpret_cast<Number*>(static_cast<Stored*>(job_.values) + start_);
    return sort_in({keys, own_indices ? memory.allocate<uint32_t>(n) : indices()}, pool);
  }

 private:
  using Sort = Quicksort<Leaf>;
  using Number = typename Sort::Number;
  using Row = typename Sort::Row;
  using V = typename Sort::V;
  using Stored = typename Element::Stored;
  static constexpr int L = Sort::L;
  using Format = LaneFormat<Stored, L>;
  using Bits = typename Format::Bits;
  using I = Vector<uint32_t, L>;

  uint32_t* indices() const { return static_cast<uint32_t*>(job_.indices) + (job_.indices ? start_ : 0); }

  LongRowStatus sort_in(Row row, Pool& pool) {
    int64_t n = job_.n;
    bool is_lossy = false;
    Number pivot{};
    if (job_.where) {
      if constexpr (Leaf::kPaired) {
        MaskedRow<Element> masked(job_, start_);
        n = masked.pack(row, pool);
        is_lossy = masked.is_lossy();
        if (n > Leaf::kTile) pivot = Sort::sampled(row.keys, n);
      }
    } else {
      pivot = sampled();
    }
    Parts<Leaf> parts(row, n);
    bool is_prepared = parts.split(pivot, pool, [&](int64_t begin, int64_t end) {
      if (job_.where || !encode(row, begin, end)) return true;
      __atomic_store_n(&is_lossy, true, __ATOMIC_RELAXED);
      return Leaf::kPaired;
    });
    if (!is_prepared) return LongRowStatus::kLossy;
    bool has_memory = true;
    pool.each(parts.count(), 1, [&](int64_t i) {
      Scratch tile(Leaf::bytes());
      if (!tile.data()) return __atomic_store_n(&has_memory, false, __ATOMIC_RELAXED);
      Leaf leaf(job_, start_, is_lossy, tile.data());
      const auto& part = parts[i];
      Row first = row + part.begin;
      part.is_ordered ? leaf.write_equal(first, part.n, part.begin)
                      : Sort(leaf).sort(first, part.n, part.begin, part.least);
    });
    return has_memory ? LongRowStatus::kSorted : LongRowStatus::kOutOfMemory;
  }

  // Encodes elements number `begin` to `end` of the row; returns whether one is lossy.
  bool encode(Row row, int64_t begin, int64_t end) const {
    const Stored* x = static_cast<const Stored*>(job_.x) + start_;
    Bits lossy{};
    auto put = [&](int64_t i, Bits bits, int count) {
      lossy |= Leaf::lossy(bits);
      V number = Leaf::encode(bits, encoding_);
      std::memcpy(row.keys + i, &number, size_t(count) * sizeof(Number));
      if constexpr (Leaf::kPaired) {
        I index = iota<I>() + uint32_t(i);
        if (job_.ties_reversed) index = uint32_t(job_.n - 1) - index;
        std::memcpy(row.indices + i, &index, size_t(count) * sizeof(uint32_t));
      }
    };
    int64_t i = begin;
    for (; i + L <= end; i += L) put(i, Format::read(x + i), L);
    Vector<Stored, L> rest{};
    std::memcpy(&rest, x + i, size_t(end - i) * sizeof(Stored));
    if (i < end) put(i, Format::widen(rest), int(end - i));
    return any(lossy);
  }

  // A number that about half of all are less than.
  Number sampled() const {
    constexpr int kVectors = Sort::kSample;
    Number sample[kVectors * L];
    const Stored* x = static_cast<const Stored*>(job_.x) + start_;
    for (int i = 0; i < kVectors; ++i) {
      store(sample + i * L, Leaf::encode(Format::read(x + (job_.n - L) / (kVectors - 1) * i), encoding_));
    }
    return Sort::sampled(sample, kVectors * L);
  }

  const SortJob& job_;
  int64_t start_;
  Encoding encoding_;
};

}  // namespace diffsort::DIFFSORT_TARGET
