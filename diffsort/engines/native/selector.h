// How a selection is cut into tasks for the threads, for one instruction set.

#pragma once

#include "panels.h"
#include "select_rows.h"
#include "sort_target.h"

namespace diffsort::DIFFSORT_TARGET {

inline constexpr int64_t kSelectTask = 16384;  // elements for which another thread is worth waking
inline constexpr int64_t kCutRow = 65536;      // elements from which a row is cut into parts

template <class Element>
class Selector {
 public:
  Selector(const SelectJob& job, Pool& pool)
      : job_(job), order_(job.order), count_(job.stop - job.start), pool_(pool) {}

  SortStatus run() {
    if (order_.outer * order_.inner * count_ == 0) return SortStatus::kSorted;
    // Measured: up to a quarter of long rows, fewer of short ones, for which a sample costs too much.
    bool is_worth_it = 4 * count_ + 192 <= order_.n;
    if (!is_worth_it) {
      sort_blocks();
    } else if (order_.inner > 1) {
      select_columns();
    } else {
      select_rows();
    }
    return is_out_of_memory_ ? SortStatus::kOutOfMemory : SortStatus::kSorted;
  }

 private:
  using Stored = typename Element::Stored;
  static constexpr int64_t kPanel = 16;  // columns that are transposed at once

  void select_rows() {
    int64_t n = order_.n, rows = order_.outer;
    if (rows < pool_.threads() && n >= kCutRow) {
      RowSelection<Element> selection(job_, pool_.threads() < kMaxParts ? pool_.threads() : kMaxParts);
      for (int64_t row = 0; row < rows; ++row) {
        if (!selection.has_memory() || !selection.select(row, pool_)) sort(row, 1, pool_);
      }
      return;
    }
    int64_t to_a_task = n < kSelectTask ? kSelectTask / n : 1;
    pool_.each((rows + to_a_task - 1) / to_a_task, 1, [&](int64_t task) {
      SerialPool serial;
      RowSelection<Element> selection(job_, 1);
      int64_t end = (task + 1) * to_a_task;
      for (int64_t row = task * to_a_task; row < (end < rows ? end : rows); ++row) {
        if (!selection.has_memory() || !selection.select(row, serial)) sort(row, 1, serial);
      }
    });
  }

  // Selects from columns as from rows, a panel of neighbours at a time.
  void select_columns() {
    int64_t panels = (order_.inner + kPanel - 1) / kPanel, tasks = order_.outer * panels;
    if (tasks < pool_.threads()) {
      for (int64_t i = 0; i < tasks; ++i) select_panel(i / panels, i % panels * kPanel, pool_);
    } else {
      pool_.each(tasks, 1, [&](int64_t i) {
        SerialPool serial;
        select_panel(i / panels, i % panels * kPanel, serial);
      });
    }
  }

  void select_panel(int64_t block, int64_t column, Pool& pool) {
    int64_t n = order_.n, inner = order_.inner, width = inner - column < kPanel ? inner - column : kPanel;
    int64_t size = width * n, selected = width * count_;
    Workspace memory(Workspace::bytes_for<Stored>(size) + Workspace::bytes_for<uint8_t>(size) +
                     Workspace::bytes_for<Stored>(selected) + Workspace::bytes_for<uint32_t>(selected));
    if (!memory.data()) return note_out_of_memory();
    auto* x = memory.allocate<Stored>(size);
    auto* where = memory.allocate<uint8_t>(size);
    auto* values = memory.allocate<Stored>(selected);
    auto* indices = memory.allocate<uint32_t>(selected);
    int64_t first = block * n * inner + column, to = block * count_ * inner + column;
    SelectJob rows = job_;
    rows.order.outer = width;
    rows.order.inner = 1;
    rows.order.x = x;
    columns_to_rows(static_cast<const Stored*>(order_.x) + first, x, n, inner, width);
    if (order_.where) {
      rows.order.where = where;
      columns_to_rows(order_.where + first, where, n, inner, width);
    }
    rows.order.values = values;
    rows.order.indices = indices;
    rows.order.index_bytes = 4;
    if (Selector(rows, pool).run() == SortStatus::kOutOfMemory) return note_out_of_memory();
    if (order_.values) rows_to_columns(values, static_cast<Stored*>(order_.values) + to, count_, inner, width);
    if (order_.indices && order_.index_bytes == 4) {
      rows_to_columns(indices, static_cast<uint32_t*>(order_.indices) + to, count_, inner, width);
    } else if (order_.indices) {
      rows_to_columns(indices, static_cast<uint16_t*>(order_.indices) + to, count_, inner, width);
    }
  }

  // Sorts all there is, in blocks that stay in the cache.
  void sort_blocks() {
    int64_t size = order_.n * order_.inner, blocks = size < kSelectTask ? kSelectTask / size : 1;
    int64_t tasks = (order_.outer + blocks - 1) / blocks;
    auto run = [&](int64_t task, Pool& pool) {
      int64_t left = order_.outer - task * blocks;
      sort(task * blocks, left < blocks ? left : blocks, pool);
    };
    if (tasks < pool_.threads()) {
      for (int64_t task = 0; task < tasks; ++task) run(task, pool_);
    } else {
      pool_.each(tasks, 1, [&](int64_t task) {
        SerialPool serial;
        run(task, serial);
      });
    }
  }

  // Sorts `outer` blocks from number `first` on, and keeps what was asked for.
  void sort(int64_t first, int64_t outer, Pool& pool) {
    int64_t block = order_.n * order_.inner, bytes = order_.index_bytes;
    Workspace memory(Workspace::bytes_for<Stored>(outer * block) +
                     Workspace::bytes_for<uint8_t>(outer * block * bytes));
    if (!memory.data()) return note_out_of_memory();
    SortJob sorted = order_;
    sorted.outer = outer;
    sorted.x = static_cast<const Stored*>(order_.x) + first * block;
    if (order_.where) sorted.where = order_.where + first * block;
    if (order_.values) sorted.values = memory.allocate<Stored>(outer * block);
    if (order_.indices) sorted.indices = memory.allocate<uint8_t>(outer * block * bytes);
    if (DIFFSORT_TARGET::sort(sorted, pool) == SortStatus::kOutOfMemory) return note_out_of_memory();
    if (order_.values) copy_ranks(sorted.values, order_.values, sizeof(Stored), first, outer);
    if (order_.indices) copy_ranks(sorted.indices, order_.indices, bytes, first, outer);
  }

  void copy_ranks(const void* sorted, void* to, int64_t bytes, int64_t first, int64_t outer) const {
    int64_t size = order_.inner * bytes, skipped = job_.start * size, kept = count_ * size;
    for (int64_t i = 0; i < outer; ++i) {
      std::memcpy(static_cast<char*>(to) + (first + i) * kept,
                  static_cast<const char*>(sorted) + i * order_.n * size + skipped, size_t(kept));
    }
  }

  // Not std::atomic, whose functions might be shared with code for other machines.
  void note_out_of_memory() { __atomic_store_n(&is_out_of_memory_, true, __ATOMIC_RELAXED); }

  const SelectJob& job_;
  const SortJob& order_;
  int64_t count_;
  Pool& pool_;
  bool is_out_of_memory_ = false;
};

}  // namespace diffsort::DIFFSORT_TARGET
