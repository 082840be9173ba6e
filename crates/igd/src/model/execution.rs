//! How pictures are judged.

use std::env;

use tch::Device;

/// The two ways, which come to the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Execution {
    /// Packed convolutions and loops of our own, whose work threads share.
    Loops,
    /// Tensors from end to end: all pictures that come together go up at once, and what they come to goes down at once.
    Tensors,
}

impl Execution {
    /// GPUs have tensors alone. So has the CPU where the environment's `IGD_TENSOR_PATH` is 1, to see there what a GPU
    /// would run.
    pub fn on(device: Device) -> Self {
        let is_asked_for = || env::var_os("IGD_TENSOR_PATH").is_some_and(|value| value == "1");
        match device {
            Device::Cpu if !is_asked_for() => Self::Loops,
            _ => Self::Tensors,
        }
    }
}
