//! Keeps the memory of freed tensors for the next ones.

unsafe extern "C" {
    fn igd_keep_freed_blocks();
    fn igd_release_freed_blocks();
}

/// While one of these is alive, libtorch keeps large blocks of the CPU's memory that it frees, up to a limit, for its
/// next tensors: the C library would give them back to the system, and every tensor of the next picture would cost page
/// faults anew. When one of them goes, the kept blocks go back. The allocators of others in the process are left alone.
#[derive(Debug)]
pub struct KeptBlocks(());

impl KeptBlocks {
    pub fn new() -> Self {
        // SAFETY: sets libtorch's allocator once, which tensors of the one before outlive, since each carries its
        // deleter; after that it only counts, under a lock.
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

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    const OPTIONS: (Kind, Device) = (Kind::Float, Device::Cpu);

    #[test]
    fn tensors_outlive_the_change_of_allocators() {
        let before = Tensor::ones([1 << 20], OPTIONS);
        let kept = KeptBlocks::new();
        let within = &before + 1.0;
        drop(before);
        drop(kept);
        assert_eq!(within.mean(Kind::Double).double_value(&[]), 2.0);
    }

    #[test]
    fn blocks_of_all_sizes_hold_what_was_asked_for() {
        let _kept = KeptBlocks::new();
        for round in 0..3 {
            for size in (0..1 << 18).step_by(4099) {
                let tensor = Tensor::full([size], f64::from(round), OPTIONS);
                assert_eq!(tensor.data_ptr() as usize % 64, 0);
                let sum = tensor.sum(Kind::Double).double_value(&[]);
                assert_eq!(sum, f64::from(round) * size as f64);
            }
        }
    }

    #[test]
    fn too_much_memory_is_an_error() {
        let _kept = KeptBlocks::new();
        let error = Tensor::f_empty([1 << 50], OPTIONS).unwrap_err();
        assert!(error.to_string().contains("memory"), "{error}");
    }
}
