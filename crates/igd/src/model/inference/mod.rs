//! From a picture to its raw score and map.

mod dense;
mod paper;
mod stages;

use rayon::ThreadPoolBuildError;
use tch::{Device, Kind, Tensor};

use self::dense::Dense;
pub use self::dense::{Extractor, PlacesView};
use self::paper::Paper;
pub use self::stages::{Stage, StageTimes};
use super::config::ModelConfig;
use super::detection::{InputPicture, RawDetection};
use super::execution::Execution;
use super::networks::{Networks, ProfileNetworks};
use crate::nn::dense::Features;

/// A model's networks and its criterion.
#[derive(Debug)]
pub enum Inference {
    Paper(Box<Paper>),
    Dense(Box<Dense>),
}

impl Inference {
    /// `device` is where the networks are, `kind` what they shall compute in. Fails when the system gives no threads.
    pub fn new(
        config: &ModelConfig,
        networks: Networks,
        device: Device,
        kind: Kind,
        execution: Execution,
    ) -> Result<Self, ThreadPoolBuildError> {
        match (config, networks.profile) {
            (ModelConfig::Paper(config), ProfileNetworks::Paper(networks)) => {
                Paper::new(config, *networks, device, kind, execution)
                    .map(|paper| Self::Paper(Box::new(paper)))
            }
            (ModelConfig::Dense(config), ProfileNetworks::Dense(networks)) => {
                Dense::new(config, *networks, device, kind, execution)
                    .map(|dense| Self::Dense(Box::new(dense)))
            }
            _ => unreachable!("networks are built after their config"),
        }
    }

    /// Threads that share a picture's work on the CPU.
    pub fn threads(&self) -> usize {
        match self {
            Self::Paper(paper) => paper.threads(),
            Self::Dense(dense) => dense.threads(),
        }
    }

    /// Where the time of all pictures so far went.
    pub fn stages(&self) -> &StageTimes {
        match self {
            Self::Paper(paper) => &paper.stages,
            Self::Dense(dense) => &dense.stages,
        }
    }

    pub fn stages_mut(&mut self) -> &mut StageTimes {
        match self {
            Self::Paper(paper) => &mut paper.stages,
            Self::Dense(dense) => &mut dense.stages,
        }
    }

    /// Judges pictures of the model's size; their maps have that size already. What several together cost less than one
    /// after the other depends on the model.
    ///
    /// Panics where libtorch throws: out of memory, or a GPU that was lost.
    pub fn run(&mut self, pictures: &mut [&mut InputPicture]) {
        match self {
            Self::Paper(paper) => paper.run(pictures),
            Self::Dense(dense) => dense.run(pictures),
        }
    }

    /// As [`run`](Self::run), from the features of all tiles (N) of a dense model's picture; the score of other models
    /// is not a number.
    pub fn measure(&mut self, features: &Features, raw: &mut RawDetection) {
        match self {
            Self::Paper(_) => raw.score = f32::NAN,
            Self::Dense(dense) => dense.measure(features, raw),
        }
    }

    /// The same, from what the places of each tile are.
    pub fn measure_places(&mut self, tiles: &[PlacesView], raw: &mut RawDetection) {
        match self {
            Self::Paper(_) => raw.score = f32::NAN,
            Self::Dense(dense) => dense.measure_places(tiles, raw),
        }
    }

    /// A dense model fills in [`RawDetection::departure`] from now on.
    pub fn tell_departures(&mut self) {
        if let Self::Dense(dense) = self {
            dense.tell_departures();
        }
    }
}

/// Pictures of width and height, planar R, G, B, as one tensor on the device: (N, 3, height, width).
fn upload<'a>(
    pictures: impl IntoIterator<Item = &'a [f32]>,
    [width, height]: [usize; 2],
    device: Device,
) -> Tensor {
    let pictures = pictures.into_iter().map(|rgb| {
        let picture = Tensor::from_slice(rgb).view([1, 3, height as i64, width as i64]);
        match device {
            Device::Cpu => picture,
            // From page-locked memory the copy goes on by itself while the CPU queues what follows.
            _ => picture
                .pin_memory(device)
                .to_device_(device, Kind::Float, true, false),
        }
    });
    Tensor::cat(&pictures.collect::<Vec<_>>(), 0)
}

/// Fills `values`, whose memory is kept, with a tensor's numbers, which are f32.
///
/// Panics where libtorch throws or the numbers are of another kind: values that were made up would be judged as normal.
fn copy_to(values: &mut Vec<f32>, tensor: &Tensor) {
    values.resize(tensor.numel(), 0.0);
    tensor.copy_data(values, tensor.numel());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libtorch::guarded;

    #[test]
    fn numbers_are_copied_or_it_fails() {
        let options = |kind| (kind, Device::Cpu);
        let mut values = vec![9.0; 7];
        copy_to(&mut values, &Tensor::ones([2, 2], options(Kind::Float)));
        assert_eq!(values, [1.0; 4]);
        for kind in [Kind::Double, Kind::BFloat16, Kind::Int64] {
            let tensor = Tensor::ones([2], options(kind));
            let failed = guarded(|| copy_to(&mut Vec::new(), &tensor));
            assert!(failed.is_err(), "{kind:?}");
        }
    }
}
