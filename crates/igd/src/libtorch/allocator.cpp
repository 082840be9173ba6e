// Keeps the large blocks that libtorch frees on the CPU, for its next tensors.
//
// The C library gives large blocks back to the system when they are freed, so every tensor of the next picture costs page
// faults anew. Here they wait in lists, one for each size; blocks are rounded up to those sizes. Everything else, errors
// included, is left to libtorch's own allocator.

#include <c10/core/CPUAllocator.h>
#include <malloc.h>

#include <array>
#include <cstddef>
#include <mutex>
#include <new>
#include <utility>

namespace {

// Smaller blocks are left to the C library: it keeps them itself.
constexpr unsigned kSmallestExponent = 16;
constexpr std::size_t kSmallest = std::size_t{1} << kSmallestExponent;
// Larger blocks, and more than this in all, are never kept. A step of training frees two gigabytes at its end; inference
// comes nowhere near.
constexpr std::size_t kMostKept = std::size_t{4} << 30;
// Sizes from one power of two to the next: at most an eighth of a block is unused.
constexpr unsigned kStepExponent = 3;

constexpr unsigned exponent_of(std::size_t bytes) {
  return 63 - static_cast<unsigned>(__builtin_clzll(bytes));
}

// The smallest kept size that is not below `bytes`.
constexpr std::size_t round_up(std::size_t bytes) {
  const std::size_t step = std::size_t{1} << (exponent_of(bytes) - kStepExponent);
  return (bytes + step - 1) / step * step;
}

// The number of the largest kept size that is not above `bytes`.
constexpr std::size_t class_of(std::size_t bytes) {
  const unsigned exponent = exponent_of(bytes);
  const std::size_t steps = bytes >> (exponent - kStepExponent);
  return (std::size_t{exponent - kSmallestExponent} << kStepExponent) + steps - (std::size_t{1} << kStepExponent);
}

static_assert(round_up(kSmallest) == kSmallest && class_of(kSmallest) == 0);
static_assert(class_of(round_up(kSmallest + 1)) == 1);
static_assert(class_of(2 * kSmallest - 1) == 7 && class_of(2 * kSmallest) == 8);

class KeepingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    void* block = kSmallest <= bytes && bytes <= kMostKept ? large(round_up(bytes)) : fresh(bytes);
    return {block, block, &give_back, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override {
    return &give_back;
  }

  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

  // While there are users, freed blocks are kept.
  void add_user() {
    const std::lock_guard<std::mutex> guard(mutex_);
    ++users_;
  }

  // What one user has left is of no use to the others, who get their own blocks back with the next tensors.
  void remove_user() {
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      --users_;
    }
    release();
  }

 private:
  // A kept block; it holds its list itself.
  struct Block {
    Block* next;
  };
  using Lists = std::array<Block*, class_of(kMostKept) + 1>;

  void* large(std::size_t bytes) {
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      Block*& first = lists_[class_of(bytes)];
      if (first != nullptr) {
        kept_ -= malloc_usable_size(first);
        return std::exchange(first, first->next);
      }
    }
    return fresh(bytes);
  }

  void* fresh(std::size_t bytes) {
    try {
      return system_.raw_allocate(bytes);
    } catch (const c10::Error&) {
      if (!release()) {
        throw;
      }
    }
    return system_.raw_allocate(bytes);
  }

  // Tells whether the block is kept. Its size is the C library's own: at least what was asked for.
  bool keep(void* pointer) {
    const std::size_t bytes = malloc_usable_size(pointer);
    if (bytes < kSmallest || bytes > kMostKept) {
      return false;
    }
    const std::lock_guard<std::mutex> guard(mutex_);
    if (users_ == 0 || bytes > kMostKept - kept_) {
      return false;
    }
    Block*& first = lists_[class_of(bytes)];
    first = new (pointer) Block{first};
    kept_ += bytes;
    return true;
  }

  // Gives every kept block back to the system. Tells whether there were any.
  bool release() {
    Lists lists{};
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      std::swap(lists, lists_);
      kept_ = 0;
    }
    bool any = false;
    for (Block* block : lists) {
      while (block != nullptr) {
        system_.raw_deallocate(std::exchange(block, block->next));
        any = true;
      }
    }
    if (any) {
      // Or the C library would keep most of them, between blocks that are in use.
      malloc_trim(0);
    }
    return any;
  }

  static void give_back(void* pointer);

  c10::Allocator& system_ = *c10::GetDefaultCPUAllocator();
  std::mutex mutex_;
  Lists lists_{};
  std::size_t kept_ = 0;
  std::size_t users_ = 0;
};

// Never destroyed: tensors may be freed up to the very end of the process.
KeepingAllocator& allocator() {
  static auto* const allocator = [] {
    auto* const made = new KeepingAllocator;
    // One that somebody else has set stays.
    if (c10::GetCPUAllocator() == c10::GetDefaultCPUAllocator()) {
      c10::SetCPUAllocator(made);
    }
    return made;
  }();
  return *allocator;
}

void KeepingAllocator::give_back(void* pointer) {
  KeepingAllocator& self = allocator();
  if (!self.keep(pointer)) {
    self.system_.raw_deallocate(pointer);
  }
}

}  // namespace

extern "C" void igd_keep_freed_blocks() {
  allocator().add_user();
}

extern "C" void igd_release_freed_blocks() {
  allocator().remove_user();
}
