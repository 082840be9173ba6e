//! The device of a name that a user gives.

use tch::{Cuda, Device};

use super::cuda::{CudaError, open_cuda};

/// Why there is no device of a name. The text tells the user what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// It is no name of a device.
    #[error("there is no such device; use auto, cpu, cuda or cuda:N")]
    Unknown,
    /// A GPU was asked for, and none can be used.
    #[error("{0}; or use the device cpu")]
    Unusable(#[from] CudaError),
    /// There are fewer GPUs.
    #[error("this machine has {count} CUDA devices, the first is cuda:0")]
    Missing {
        /// How many there are.
        count: usize,
    },
}

/// A device, and why it was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The CPU or one of the GPUs.
    pub device: Device,
    /// For people, in a few words.
    pub reason: String,
}

/// The device of a name: `cpu`, `cuda` (the first GPU), `cuda:N`, or `auto` (the first GPU where one is usable, else
/// the CPU). A GPU that was asked for by name and is not usable is an error: falling back to the CPU in silence would
/// miss frames in a live line, and nobody would know why.
pub fn choose_device(name: &str) -> Result<Choice, DeviceError> {
    let (device, reason) = match name {
        "auto" => match open_cuda() {
            Ok(()) => (Device::Cuda(0), "a GPU is usable".to_owned()),
            Err(error) => (Device::Cpu, error.to_string()),
        },
        "cpu" => (Device::Cpu, "as asked for".to_owned()),
        _ => (gpu(name)?, "as asked for".to_owned()),
    };
    Ok(Choice { device, reason })
}

fn gpu(name: &str) -> Result<Device, DeviceError> {
    let index = match name.strip_prefix("cuda") {
        Some("") => 0,
        Some(rest) => rest
            .strip_prefix(':')
            .and_then(|index| index.parse().ok())
            .ok_or(DeviceError::Unknown)?,
        None => return Err(DeviceError::Unknown),
    };
    open_cuda()?;
    let count = usize::try_from(Cuda::device_count()).unwrap_or(0);
    if index < count {
        Ok(Device::Cuda(index))
    } else {
        Err(DeviceError::Missing { count })
    }
}

#[cfg(test)]
mod tests {
    use tch::{Kind, Tensor};

    use super::*;

    #[test]
    fn names() {
        assert_eq!(choose_device("cpu").unwrap().device, Device::Cpu);
        for name in ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda0", "CPU"] {
            assert_eq!(choose_device(name), Err(DeviceError::Unknown), "{name}");
        }
    }

    #[test]
    fn a_gpu_by_name_is_the_gpu_or_an_error_that_says_what_to_do() {
        match (open_cuda(), choose_device("cuda")) {
            (Ok(()), choice) => assert_eq!(choice.unwrap().device, Device::Cuda(0)),
            (Err(reason), choice) => {
                let error = choice.unwrap_err();
                assert_eq!(error, DeviceError::Unusable(reason.clone()));
                assert_eq!(
                    error.to_string(),
                    format!("{reason}; or use the device cpu")
                );
            }
        }
        assert!(choose_device("cuda:4096").is_err());
    }

    #[test]
    fn auto_falls_back_and_says_why() {
        let choice = choose_device("auto").unwrap();
        match open_cuda() {
            Ok(()) => assert_eq!(choice.device, Device::Cuda(0)),
            Err(reason) => {
                assert_eq!(choice.device, Device::Cpu);
                assert_eq!(choice.reason, reason.to_string());
            }
        }
    }

    #[test]
    fn a_gpu_computes() {
        let device = match choose_device("cuda") {
            Ok(choice) => choice.device,
            Err(reason) => return eprintln!("skipped, {reason}"),
        };
        let sum = Tensor::ones([3, 4], (Kind::Float, device)).sum(Kind::Float);
        assert_eq!(sum.double_value(&[]), 12.0);
    }
}
