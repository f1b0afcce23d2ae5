#include "pool.h"

namespace diffsort {

int SerialPool::threads() const { return 1; }

void SerialPool::run(int64_t tasks, int64_t, Body body, void* context) { body(context, 0, tasks); }

}  // namespace diffsort
