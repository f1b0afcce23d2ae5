// What the library exports to XLA, and to Python, which registers it there.

#pragma once

#include "xla/ffi/api/ffi.h"

#pragma GCC visibility push(default)

// Raised with every change to the handlers, so that no program calls those of another version.
extern "C" int diffsort_interface();

// The version of XLA's interface that this was compiled for. Newer ones accept it, older ones do not.
extern "C" int diffsort_xla_major();
extern "C" int diffsort_xla_minor();

// Operands x[, where], results [values][, indices].
XLA_FFI_DECLARE_HANDLER_SYMBOL(DiffsortSort);

// Operands x[, where], results values, indices.
XLA_FFI_DECLARE_HANDLER_SYMBOL(DiffsortSelect);

// Operands x, indices; result: x moved.
XLA_FFI_DECLARE_HANDLER_SYMBOL(DiffsortPermute);

// Operands values, indices; result: the values there, and zeros elsewhere.
XLA_FFI_DECLARE_HANDLER_SYMBOL(DiffsortPut);

// Operands gaps, counts[, cotangent]: see lapsum.h.
XLA_FFI_DECLARE_HANDLER_SYMBOL(DiffsortLapSum);
XLA_FFI_DECLARE_HANDLER_SYMBOL(DiffsortLapSumCotangent);

// Operands a, b; result: the recurrence, along the last axis.
XLA_FFI_DECLARE_HANDLER_SYMBOL(DiffsortRecurrence);

// Operands x, steepness[, count][, w[, u]], see NetworkOutput in soft_network.h; result: of the shape of x.
XLA_FFI_DECLARE_HANDLER_SYMBOL(DiffsortNetwork);
XLA_FFI_DECLARE_HANDLER_SYMBOL(DiffsortNetworkCotangent);
XLA_FFI_DECLARE_HANDLER_SYMBOL(DiffsortNetworkTransposed);
XLA_FFI_DECLARE_HANDLER_SYMBOL(DiffsortNetworkTransposedCotangent);

// Operands z, w; result: where the blocks of their isotonic regression begin.
XLA_FFI_DECLARE_HANDLER_SYMBOL(DiffsortBlocks);

// Operands x, where blocks begin; result: x within its blocks.
XLA_FFI_DECLARE_HANDLER_SYMBOL(DiffsortWithinBlocks);

// Operands gaps[, u], and the latter's also a cotangent; results: see NeuralSortJob.
XLA_FFI_DECLARE_HANDLER_SYMBOL(DiffsortNeuralSort);
XLA_FFI_DECLARE_HANDLER_SYMBOL(DiffsortNeuralSortCotangent);

#pragma GCC visibility pop
