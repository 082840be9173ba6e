//! glibc gives large blocks back to the system when they are freed, and every tensor of the next step then costs page faults:
//! a sixth of a training step.

use libc::{M_MMAP_THRESHOLD, M_TOP_PAD, M_TRIM_THRESHOLD, c_int};

/// Blocks up to this come from the heap: the most that glibc allows, in bytes.
const LARGEST_HEAP_BLOCK: c_int = 32 << 20;
/// The heap shrinks only when so much at its end is free, in bytes.
const LARGEST_FREE_END: c_int = 1 << 30;
/// The heap grows by this at once, in bytes.
const GROWTH: c_int = 64 << 20;

/// Keeps freed blocks for the next tensors. Only for this program: the plugin leaves its host's allocator alone.
pub fn keep_large_blocks() {
    // SAFETY: mallopt changes thresholds of the allocator and may be called at any time; it refuses what it does not know.
    unsafe {
        libc::mallopt(M_MMAP_THRESHOLD, LARGEST_HEAP_BLOCK);
        libc::mallopt(M_TRIM_THRESHOLD, LARGEST_FREE_END);
        libc::mallopt(M_TOP_PAD, GROWTH);
    }
}
