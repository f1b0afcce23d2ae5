// Numbers split into parts by several threads together, until there are enough parts for each thread to sort its own.
//
// Of a part that threads share, each splits a stretch in place. What is then on the wrong side of the middle is
// exchanged, as much from the left as from the right.
//
// Source of the idea: Axtmann, Witt, Ferizovic and Sanders, "In-place parallel super scalar samplesort", 2017.

#pragma once

#include "quicksort.h"

namespace diffsort::DIFFSORT_TARGET {

template <class Leaf>
class Parts {
 public:
  using Sort = Quicksort<Leaf>;
  using Number = typename Sort::Number;
  using V = typename Sort::V;
  using Row = typename Sort::Row;
  static constexpr int64_t kLeast = 16384;  // numbers for which another thread is worth waking

  struct Part {
    int64_t begin, n;
    Number least;     // of its numbers, or less
    bool is_ordered;  // all its numbers are equal
  };

  Parts(Row row, int64_t n) : row_(row) { parts_[count_++] = {0, n, Sort::kLeast, false}; }

  int count() const { return count_; }
  const Part& operator[](int64_t i) const { return parts_[i]; }

  // Splits, around `pivot` at first. `prepare(begin, end)` is called for all numbers before they are touched; where it
  // returns false, these are left alone. Returns whether it returned true throughout.
  template <class Prepare>
  bool split(Number pivot, Pool& pool, Prepare prepare) {
    int threads = pool.threads() < kMaxThreads ? pool.threads() : kMaxThreads;
    int shares = int(parts_[0].n / kLeast < threads ? parts_[0].n / kLeast : threads);
    if (shares < 2) return prepare(int64_t(0), parts_[0].n);
    bool is_prepared = true;
    cuts_[0] = {parts_[0], pivot, false, shares, {}};
    choose_pivot(cuts_[0], pivot);
    pool.each(shares, 1, [&](int64_t s) {
      if (prepare(cuts_[0].begin(int(s)), cuts_[0].end(int(s)))) {
        cuts_[0].split(row_, int(s));
      } else {
        __atomic_store_n(&is_prepared, false, __ATOMIC_RELAXED);
      }
    });
    if (!is_prepared) return false;
    while (true) {
      if (shares > 1) {
        pool.each(count_ * shares, 1, [&](int64_t i) { cuts_[i / shares].exchange(row_, int(i % shares)); });
      }
      replace_parts();
      shares = threads / count_ > 1 ? threads / count_ : 1;
      if (count_ >= kPartsPerThread * threads || !choose_pivots(shares)) return true;
      pool.each(count_ * shares, 1, [&](int64_t i) { cuts_[i / shares].split(row_, int(i % shares)); });
    }
  }

 private:
  static constexpr int kMaxThreads = 16, kPartsPerThread = 4;
  static constexpr int64_t kLeastAlone = 1 << 17;  // numbers of a part that are split, though each thread has one
  static constexpr int kMaxParts = 2 * kPartsPerThread * kMaxThreads;

  // How a part is split: each stretch by itself, into `less[s]` numbers that go first, and the others.
  struct Cut {
    Part part;
    Number pivot;
    bool or_equal;  // as the pivot go first, too
    int stretches;  // 0: the part stays as it is
    int64_t less[kMaxThreads];

    int64_t begin(int s) const { return part.begin + part.n * s / stretches; }
    int64_t end(int s) const { return begin(s + 1); }
    // Where the numbers that go first are to end.
    int64_t middle() const {
      int64_t middle = part.begin;
      for (int s = 0; s < stretches; ++s) middle += less[s];
      return middle;
    }

    void split(Row row, int s) {
      if (s >= stretches) return;
      Row first = row + begin(s);
      less[s] = or_equal ? Sort::Splitter::template run<true>(first, end(s) - begin(s), pivot)
                         : Sort::Splitter::template run<false>(first, end(s) - begin(s), pivot);
    }

    // What is on the wrong side in stretch s, from `from` to `to`: on the left side others, on the right those that go
    // first.
    void misplaced(int s, bool on_left, int64_t& from, int64_t& to) const {
      int64_t cut = begin(s) + less[s], middle = this->middle();
      from = on_left ? cut : begin(s) > middle ? begin(s) : middle;
      to = !on_left ? cut : end(s) < middle ? end(s) : middle;
      if (to < from) to = from;
    }

    // Exchanges share s of what is on the wrong side.
    void exchange(Row row, int share) const {
      if (share >= stretches) return;
      int64_t total = 0, from, to;
      for (int s = 0; s < stretches; ++s) misplaced(s, true, from, to), total += to - from;
      int64_t at = total * share / stretches, end = total * (share + 1) / stretches;
      while (at < end) {
        int64_t left_room, right_room, left = find(at, true, left_room), right = find(at, false, right_room);
        int64_t n = left_room < right_room ? left_room : right_room;
        if (n > end - at) n = end - at;
        swap(row.keys + left, row.keys + right, n);
        if constexpr (Leaf::kPaired) swap(row.indices + left, row.indices + right, n);
        at += n;
      }
    }

    // The place of misplaced number `at` of a side, and how many are there in a row.
    int64_t find(int64_t at, bool on_left, int64_t& room) const {
      for (int s = 0;; ++s) {
        int64_t from, to;
        misplaced(s, on_left, from, to);
        if (at < to - from) {
          room = to - from - at;
          return from + at;
        }
        at -= to - from;
      }
    }

    template <class T>
    static void swap(T* a, T* b, int64_t n) {
      using Lanes = Vector<T, kLanesOf<V>>;
      constexpr int L = kLanesOf<V>;
      int64_t i = 0;
      for (; i + L <= n; i += L) {
        Lanes v = load<Lanes>(a + i);
        store(a + i, load<Lanes>(b + i));
        store(b + i, v);
      }
      for (; i < n; ++i) {
        T t = a[i];
        a[i] = b[i];
        b[i] = t;
      }
    }
  };

  void choose_pivot(Cut& cut, Number pivot) {
    cut.pivot = pivot;
    cut.or_equal = !Sort::precedes(cut.part.least, pivot);
    if (cut.or_equal) cut.pivot = cut.part.least;
  }

  // Cuts each part that is worth it into up to `shares` stretches; returns false where there is none.
  bool choose_pivots(int shares) {
    bool is_any = false;
    for (int i = 0; i < count_; ++i) {
      const Part& part = parts_[i];
      int64_t stretches = part.is_ordered || part.n < (shares > 1 ? kLeast : kLeastAlone) ? 0 : part.n / kLeast;
      cuts_[i] = {part, part.least, false, int(stretches < shares ? stretches : shares), {}};
      if (!stretches) continue;
      is_any = true;
      choose_pivot(cuts_[i], Sort::sampled(row_.keys + part.begin, part.n));
    }
    return is_any;
  }

  // Puts the two halves of each part that was cut in its place.
  void replace_parts() {
    int count = count_;
    count_ = 0;
    for (int i = 0; i < count; ++i) {
      const Cut& cut = cuts_[i];
      const Part& part = cut.part;
      if (!cut.stretches) {
        parts_[count_++] = part;
        continue;
      }
      int64_t first = cut.middle() - part.begin;
      parts_[count_++] = {part.begin, first, part.least, cut.or_equal};
      parts_[count_++] = {part.begin + first, part.n - first, cut.pivot, false};
    }
  }

  Row row_;
  Part parts_[kMaxParts];
  Cut cuts_[kMaxParts];
  int count_ = 0;
};

}  // namespace diffsort::DIFFSORT_TARGET
