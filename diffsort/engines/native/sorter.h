// How a job is cut into tasks for the threads, and these into tiles, for one instruction set.

#pragma once

#include "long_rows.h"
#include "panels.h"
#include "tile.h"

namespace diffsort::DIFFSORT_TARGET {

inline constexpr int64_t kLongWideRow = 2048;    // likewise, where elements have 64 bits
inline constexpr int64_t kLongRow = 8192;        // elements above which a row takes a quicksort
inline constexpr int64_t kSplitRow = 512;        // elements from which a row is a tile of its own
inline constexpr int64_t kTaskElements = 4096;   // for which another thread is worth waking
inline constexpr int64_t kParallelFrom = 16384;  // elements of a job for which several threads are

template <class Element>
class Sorter {
 public:
  Sorter(const SortJob& job, Pool& pool)
      : job_(job),
        elements_(job.outer * job.n * job.inner),
        pool_(elements_ < kParallelFrom ? static_cast<Pool&>(serial_) : pool),
        only_values_(!job.indices && !job.where) {}

  SortStatus run() {
    if (elements_ == 0) return SortStatus::kSorted;
    ask_for_huge_pages(job_.values, size_t(elements_) * sizeof(Stored));
    ask_for_huge_pages(job_.indices, size_t(elements_) * size_t(job_.index_bytes));
    if (job_.n > longest_tile()) {
      sort_long_rows();
    } else {
      job_.inner == 1 ? sort_rows() : sort_columns();
    }
    return status();
  }

 private:
  using Stored = typename Element::Stored;
  static constexpr int kRows = ValueCodec<Element>::L;  // to a task: whole tiles of either codec
  static constexpr int64_t kPanel = 16;                 // columns to a task: likewise

  // The elements of a row or column above which it takes a quicksort.
  int64_t longest_tile() const {
    if (job_.inner > 1) return kLongRow;
    if (only_values_) return ValueLeaf<Element>::kTile;
    return sizeof(Stored) == 8 ? kLongWideRow : kLongRow;
  }

  // What a thread sorts in one go.
  struct Task {
    enum class Layout { kColumns, kRows, kRow, kScattered } layout;
    int64_t first;  // its first element; of scattered lanes, the number of the first
    int lanes;      // rows or columns
  };

  void sort_rows() {
    int64_t n = job_.n, outer = job_.outer;
    if (n >= kSplitRow || (outer < kRows && n >= 4 * kLanes)) {
      pool_.each(outer, grain(1), [&](int64_t i) { run_task({Task::Layout::kRow, i * n, 1}); });
    } else {
      pool_.each(outer / kRows, grain(kRows),
                 [&](int64_t i) { run_task({Task::Layout::kRows, i * kRows * n, kRows}); });
      sort_rest(outer % kRows);
    }
  }

  void sort_columns() {
    int64_t block = job_.n * job_.inner, width = job_.inner - rest_columns(), panels = panels_in(width);
    pool_.each(job_.outer * panels, grain(kPanel), [&](int64_t i) {
      int64_t column = i % panels * kPanel, columns = width - column;
      run_task({Task::Layout::kColumns, i / panels * block + column, int(columns < kPanel ? columns : kPanel)});
    });
    sort_rest(job_.outer * rest_columns());
  }

  // Sorts the lanes that fill no vector: the last rows, or the last columns of every block.
  void sort_rest(int64_t lanes) {
    pool_.each((lanes + kRows - 1) / kRows, grain(kRows), [&](int64_t i) {
      int64_t left = lanes - i * kRows;
      run_task({Task::Layout::kScattered, i * kRows, int(left < kRows ? left : kRows)});
    });
  }

  // The element at which such a lane begins.
  int64_t rest_start(int64_t lane) const {
    int64_t n = job_.n, inner = job_.inner;
    if (inner == 1) return (job_.outer - job_.outer % kRows + lane) * n;
    int64_t rest = rest_columns();
    return lane / rest * n * inner + inner - rest + lane % rest;
  }

  int64_t rest_columns() const {
    return job_.inner % (only_values_ ? ValueCodec<Element>::L : IndexedCodec<Element>::L);
  }

  // Tasks of so many lanes for which another thread is worth waking.
  int64_t grain(int64_t lanes) const {
    int64_t tasks = kTaskElements / (lanes * job_.n);
    return tasks < 1 ? 1 : tasks;
  }

  static int64_t panels_in(int64_t columns) { return (columns + kPanel - 1) / kPanel; }

  // Sorts the values alone if these are all there is to it, else with their indices.
  void run_task(const Task& task) {
    if (only_values_ && sort_tiles<ValueCodec<Element>>(task)) return;
    if (!sort_tiles<IndexedCodec<Element>>(task)) note_out_of_memory();
  }

  // Returns false where memory ran out, or where the order of the values depends on an index that they lack.
  template <class Codec>
  bool sort_tiles(const Task& task) {
    constexpr int L = Codec::L;
    bool is_row = task.layout == Task::Layout::kRow;
    Scratch memory(is_row ? Tile<Codec>::bytes_for_row(job_.n) : Tile<Codec>::bytes_for_lanes(job_.n));
    if (!memory.data()) return false;
    Tile<Codec> tile(job_, memory.data());
    switch (task.layout) {
      case Task::Layout::kColumns:
        return tile.sort_columns(task.first, task.lanes / L);
      case Task::Layout::kRow:
        return tile.sort_row(task.first);
      case Task::Layout::kRows:
        for (int j = 0; j < task.lanes; j += L) {
          if (!tile.sort_rows(task.first + j * job_.n)) return false;
        }
        return true;
      case Task::Layout::kScattered:
        for (int j = 0; j < task.lanes; j += L) {
          int64_t starts[L];
          int count = task.lanes - j < L ? task.lanes - j : L;
          for (int k = 0; k < count; ++k) starts[k] = rest_start(task.first + j + k);
          if (!tile.sort_scattered(starts, count)) return false;
        }
        return true;
    }
    return false;
  }

  // Each thread sorts rows of its own where there are enough for all threads, else all threads sort each row together.
  void sort_long_rows() {
    int64_t panels = job_.outer * panels_in(job_.inner);
    if (panels >= pool_.threads()) {
      pool_.each(panels, 1, [&](int64_t i) { sort_long_panel(i, serial_); });
    } else {
      Pool& pool = job_.n < kParallelFrom ? static_cast<Pool&>(serial_) : pool_;
      for (int64_t i = 0; i < panels; ++i) sort_long_panel(i, pool);
    }
  }

  // Sorts the row that a panel is, or its columns as rows.
  void sort_long_panel(int64_t panel, Pool& pool) {
    int64_t n = job_.n, inner = job_.inner, panels = panels_in(inner);
    int64_t column = panel % panels * kPanel, first = panel / panels * n * inner + column;
    bool has_memory = inner == 1 ? sort_long_row(job_, first, pool)
                                 : sort_long_columns(first, inner - column < kPanel ? inner - column : kPanel, pool);
    if (!has_memory) note_out_of_memory();
  }

  // Sorts the values alone if these are all there is to it, else with their indices; returns false where memory ran
  // out.
  static bool sort_long_row(const SortJob& job, int64_t first, Pool& pool) {
    if (!job.indices && !job.where && job.values) {
      auto status = LongRow<Element, ValueLeaf<Element>>(job, first).sort(pool);
      if (status != LongRowStatus::kLossy) return status == LongRowStatus::kSorted;
    }
    return LongRow<Element, PairLeaf<Element>>(job, first).sort(pool) == LongRowStatus::kSorted;
  }

  // Sorts columns from element `first` on; returns false where memory ran out.
  bool sort_long_columns(int64_t first, int64_t width, Pool& pool) {
    int64_t n = job_.n, inner = job_.inner, size = width * n;
    Workspace memory(2 * Workspace::bytes_for<Stored>(size) + Workspace::bytes_for<uint32_t>(size) +
                     Workspace::bytes_for<uint8_t>(size));
    if (!memory.data()) return false;
    auto *x = memory.allocate<Stored>(size), *values = memory.allocate<Stored>(size);
    void* indices = memory.allocate<uint32_t>(size);
    auto* where = memory.allocate<uint8_t>(size);
    SortJob rows = job_;
    rows.inner = 1;
    rows.x = x;
    columns_to_rows(static_cast<const Stored*>(job_.x) + first, x, n, inner, width);
    if (job_.values) rows.values = values;
    if (job_.indices) rows.indices = indices;
    if (job_.where) {
      rows.where = where;
      columns_to_rows(job_.where + first, where, n, inner, width);
    }
    for (int64_t c = 0; c < width; ++c) {
      if (!sort_long_row(rows, c * n, pool)) return false;
    }
    if (job_.values) rows_to_columns(values, static_cast<Stored*>(job_.values) + first, n, inner, width);
    if (job_.indices && job_.index_bytes == 2) {
      rows_to_columns(static_cast<uint16_t*>(indices), static_cast<uint16_t*>(job_.indices) + first, n, inner, width);
    } else if (job_.indices) {
      rows_to_columns(static_cast<uint32_t*>(indices), static_cast<uint32_t*>(job_.indices) + first, n, inner, width);
    }
    return true;
  }

  // Not std::atomic, whose functions might be shared with code for other machines.
  void note_out_of_memory() { __atomic_store_n(&is_out_of_memory_, true, __ATOMIC_RELAXED); }

  SortStatus status() const { return is_out_of_memory_ ? SortStatus::kOutOfMemory : SortStatus::kSorted; }

  const SortJob& job_;
  int64_t elements_;
  SerialPool serial_;
  Pool& pool_;
  bool only_values_;
  bool is_out_of_memory_ = false;
};

}  // namespace diffsort::DIFFSORT_TARGET
