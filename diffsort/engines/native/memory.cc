// Out of memory, a null pointer is returned. So nothing here allocates besides what was asked for: free blocks are
// listed in an array of fixed size, and each thread's memory is kept under a key that was made beforehand.

#include "memory.h"

#include <pthread.h>
#include <sys/mman.h>

#include <cstdlib>
#include <mutex>
#include <new>

namespace diffsort {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = size_t(2) << 20;    // bytes
constexpr size_t kMaxScratch = size_t(8) << 20;  // bytes that a thread keeps
constexpr size_t kMaxFree = size_t(64) << 20;    // bytes of workspace kept for later calls
constexpr int kMaxFreeBlocks = 64;

size_t rounded_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

void* allocate(size_t bytes) {
  bool is_large = bytes >= 2 * kHugePage;
  size_t unit = is_large ? kHugePage : kAlignment;
  void* data = std::aligned_alloc(unit, rounded_up(bytes, unit));
  if (data && is_large) ask_for_huge_pages(data, bytes);
  return data;
}

// Blocks of workspace that are not in use, the oldest first.
class FreeList {
 public:
  // Removes a block of at least so many bytes, and returns it; one without data if there is none.
  Block take(size_t bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (int i = 0; i < count_; ++i) {
      // A block far too large is better left to a call that needs it.
      if (bytes <= blocks_[i].bytes && blocks_[i].bytes / 4 <= bytes) return remove(i);
    }
    return {0, nullptr};
  }

  void put(Block block) {
    if (block.bytes > kMaxFree) return std::free(block.data);
    std::lock_guard<std::mutex> lock(mutex_);
    while (count_ == kMaxFreeBlocks || bytes_ + block.bytes > kMaxFree) std::free(remove(0).data);
    blocks_[count_++] = block;
    bytes_ += block.bytes;
  }

 private:
  Block remove(int i) {
    Block block = blocks_[i];
    for (--count_; i < count_; ++i) blocks_[i] = blocks_[i + 1];
    bytes_ -= block.bytes;
    return block;
  }

  std::mutex mutex_;
  Block blocks_[kMaxFreeBlocks];
  int count_ = 0;
  size_t bytes_ = 0;
};

// Never destroyed: threads of the runtime may still sort while the process exits.
FreeList& free_list() {
  alignas(FreeList) static unsigned char storage[sizeof(FreeList)];
  static FreeList* list = new (storage) FreeList;
  return *list;
}

Block take_block(size_t bytes) {
  Block block = free_list().take(bytes);
  return block.data ? block : Block{bytes, allocate(bytes)};
}

void put_block(Block block) {
  if (block.data) free_list().put(block);
}

// A key of the threads' own memory. A thread_local of a library that is loaded at run time would take memory of its
// own, and end the process where there is none.
struct ThreadKey {
  pthread_key_t key;
  bool is_made;

  ThreadKey() : is_made(pthread_key_create(&key, std::free) == 0) {}
};

const ThreadKey& thread_key() {
  static const ThreadKey key;
  return key;
}

// Memory of the calling thread, which begins with its size. It is kept for the thread's next call.
void* thread_memory(size_t bytes) {
  const ThreadKey& thread = thread_key();
  if (!thread.is_made) return nullptr;
  char* data = static_cast<char*>(pthread_getspecific(thread.key));
  if (!data || *reinterpret_cast<size_t*>(data) < bytes) {
    std::free(data);
    data = static_cast<char*>(allocate(kAlignment + bytes));
    if (pthread_setspecific(thread.key, data) != 0) {
      std::free(data);
      return nullptr;
    }
    if (!data) return nullptr;
    *reinterpret_cast<size_t*>(data) = bytes;
  }
  return data + kAlignment;
}

}  // namespace

void ask_for_huge_pages(void* data, size_t bytes) {
#ifdef MADV_HUGEPAGE
  if (!data || bytes < kHugePage) return;
  auto address = reinterpret_cast<uintptr_t>(data);
  size_t begin = rounded_up(address, kHugePage), end = (address + bytes) / kHugePage * kHugePage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
  (void)data, (void)bytes;
#endif
}

Workspace::Workspace(size_t bytes) : block_(take_block(bytes)) {}

Workspace::~Workspace() { put_block(block_); }

Scratch::Scratch(size_t bytes) : block_(bytes <= kMaxScratch ? Block{0, thread_memory(bytes)} : take_block(bytes)) {}

void Scratch::give_back() { put_block(block_); }

}  // namespace diffsort
