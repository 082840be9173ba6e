//! Keeps the memory of freed tensors for the next ones.

unsafe extern "C" {
    fn igd_keep_freed_blocks();
    fn igd_release_freed_blocks();
}

/// While one of these is alive, libtorch keeps large blocks of the CPU's memory that it frees, up to a limit, for its next
/// tensors: the C library would give them back to the system, and every tensor of the next picture would cost page faults
/// anew. With the last one gone, the kept blocks go back too. The allocators of others in the process are left alone.
#[derive(Debug)]
pub struct KeptBlocks(());

impl KeptBlocks {
    pub fn new() -> Self {
        // SAFETY: sets libtorch's allocator once, which tensors of the one before outlive, since each carries its deleter;
        // after that it only counts, under a lock.
        unsafe { igd_keep_freed_blocks() };
        Self(())
    }
}

impl Default for KeptBlocks {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for KeptBlocks {
    fn drop(&mut self) {
        // SAFETY: `new` has counted this one. Only blocks that no tensor has are given back.
        unsafe { igd_release_freed_blocks() };
    }
}
