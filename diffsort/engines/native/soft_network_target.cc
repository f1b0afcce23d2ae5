// Relaxed networks for one instruction set: compiled once for each, DIFFSORT_TARGET being its name.

#include "soft_network.h"
#include "soft_rows.h"

namespace diffsort::DIFFSORT_TARGET {
namespace {

template <class T, Sigmoid S>
bool run(const SoftNetworkJob& job, Pool& pool) {
  switch (job.output) {
    case NetworkOutput::kValues:
      return SoftRows<T, S, NetworkOutput::kValues>(job, pool).run();
    case NetworkOutput::kCotangent:
      return SoftRows<T, S, NetworkOutput::kCotangent>(job, pool).run();
    case NetworkOutput::kTransposed:
      return SoftRows<T, S, NetworkOutput::kTransposed>(job, pool).run();
    case NetworkOutput::kCarriedCotangent:
      return SoftRows<T, S, NetworkOutput::kCarriedCotangent>(job, pool).run();
  }
  return false;
}

template <Sigmoid S>
bool run(const SoftNetworkJob& job, Pool& pool) {
  return job.is_double ? run<double, S>(job, pool) : run<float, S>(job, pool);
}

}  // namespace

bool soft_network(const SoftNetworkJob& job, Pool& pool) {
  switch (job.sigmoid) {
    case Sigmoid::kLogistic:
      return run<Sigmoid::kLogistic>(job, pool);
    case Sigmoid::kCauchy:
      return run<Sigmoid::kCauchy>(job, pool);
    case Sigmoid::kOptimal:
      return run<Sigmoid::kOptimal>(job, pool);
  }
  return false;
}

}  // namespace diffsort::DIFFSORT_TARGET
