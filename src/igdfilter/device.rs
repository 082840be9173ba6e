//! The property `device`: the name of a device, and whether this machine has it.

use tch::{Cuda, Device};

/// The device of that name. A GPU that was asked for by name and is not there is an error: falling back to the CPU in silence
/// would miss frames in a live line, and nobody would know why.
pub(super) fn select(name: &str) -> Result<Device, gst::ErrorMessage> {
    match name {
        "auto" => Ok(Device::cuda_if_available()),
        "cpu" => Ok(Device::Cpu),
        "cuda" => gpu(name, 0),
        _ => match name.strip_prefix("cuda:").map(str::parse) {
            Some(Ok(index)) => gpu(name, index),
            _ => Err(gst::error_msg!(
                gst::ResourceError::Settings,
                ("device={name}: there is no such device; use auto, cpu, cuda or cuda:N")
            )),
        },
    }
}

fn gpu(name: &str, index: usize) -> Result<Device, gst::ErrorMessage> {
    if !Cuda::is_available() {
        return Err(gst::error_msg!(
            gst::ResourceError::NotFound,
            ("device={name}: libtorch sees no CUDA device; use device=cpu, or install the driver and the GPU build of libtorch")
        ));
    }
    let count = usize::try_from(Cuda::device_count()).unwrap_or(0);
    if index >= count {
        return Err(gst::error_msg!(
            gst::ResourceError::NotFound,
            ("device={name}: this machine has {count} CUDA devices, the first is cuda:0")
        ));
    }
    Ok(Device::Cuda(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_devices() {
        gst::init().unwrap();
        assert_eq!(select("cpu").unwrap(), Device::Cpu);
        assert!(select("auto").is_ok());
        for name in ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "CPU"] {
            assert!(select(name).is_err(), "{name}");
        }
        assert!(select("cuda:4096").is_err());
    }
}
