// Keeps the large blocks that libtorch frees on the CPU, for its next tensors.
//
// The C library gives large blocks back to the system when they are freed. The next tensor gets fresh memory then, and
// the system has to find its pages anew: thousands of page faults a picture. Here freed blocks wait in lists, one list
// a size, and a new tensor takes a waiting block of its size. So that there are few sizes, what is asked for is rounded
// up. Small blocks and errors are left to libtorch's own allocator.

#include <c10/core/CPUAllocator.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

namespace {

// Smaller blocks are left to the C library: it keeps them itself.
constexpr unsigned kSmallestExponent = 16;
constexpr std::size_t kSmallest = std::size_t{1} << kSmallestExponent;
// Larger blocks are never kept, nor more than this in all. As MOST_KEPT in allocator.rs.
constexpr std::size_t kLargest = std::size_t{4} << 30;
// There are eight sizes (2 to the power of this) from one power of two to the next: at most an eighth of a block is
// unused.
constexpr unsigned kStepExponent = 3;

// The largest power of two that is not above `bytes`, as an exponent.
constexpr unsigned exponent_of(std::size_t bytes) {
  return 63 - static_cast<unsigned>(__builtin_clzll(bytes));
}

// The smallest kept size that is not below `bytes`.
constexpr std::size_t round_up(std::size_t bytes) {
  const std::size_t step = std::size_t{1} << (exponent_of(bytes) - kStepExponent);
  return (bytes + step - 1) / step * step;
}

// Which of the sizes, counted from the smallest one, is the largest that is not above `bytes`.
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
    void* block = kSmallest <= bytes && bytes <= kLargest ? large(round_up(bytes)) : fresh(bytes);
    return {block, block, &give_back, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override {
    return &give_back;
  }

  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

  // While there are users, freed blocks are kept, at most so many bytes of them.
  void add_user(std::size_t most) {
    const std::lock_guard<std::mutex> guard(mutex_);
    ++users_;
    most_ = std::min(most, kLargest);
  }

  // Gives all blocks back, also those that the other users would take again: which block is whose is not known, and
  // theirs are kept anew as soon as they free them the next time.
  void remove_user() {
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      --users_;
    }
    release();
  }

 private:
  // What is written at the start of a kept block: where the next one of its size is.
  struct Block {
    Block* next;
  };
  using Lists = std::array<Block*, class_of(kLargest) + 1>;

  // A block of one of the sizes: a kept one, or else a new one.
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

  // A new block. Where there is no memory for it, the kept blocks are given up, and it is tried once more.
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

  // Keeps a block that was freed, if there is room for it, and tells whether it did. How large it is says the C
  // library, which may have given more than was asked for.
  bool keep(void* pointer) {
    const std::size_t bytes = malloc_usable_size(pointer);
    if (bytes < kSmallest || bytes > kLargest) {
      return false;
    }
    const std::lock_guard<std::mutex> guard(mutex_);
    if (users_ == 0 || kept_ + bytes > most_) {
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
      // Without this the C library would hold on to most of them: those that lie between blocks in use.
      malloc_trim(0);
    }
    return any;
  }

  // What libtorch calls to free a tensor's memory.
  static void give_back(void* pointer);

  c10::Allocator& system_ = *c10::GetDefaultCPUAllocator();
  std::mutex mutex_;
  // The kept blocks of each size, and the bytes of all of them.
  Lists lists_{};
  std::size_t kept_ = 0;
  // As many bytes are kept at most.
  std::size_t most_ = 0;
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

extern "C" void igd_keep_freed_blocks(std::uint64_t most) {
  allocator().add_user(most);
}

extern "C" void igd_release_freed_blocks() {
  allocator().remove_user();
}
