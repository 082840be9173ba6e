//! What we need of libtorch that tch does not give: its GPUs, chosen by name, and the memory of its tensors.

mod allocator;
mod cuda;
mod device;

pub use allocator::KeptBlocks;
pub use cuda::{CudaError, open_cuda};
pub use device::{Choice, DeviceError, choose_device};
