// Memory is found in places made beforehand, and what has an owner is freed by it: so running out of memory
// is told by a null pointer, and nothing here allocates besides what was asked for.

#include "memory.h"

#include <pthread.h>

#include <cstdlib>
#include <mutex>
#include <new>

namespace diffsort {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kKept = size_t(64) << 20;  // bytes of workspace kept for later calls
constexpr int kMostPieces = 64;             // that they may be in

void* allocate(size_t bytes) {
  return std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
}

struct Piece {
  size_t bytes;
  void* data;
};

// Pieces of workspace that nobody uses, the oldest first.
class Shelf {
 public:
  // Takes a piece that fits out of the shelf; one of no bytes if there is none.
  Piece take(size_t bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (int i = 0; i < count_; ++i) {
      // A piece far too large is better left to a call that needs it.
      if (bytes <= pieces_[i].bytes && pieces_[i].bytes / 4 <= bytes) return remove(i);
    }
    return {0, nullptr};
  }

  void put(Piece piece) {
    if (piece.bytes > kKept) return std::free(piece.data);
    std::lock_guard<std::mutex> lock(mutex_);
    while (count_ == kMostPieces || kept_ + piece.bytes > kKept) std::free(remove(0).data);
    pieces_[count_++] = piece;
    kept_ += piece.bytes;
  }

 private:
  Piece remove(int i) {
    Piece piece = pieces_[i];
    for (--count_; i < count_; ++i) pieces_[i] = pieces_[i + 1];
    kept_ -= piece.bytes;
    return piece;
  }

  std::mutex mutex_;
  Piece pieces_[kMostPieces];
  int count_ = 0;
  size_t kept_ = 0;
};

// Never destroyed: threads of the runtime may still sort while the process exits.
Shelf& shelf() {
  alignas(Shelf) static unsigned char place[sizeof(Shelf)];
  static Shelf* shelf = new (place) Shelf;
  return *shelf;
}

// A thread's memory begins with its size. It is kept under a key, as a thread_local of a library that is
// loaded at run time takes memory of its own, and ends the process where there is none.
struct ThreadKey {
  pthread_key_t key;
  bool is_made;

  ThreadKey() : is_made(pthread_key_create(&key, std::free) == 0) {}
};

const ThreadKey& thread_key() {
  static const ThreadKey key;
  return key;
}

}  // namespace

void* thread_scratch(size_t bytes) {
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

Workspace::Workspace(size_t bytes) : bytes_(bytes) {
  Piece piece = shelf().take(bytes);
  if (!piece.data) piece = {bytes, allocate(bytes)};
  bytes_ = piece.bytes;
  data_ = piece.data;
}

Workspace::~Workspace() {
  if (data_) shelf().put({bytes_, data_});
}

}  // namespace diffsort
