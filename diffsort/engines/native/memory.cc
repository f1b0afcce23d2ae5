// Scratch memory that outlives a call: fresh pages cost as much as the sort that uses them.

#include <cstdlib>
#include <mutex>
#include <vector>

#include "memory.h"

namespace diffsort {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kKept = size_t(64) << 20;  // bytes of workspace kept for later calls

void* allocate(size_t bytes) {
  return std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
}

struct Piece {
  size_t bytes = 0;
  void* data = nullptr;
};

// Never destroyed: threads of the runtime may still sort while the process exits.
struct Shelf {
  std::mutex mutex;
  std::vector<Piece> pieces;
  size_t kept = 0;
};
Shelf& shelf() {
  static Shelf* shelf = new Shelf;
  return *shelf;
}

struct ThreadScratch {
  Piece piece;
  ~ThreadScratch() { std::free(piece.data); }
};

}  // namespace

void* thread_scratch(size_t bytes) {
  thread_local ThreadScratch scratch;
  Piece& piece = scratch.piece;
  if (piece.bytes < bytes) {
    std::free(piece.data);
    piece.data = allocate(bytes);
    piece.bytes = piece.data ? bytes : 0;
  }
  return piece.data;
}

Workspace::Workspace(size_t bytes) : bytes_(bytes), data_(nullptr) {
  Shelf& s = shelf();
  {
    std::lock_guard<std::mutex> lock(s.mutex);
    for (Piece& piece : s.pieces) {
      // A piece far too large is better left to a call that needs it.
      if (bytes <= piece.bytes && piece.bytes / 4 <= bytes) {
        bytes_ = piece.bytes;
        data_ = piece.data;
        s.kept -= piece.bytes;
        piece = s.pieces.back();
        s.pieces.pop_back();
        return;
      }
    }
  }
  data_ = allocate(bytes);
}

Workspace::~Workspace() {
  Shelf& s = shelf();
  std::lock_guard<std::mutex> lock(s.mutex);
  while (!s.pieces.empty() && s.kept + bytes_ > kKept) {  // the oldest make room
    s.kept -= s.pieces.front().bytes;
    std::free(s.pieces.front().data);
    s.pieces.erase(s.pieces.begin());
  }
  if (!data_ || bytes_ > kKept) {
    std::free(data_);
    return;
  }
  s.pieces.push_back({bytes_, data_});
  s.kept += bytes_;
}

}  // namespace diffsort
