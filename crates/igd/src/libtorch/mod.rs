//! What we need of libtorch that tch does not give: its GPUs, chosen by name, the memory of its tensors, oneDNN's
//! convolutions with packed weights, threads that share tensors and do not wait for each other, and an end of the
//! process that waits for them; and which libtorch it is.

mod allocator;
mod build;
mod convolution;
mod cuda;
mod device;
mod exit;
mod guard;
mod memory;
mod sync_ref;
mod workers;

pub use allocator::KeptBlocks;
pub use build::{loaded_from, version};
pub(crate) use convolution::{Geometry, PackedConvolution, Then};
pub use cuda::{CudaError, cuda_half, open_cuda};
pub use device::{Choice, DeviceError, choose_device};
pub use exit::{Work, end_without_destroying};
pub use guard::guarded;
pub(crate) use sync_ref::SyncRef;
pub(crate) use workers::{Workers, alone};
pub use workers::{give_way, take_what_is_left};
