//! What the networks compute in.

use std::fmt::{self, Display};
use std::panic::catch_unwind;
use std::str::FromStr;

use tch::{Device, Kind, Tensor};

use super::execution::Execution;

/// Which numbers the networks' convolutions and matrices are made of. Latents, residuals, scores and maps are f32
/// always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// bf16 where the hardware multiplies it faster (CPUs with AVX512-BF16, GPUs with tensor cores), f32 elsewhere.
    #[default]
    Auto,
    /// Single precision.
    F32,
    /// Half the bits, the same range.
    Bf16,
    /// Half the bits, on GPUs.
    F16,
}

/// The precision is not to be had on that device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("precision=f16 needs a GPU: on the CPU use auto, f32 or bf16")]
pub struct NoHalfPrecision;

impl Precision {
    /// What this means on a device. Fails for f16 on the CPU.
    pub fn on(self, device: Device) -> Result<Kind, NoHalfPrecision> {
        match (self, device) {
            (Self::F32, _) => Ok(Kind::Float),
            (Self::Bf16, _) => Ok(Kind::BFloat16),
            (Self::F16, device) if Execution::on(device) == Execution::Loops => {
                Err(NoHalfPrecision)
            }
            (Self::F16, _) => Ok(Kind::Half),
            (Self::Auto, Device::Cpu) if multiplies_bf16() => Ok(Kind::BFloat16),
            (Self::Auto, Device::Cpu) => Ok(Kind::Float),
            // GPUs before Ampere lack bf16.
            (Self::Auto, _) => Ok([Kind::BFloat16, Kind::Half]
                .into_iter()
                .find(|&kind| convolves(kind, device))
                .unwrap_or(Kind::Float)),
        }
    }
}

/// What users call them.
const NAMES: [(Precision, &str); 4] = [
    (Precision::Auto, "auto"),
    (Precision::F32, "f32"),
    (Precision::Bf16, "bf16"),
    (Precision::F16, "f16"),
];

impl Display for Precision {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let known = NAMES.iter().find(|(precision, _)| precision == self);
        out.write_str(known.map_or("", |(_, name)| name))
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = NAMES.iter().find(|(_, name)| *name == text);
        known
            .map(|&(precision, _)| precision)
            .ok_or_else(|| format!("there is no precision {text}; use auto, f32, bf16 or f16"))
    }
}

/// Whether this CPU multiplies bf16 faster than f32. All with AMX have AVX512-BF16 too.
#[cfg(target_arch = "x86_64")]
fn multiplies_bf16() -> bool {
    is_x86_feature_detected!("avx512bf16")
}

#[cfg(not(target_arch = "x86_64"))]
fn multiplies_bf16() -> bool {
    false
}

/// Whether the device has convolutions of that kind at all.
fn convolves(kind: Kind, device: Device) -> bool {
    catch_unwind(|| {
        let ones = Tensor::ones([1, 1, 4, 4], (kind, device));
        ones.conv2d(&ones, None::<Tensor>, [1, 1], [0, 0], [1, 1], 1)
            .to_kind(Kind::Float)
            .double_value(&[0, 0, 0, 0])
    })
    .is_ok_and(|sum| sum == 16.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (precision, name) in [
            (Precision::Auto, "auto"),
            (Precision::F32, "f32"),
            (Precision::Bf16, "bf16"),
            (Precision::F16, "f16"),
        ] {
            assert_eq!(precision.to_string(), name);
            assert_eq!(name.parse(), Ok(precision));
        }
        assert!("fp32".parse::<Precision>().is_err());
    }

    #[test]
    fn the_cpu_has_no_f16() {
        assert_eq!(Precision::F16.on(Device::Cpu), Err(NoHalfPrecision));
        assert_eq!(Precision::Bf16.on(Device::Cpu), Ok(Kind::BFloat16));
    }
}
