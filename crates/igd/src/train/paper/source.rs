//! Batches for the two networks, in an order that depends on seed and epoch alone.

use std::cell::RefCell;

use tch::{Tensor, no_grad};

use super::pictures::{Pictures, Place};
use crate::nn::{Autoencoder, Local, Mode, STRIDE, patches_along};

/// Patches that are encoded together for it.
const ENCODE_BATCH: usize = 512;
/// Pictures that are encoded together: more are slower.
const FEATURE_BATCH: usize = 16;

/// Gives a trainer its pictures.
pub trait Source<N> {
    /// Steps of a pass over the data.
    fn steps_an_epoch(&self) -> usize;
    /// What a step is done with; the same for the same epoch and step.
    fn batch(&self, network: &N, epoch: usize, step: usize) -> Batch;
    /// Latents of the training data, to estimate the descriptor from: (N, latent). Of at most so many, evenly spread.
    fn latents(&self, network: &N, most: usize) -> Tensor;
    /// At most `count` of the pictures, evenly spread and always the same.
    fn examples(&self, count: usize) -> Tensor;
}

/// The pictures of a step.
pub struct Batch {
    /// (N, 3, side, side), normalised.
    pub pictures: Tensor,
    /// The encoder's, (N, features).
    pub features: Tensor,
}

/// A shuffled pass over the data.
#[derive(Debug)]
struct Order {
    length: usize,
    batch: usize,
    seed: i64,
    /// The epoch that was shuffled last, and its permutation.
    last: RefCell<Option<(usize, Vec<i64>)>>,
}

impl Order {
    fn new(length: usize, batch: usize, seed: i64) -> Self {
        Self {
            length,
            batch: batch.clamp(1, length.max(1)),
            seed,
            last: RefCell::new(None),
        }
    }

    /// What does not fill a batch is left out.
    fn steps(&self) -> usize {
        (self.length / self.batch).max(1)
    }

    fn indices(&self, epoch: usize, step: usize) -> Vec<i64> {
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_none_or(|(shuffled, _)| *shuffled != epoch) {
            let mut order: Vec<i64> = (0..self.length as i64).collect();
            self.lots(1_000_003, epoch).shuffle(&mut order);
            *last = Some((epoch, order));
        }
        let order = last.as_ref().map_or(&[][..], |(_, order)| order);
        let start = (step * self.batch).min(order.len());
        let end = (start + self.batch).min(order.len());
        order[start..end].to_vec()
    }

    /// Lots of their own for each place of a stream of draws. libtorch has one generator for all threads of the process.
    fn lots(&self, stream: i64, place: usize) -> fastrand::Rng {
        let seed = self.seed.wrapping_mul(stream).wrapping_add(place as i64);
        fastrand::Rng::with_seed(seed as u64)
    }

    /// Which of the pictures of a step are to be mirrored: (N), true or false.
    fn mirrored(&self, epoch: usize, step: usize, pictures: &Tensor) -> Tensor {
        let mut lots = self.lots(1_000_033, epoch * self.steps() + step);
        let mirrored: Vec<bool> = (0..pictures.size()[0]).map(|_| lots.bool()).collect();
        Tensor::from_slice(&mirrored).to_device(pictures.device())
    }
}

/// Mirrors the chosen pictures.
fn mirror(pictures: &Tensor, mirrored: &Tensor) -> Tensor {
    pictures
        .flip([3])
        .where_self(&mirrored.view([-1, 1, 1, 1]), pictures)
}

/// Whole pictures of either network.
pub struct WholePictures<'a> {
    pictures: &'a Pictures,
    /// (N, features) of a frozen encoder, which never change.
    features: Option<Tensor>,
    /// The same of the mirrored pictures, if there are to be such.
    mirrored: Option<Tensor>,
    flip: bool,
    order: Order,
}

impl<'a> WholePictures<'a> {
    /// `flip`: every other picture is mirrored, drawn by lot.
    pub fn new(
        pictures: &'a Pictures,
        network: &impl Autoencoder,
        batch: usize,
        flip: bool,
        seed: i64,
    ) -> Self {
        let features = |flip| no_grad(|| encode(pictures, network, flip, pictures.len()));
        let frozen = network.frozen();
        Self {
            pictures,
            features: frozen.then(|| features(false)),
            mirrored: (frozen && flip).then(|| features(true)),
            flip,
            order: Order::new(pictures.len(), batch, seed),
        }
    }
}

impl WholePictures<'_> {
    /// The features of all pictures, if the encoder is frozen.
    pub fn features(&self) -> Option<&Tensor> {
        self.features.as_ref()
    }
}

/// So many of a number of indices, evenly spread, and the same each time.
fn spread(count: usize, most: usize) -> Vec<i64> {
    let step = count.div_ceil(most).max(1);
    (0..count as i64).step_by(step).collect()
}

/// The features of pictures, as they are or mirrored.
fn encode(pictures: &Pictures, network: &impl Autoencoder, flip: bool, most: usize) -> Tensor {
    let indices = spread(pictures.len(), most);
    let features: Vec<Tensor> = indices
        .chunks(FEATURE_BATCH)
        .map(|indices| {
            let batch = pictures.batch(indices);
            let batch = if flip { batch.flip([3]) } else { batch };
            network.features(&batch, Mode::Evaluate)
        })
        .collect();
    Tensor::cat(&features, 0)
}

impl<N: Autoencoder> Source<N> for WholePictures<'_> {
    fn steps_an_epoch(&self) -> usize {
        self.order.steps()
    }

    fn batch(&self, network: &N, epoch: usize, step: usize) -> Batch {
        let indices = self.order.indices(epoch, step);
        let mut pictures = self.pictures.batch(&indices);
        let places = Tensor::from_slice(&indices).to_device(pictures.device());
        let mut features = self
            .features
            .as_ref()
            .map(|all| all.index_select(0, &places));
        if self.flip {
            let mirrored = self.order.mirrored(epoch, step, &pictures);
            pictures = mirror(&pictures, &mirrored);
            features = features.zip(self.mirrored.as_ref()).map(|(features, all)| {
                all.index_select(0, &places)
                    .where_self(&mirrored.view([-1, 1]), &features)
            });
        }
        let features = features.unwrap_or_else(|| network.features(&pictures, Mode::Train));
        Batch { pictures, features }
    }

    fn latents(&self, network: &N, most: usize) -> Tensor {
        match &self.features {
            Some(features) => {
                let indices = Tensor::from_slice(&spread(self.order.length, most));
                let indices = indices.to_device(features.device());
                network.latent(&features.index_select(0, &indices))
            }
            None => network.latent(&encode(self.pictures, network, false, most)),
        }
    }

    fn examples(&self, count: usize) -> Tensor {
        self.pictures.batch(&spread(self.order.length, count))
    }
}

/// Patches of all pictures, at the places where inference cuts them.
pub struct Patches<'a> {
    pictures: &'a Pictures,
    /// Patches along a picture's side.
    along: i64,
    flip: bool,
    order: Order,
}

impl<'a> Patches<'a> {
    /// `flip`: every other patch is mirrored, drawn by lot.
    pub fn new(pictures: &'a Pictures, batch: usize, flip: bool, seed: i64) -> Self {
        let along = patches_along(pictures.side());
        let patches = pictures.len() * (along * along) as usize;
        Self {
            pictures,
            along,
            flip,
            order: Order::new(patches, batch, seed),
        }
    }

    fn cut(&self, indices: &[i64]) -> Tensor {
        let patches = self.along * self.along;
        self.pictures.patches(indices.iter().map(|index| {
            let patch = index % patches;
            Place {
                picture: index / patches,
                x: STRIDE * (patch % self.along),
                y: STRIDE * (patch / self.along),
            }
        }))
    }
}

impl Source<Local> for Patches<'_> {
    fn steps_an_epoch(&self) -> usize {
        self.order.steps()
    }

    fn batch(&self, network: &Local, epoch: usize, step: usize) -> Batch {
        let indices = self.order.indices(epoch, step);
        let mut patches = self.cut(&indices);
        if self.flip {
            patches = mirror(&patches, &self.order.mirrored(epoch, step, &patches));
        }
        let features = if network.frozen() {
            no_grad(|| network.features(&patches, Mode::Evaluate))
        } else {
            network.features(&patches, Mode::Train)
        };
        Batch {
            pictures: patches,
            features,
        }
    }

    fn latents(&self, network: &Local, most: usize) -> Tensor {
        let latents: Vec<Tensor> = spread(self.order.length, most)
            .chunks(ENCODE_BATCH)
            .map(|indices| network.latent(&network.features(&self.cut(indices), Mode::Evaluate)))
            .collect();
        Tensor::cat(&latents, 0)
    }

    fn examples(&self, count: usize) -> Tensor {
        self.cut(&spread(self.order.length, count))
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use tch::Device;

    use super::*;
    use crate::data::Sample;
    use crate::nn::{
        Builder, EncoderKind, Global, GlobalConfig, LocalConfig, LocalEncoderKind, Normalisation,
        PATCH, PICTURE, resnet18::Resnet18,
    };
    use crate::train::reader::Reading;

    /// So many pictures of noise with sides of so many pixels.
    fn noise(count: u64, side: i64) -> Pictures {
        let folder = tempfile::tempdir().unwrap();
        let samples: Vec<Sample> = (0..count)
            .map(|number| {
                let path = folder.path().join(format!("{number}.png"));
                let mut values = vec![0; (3 * side * side) as usize];
                fastrand::Rng::with_seed(number).fill(&mut values);
                let picture = RgbImage::from_vec(side as u32, side as u32, values).unwrap();
                picture.save(&path).unwrap();
                path.into()
            })
            .collect();
        let reading = Reading {
            size: (side as usize, side as usize),
            significant_bits: None,
        };
        let usual = &Normalisation::IMAGENET;
        Pictures::load(&samples, reading, usual, Device::Cpu, |_, rgb| {
            rgb.map(drop)
        })
        .unwrap()
    }

    /// Stands on a ResNet-18 of drawn weights, which is frozen.
    fn frozen_global() -> Global {
        tch::manual_seed(1);
        let builder = Builder::for_training(Default::default(), Device::Cpu);
        Resnet18::new(&builder.root() / "pretrain").unwrap();
        let encoder = builder.finish().unwrap().into_iter();
        let given = encoder
            .map(|(name, weight)| (name, weight.tensor))
            .collect();
        let config = GlobalConfig {
            encoder: EncoderKind::Resnet18,
            width: 1,
            latent: 2,
        };
        let builder = Builder::for_training(given, Device::Cpu);
        Global::new(builder.root(), &config, &Normalisation::IMAGENET).unwrap()
    }

    /// Which pictures of a batch are those of another batch mirrored; the rest are the same.
    fn mirrored(batch: &Tensor, plain: &Tensor) -> Vec<bool> {
        let is_same =
            |one: &Tensor, other: &Tensor| (one - other).abs().max().double_value(&[]) == 0.0;
        (0..batch.size()[0])
            .map(|index| {
                let (one, other) = (batch.get(index), plain.get(index));
                let is_mirrored = is_same(&one, &other.flip([2]));
                assert!(is_mirrored != is_same(&one, &other));
                is_mirrored
            })
            .collect()
    }

    fn some_but_not_all(mirrored: &[bool]) -> bool {
        mirrored.contains(&true) && mirrored.contains(&false)
    }

    #[test]
    fn mirrored_features_are_those_of_mirrored_pictures() {
        let _guard = tch::no_grad_guard();
        let (pictures, network) = (noise(6, PICTURE), frozen_global());
        let source = |flip| WholePictures::new(&pictures, &network, 6, flip, 3);
        let batch = source(true).batch(&network, 2, 0);
        let (batch, features) = (batch.pictures, batch.features);
        let plain = source(false).batch(&network, 2, 0).pictures;
        assert!(some_but_not_all(&mirrored(&batch, &plain)));
        let expected = network.features(&batch, Mode::Evaluate);
        let largest = expected.abs().max().double_value(&[]);
        let difference = (&features - &expected).abs().max().double_value(&[]);
        assert!(difference < 1e-4 * largest, "{difference} of {largest}");
        // The features of the other way round are told apart by that.
        let others = network.features(&batch.flip([3]), Mode::Evaluate);
        let difference = (features - others).abs().max().double_value(&[]);
        assert!(difference > 1e-2 * largest, "{difference} of {largest}");
    }

    #[test]
    fn patches_are_mirrored_by_lot() {
        let _guard = tch::no_grad_guard();
        let config = LocalConfig {
            encoder: LocalEncoderKind::Tower,
            frozen_encoder: false,
            encoder_width: 1,
            width: 1,
            latent: 2,
        };
        let builder = Builder::for_training(Default::default(), Device::Cpu);
        let network = Local::new(builder.root(), &config, &Normalisation::IMAGENET).unwrap();
        for side in [PATCH, 64] {
            let pictures = noise(12, side);
            let batch = |flip, epoch| {
                let source = Patches::new(&pictures, 12, flip, 3);
                source.batch(&network, epoch, 0).pictures
            };
            let of_epoch = |epoch| mirrored(&batch(true, epoch), &batch(false, epoch));
            assert!(some_but_not_all(&of_epoch(0)));
            assert_eq!(of_epoch(1), of_epoch(1));
            assert_ne!(of_epoch(0), of_epoch(1));
        }
    }

    #[test]
    fn examples_are_evenly_spread() {
        assert_eq!(spread(5, 8), [0, 1, 2, 3, 4]);
        assert_eq!(spread(16, 4), [0, 4, 8, 12]);
        assert_eq!(spread(17, 4), [0, 5, 10, 15]);
        assert!(spread(0, 4).is_empty());
    }
}
