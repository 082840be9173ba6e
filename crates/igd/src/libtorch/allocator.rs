//! Keeps the memory of freed tensors for the next ones.

use super::memory::memory_limit;

unsafe extern "C" {
    fn igd_keep_freed_blocks(most: u64);
    fn igd_release_freed_blocks();
}

/// Bytes that are kept at most on any machine. A step of training frees two gigabytes at its end; inference comes
/// nowhere near. As `kLargest` in allocator.cpp.
const MOST_KEPT: u64 = 4 << 30;
/// And at most one in so many bytes of the memory there is: the C library cannot tell us when memory runs out, since
/// the system promises more than it has, and ends processes when it is short.
const KEPT_SHARE: u64 = 4;

/// While one of these is alive, libtorch keeps large blocks of the CPU's memory that it frees for its next tensors: the
/// C library would give them back to the system, and every tensor of the next picture would cost page faults anew. It
/// keeps a quarter of the machine's memory (or of the limit of the process's control group) at most, and never more
/// than 4 GiB. When one of these goes, all kept blocks go back. The allocators of others in the process are left alone.
#[derive(Debug)]
pub struct KeptBlocks(());

impl KeptBlocks {
    /// Begins to keep blocks, for as long as this lives.
    pub fn new() -> Self {
        // SAFETY: sets libtorch's allocator once. Tensors of the allocator before may outlive the change, since each
        // carries its deleter. After that it only counts, under a lock.
        unsafe { igd_keep_freed_blocks(most_kept(memory_limit())) };
        Self(())
    }
}

/// Bytes to keep at most where there is so much memory, if that is known.
fn most_kept(memory: Option<u64>) -> u64 {
    memory.map_or(MOST_KEPT, |memory| MOST_KEPT.min(memory / KEPT_SHARE))
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
    fn a_quarter_of_the_memory_is_kept_and_never_more_than_four_gigabytes() {
        for (memory, most) in [
            (Some(0), 0),
            (Some(512 << 20), 128 << 20),
            (Some(4 << 30), 1 << 30),
            (Some(16 << 30), 4 << 30),
            (Some(1 << 40), 4 << 30),
            (Some(u64::MAX), 4 << 30),
            (None, 4 << 30),
        ] {
            assert_eq!(most_kept(memory), most, "{memory:?}");
        }
    }

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
