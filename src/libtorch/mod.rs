//! What we need of libtorch that tch does not give: its GPUs, chosen by name, the memory of its tensors, and oneDNN's
//! convolutions with packed weights.

mod allocator;
mod convolution;
mod cuda;
mod device;

pub use allocator::KeptBlocks;
pub use convolution::{Geometry, PackedConvolution, Then};
pub use cuda::{CudaError, open_cuda};
pub use device::{Choice, DeviceError, choose_device};
