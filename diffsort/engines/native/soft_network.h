// Sorting networks of relaxed comparators: what is computed of them.
//
// A comparator of the values a, b on two wires leaves α a + (1 − α) b on the lower and (1 − α) a + α b on the upper one,
// with α = f(β (b − a)), f a sigmoid and β the steepness. So a network is a matrix P, which depends on the values x that
// go in, and P x goes out.

#pragma once

#include <cstdint>

#include "pool.h"

namespace diffsort {

enum class NetworkKind : int32_t { kOddEven, kBitonic };
enum class Sigmoid : int32_t { kLogistic, kCauchy, kOptimal };
enum class NetworkOutput : int32_t {
  kValues,            // P x
  kCotangent,         // the cotangent of x, given that of P x
  kTransposed,        // Pᵀ w
  kCarriedCotangent,  // the cotangent of x, given a fixed u, and w as that of P u
};

// All arrays but `steepness` and `count` hold `rows` rows of n elements, of float or of double.
struct SoftNetworkJob {
  NetworkKind kind;
  Sigmoid sigmoid;
  NetworkOutput output;
  bool is_double;
  int64_t rows, n;
  const void* x;
  const void* steepness;  // β of each row
  const int32_t* count;   // of each row, how many elements there are, those in front; or null for n
  const void* cotangent;  // of P x, or w
  const void* carried;    // u
  void* out;              // 0 behind the elements there are
};

// Computes it with the best instruction set of the machine. Returns false where memory ran out.
bool soft_network(const SoftNetworkJob& job, Pool& pool);

// For each instruction set, in a namespace of its name.
namespace plain {
bool soft_network(const SoftNetworkJob& job, Pool& pool);
}
#ifdef DIFFSORT_X86
namespace avx2 {
bool soft_network(const SoftNetworkJob& job, Pool& pool);
}
namespace avx512 {
bool soft_network(const SoftNetworkJob& job, Pool& pool);
}
#endif

}  // namespace diffsort
