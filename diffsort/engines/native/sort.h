// How a job is cut into tiles, for one instruction set.

#pragma once

#include "bands.h"
#include "long_row.h"
#include "memory.h"

namespace diffsort::DIFFSORT_TARGET {

inline constexpr int64_t kLongRow = 8192;        // elements from which a row is dealt out
inline constexpr int64_t kSplitRow = 512;        // elements from which a row is a tile of its own
inline constexpr int64_t kTaskElements = 4096;   // for which another thread is worth waking
inline constexpr int64_t kParallelFrom = 16384;  // elements of a job for which several threads are
inline constexpr size_t kMostScratch = 8 << 20;  // bytes

template <class Element>
class Sorter {
 public:
  Sorter(const SortJob& job, Pool& pool) : job_(job), pool_(pool), is_plain_(!job.indices && !job.where) {}

  bool run() {
    int64_t n = job_.n, inner = job_.inner;
    if (job_.outer * n * inner == 0) return true;
    if constexpr (!kIsWide) {
      if (n > kLongRow) return long_rows();
    }
    if (inner == 1) {
      bool splits = n >= kSplitRow || (job_.outer < kWidth && n >= 4 * kLanes);
      int64_t size = splits ? 1 : kWidth;
      each(job_.outer / size, size, [&](int64_t i) { splits ? split(i * n) : rows(i * size * n); });
      if (!splits) ragged(1);
    } else {
      int64_t width = inner - inner % vector_lanes(), bands = (width + kBand - 1) / kBand;
      each(job_.outer * bands, kBand, [&](int64_t i) {
        int64_t column = i % bands * kBand;
        columns(i / bands * n * inner + column, width - column < kBand ? width - column : kBand);
      });
      ragged(inner);
    }
    return enough_;
  }

 private:
  using Stored = typename Element::Stored;
  using Full = IndexedCodec<Element>;
  using Plain = ValueCodec<Element>;
  static constexpr bool kIsWide = sizeof(Stored) == 8;
  static constexpr int kWidth = Plain::L;  // rows to a task: whole tiles of either kind
  static constexpr int64_t kBand = 16;     // columns to a task: likewise

  int64_t vector_lanes() const { return is_plain_ ? Plain::L : Full::L; }

  // Runs task(0), task(1), …, each of so many lanes.
  template <class Task>
  void each(int64_t tasks, int64_t lanes, Task task) {
    Alone alone;
    bool is_small = job_.outer * job_.n * job_.inner < kParallelFrom;
    int64_t grain = kTaskElements / (lanes * job_.n);
    (is_small ? static_cast<Pool&>(alone) : pool_).each(tasks, grain < 1 ? 1 : grain, task);
  }

  // Lanes that fill no vector: the last columns of every block, or the last rows.
  void ragged(int64_t inner) {
    int64_t n = job_.n;
    bool are_rows = inner == 1;
    int64_t first = are_rows ? job_.outer - job_.outer % kWidth : 0;
    int64_t rest = are_rows ? 1 : inner % vector_lanes();
    int64_t count = (job_.outer - first) * rest;
    if (!count) return;
    auto begin = [=](int64_t lane) {
      int64_t block = first + lane / rest, column = inner - rest + lane % rest;
      return block * n * inner + column;
    };
    each((count + kWidth - 1) / kWidth, kWidth, [&](int64_t i) {
      int64_t end = (i + 1) * kWidth < count ? (i + 1) * kWidth : count;
      lanes(i * kWidth, end, begin);
    });
  }

  bool long_rows() {
    int64_t bands = (job_.inner + kBand - 1) / kBand, count = job_.outer * bands;
    if (count >= pool_.threads()) {
      each(count, job_.inner < kBand ? job_.inner : kBand, [&](int64_t i) {
        Alone alone;
        long_band(i / bands, i % bands * kBand, alone);
      });
    } else {
      Alone alone;
      bool is_small = job_.n < kParallelFrom;
      for (int64_t i = 0; i < count; ++i) {
        long_band(i / bands, i % bands * kBand, is_small ? static_cast<Pool&>(alone) : pool_);
      }
    }
    return enough_;
  }

  // Sorts up to kBand columns, turned into rows, or the one row that there is.
  void long_band(int64_t block, int64_t column, Pool& pool) {
    int64_t n = job_.n, inner = job_.inner, first = block * n * inner + column;
    if (inner == 1) {
      if (!LongRow<Full>(job_, first).sort(pool)) fail();
      return;
    }
    int64_t width = inner - column < kBand ? inner - column : kBand;
    int64_t size = width * n;
    Workspace memory(2 * Workspace::bytes_for<Stored>(size) + Workspace::bytes_for<uint32_t>(size) +
                     Workspace::bytes_for<uint8_t>(size));
    if (!memory.data()) return fail();
    SortJob rows = job_;
    auto *x = memory.take<Stored>(size), *values = memory.take<Stored>(size);
    void* indices = memory.take<uint32_t>(size);
    auto* where = memory.take<uint8_t>(size);
    rows.inner = 1;
    rows.x = x;
    to_rows(static_cast<const Stored*>(job_.x) + first, x, n, inner, width);
    if (job_.values) rows.values = values;
    if (job_.indices) rows.indices = indices;
    if (job_.where) {
      rows.where = where;
      to_rows(job_.where + first, where, n, inner, width);
    }
    for (int64_t c = 0; c < width; ++c) {
      if (!LongRow<Full>(rows, c * n).sort(pool)) return fail();
    }
    if (job_.values) to_columns(values, static_cast<Stored*>(job_.values) + first, n, inner, width);
    if (job_.indices && job_.index_bytes == 2) {
      to_columns(static_cast<uint16_t*>(indices), static_cast<uint16_t*>(job_.indices) + first, n, inner, width);
    } else if (job_.indices) {
      to_columns(static_cast<uint32_t*>(indices), static_cast<uint32_t*>(job_.indices) + first, n, inner, width);
    }
  }

  // Sorts the values alone if that is all there is to it, else with their indices.
  template <class Task>
  void sort_as_needed(Task task) {
    if (is_plain_ && task(Plain{}) == Done::kYes) return;
    task(Full{});
  }

  template <class Codec, class Task>
  Done in_tile(Task task) {
    using Word = typename Codec::Word;
    size_t bytes = Tile<Codec>::room(job_.n) * sizeof(Word);
    if (bytes <= kMostScratch) return in_memory<Codec>(thread_scratch(bytes), task);
    Workspace memory(bytes);  // a thread would keep it for good
    return in_memory<Codec>(memory.data(), task);
  }

  template <class Codec, class Task>
  Done in_memory(void* memory, Task task) {
    if (memory) return task(Tile<Codec>(job_, static_cast<typename Codec::Word*>(memory)));
    fail();
    return Done::kYes;
  }

  void columns(int64_t first, int64_t width) {
    sort_as_needed([&](auto codec) {
      using Codec = decltype(codec);
      return in_tile<Codec>([&](auto tile) { return tile.columns(first, int(width / Codec::L)); });
    });
  }

  void rows(int64_t first) {
    sort_as_needed([&](auto codec) {
      using Codec = decltype(codec);
      return in_tile<Codec>([&](auto tile) {
        for (int64_t j = 0; j < kWidth; j += Codec::L) {
          if (tile.rows(first + j * job_.n) == Done::kNeedsIndex) return Done::kNeedsIndex;
        }
        return Done::kYes;
      });
    });
  }

  void split(int64_t first) {
    sort_as_needed([&](auto codec) { return in_tile<decltype(codec)>([&](auto tile) { return tile.split(first); }); });
  }

  template <class Begin>
  void lanes(int64_t first, int64_t end, Begin begin) {
    sort_as_needed([&](auto codec) {
      using Codec = decltype(codec);
      return in_tile<Codec>([&](auto tile) {
        for (int64_t j = first; j < end; j += Codec::L) {
          int count = end - j < Codec::L ? int(end - j) : Codec::L;
          if (tile.lanes(count, [&](int k) { return begin(j + k); }) == Done::kNeedsIndex) return Done::kNeedsIndex;
        }
        return Done::kYes;
      });
    });
  }

  void fail() { __atomic_store_n(&enough_, false, __ATOMIC_RELAXED); }

  const SortJob& job_;
  Pool& pool_;
  bool is_plain_;
  bool enough_ = true;
};

}  // namespace diffsort::DIFFSORT_TARGET
