//! A test set of ten classes, judged by networks in batches.

use std::path::Path;

use igd::criterion::{MsSsim, ScoreWeights, reconstruction};
use igd::data::{Selection, test_pictures};
use igd::eval::auroc;
use igd::model::Described;
use igd::nn::{Autoencoder, Local, Mode, Normalisation};
use tch::{Device, Tensor, no_grad};

use super::{Measures, RANGE, SIDE};

/// Pictures that are judged together.
const BATCH: i64 = 50;

pub struct TestSet {
    /// (N, 3, 32, 32), normalised.
    pictures: Tensor,
    classes: Vec<u8>,
    /// Of the frozen encoder, which is the same in all networks that have one.
    features: Option<Tensor>,
}

impl TestSet {
    pub fn read(data: &Path) -> Self {
        let selection = Selection {
            class: Some(0),
            ..Selection::default()
        };
        let test = test_pictures(data, &selection).unwrap();
        let side = SIDE as usize;
        let pictures: Vec<Tensor> = test
            .iter()
            .map(|picture| normalised(&picture.sample.open().unwrap().resized((side, side))))
            .collect();
        Self {
            pictures: Tensor::stack(&pictures, 0),
            classes: test
                .iter()
                .map(|picture| picture.kind.parse().unwrap())
                .collect(),
            features: None,
        }
    }

    /// The pictures of one class.
    pub fn of_class(&self, class: u8) -> Tensor {
        let places = (0..).zip(&self.classes).filter(|(_, of)| **of == class);
        let places: Vec<i64> = places.map(|(place, _)| place).collect();
        self.pictures.index_select(0, &Tensor::from_slice(&places))
    }

    /// AUROC of the Gaussian term: the rare class, or where there is none the one that is normal, against all that are
    /// neither.
    pub fn gaussian(&mut self, scale: &Described<Local>, selection: &Selection) -> Measures {
        let distances = self.distances(scale);
        vec![("Gaussian", self.area(&distances, selection))]
    }

    /// The same of the score and both its terms.
    pub fn score(&mut self, scale: &Described<Local>, selection: &Selection) -> Measures {
        let distances = self.distances(scale);
        let errors = self.errors(scale);
        let weights = match scale.network.frozen() {
            true => ScoreWeights::SINGLE_IMAGENET,
            false => ScoreWeights::SINGLE,
        };
        let terms = errors.iter().zip(&distances);
        let scores: Vec<f32> = terms
            .map(|(error, distance)| weights.local.mix(*error, *distance))
            .collect();
        vec![
            ("score", self.area(&scores, selection)),
            ("reconstruction", self.area(&errors, selection)),
            ("Gaussian", self.area(&distances, selection)),
        ]
    }

    fn area(&self, scores: &[f32], selection: &Selection) -> f64 {
        let (class, rare) = (selection.class, selection.rare_class);
        let of = |wanted: &dyn Fn(Option<u8>) -> bool| -> Vec<f32> {
            let all = scores.iter().zip(&self.classes);
            let chosen = all.filter(|(_, of)| wanted(Some(**of)));
            chosen.map(|(score, _)| *score).collect()
        };
        let normal = of(&|of| of == rare.or(class));
        let anomalous = of(&|of| of != rare && of != class);
        auroc(&normal, &anomalous).unwrap()
    }

    fn distances(&mut self, scale: &Described<Local>) -> Vec<f32> {
        let latents = self.latents(&scale.network);
        floats(&no_grad(|| scale.descriptor.distance(&latents)))
    }

    fn errors(&mut self, scale: &Described<Local>) -> Vec<f32> {
        let criterion = MsSsim::local(RANGE, Device::Cpu);
        let latents = self.latents(&scale.network);
        let batches = self.pictures.split(BATCH, 0);
        let errors = batches
            .iter()
            .zip(latents.split(BATCH, 0))
            .map(|(pictures, z)| {
                no_grad(|| {
                    let made = scale.network.generate(&z, Mode::Evaluate);
                    let similarity = criterion.compare(pictures, &made).value;
                    reconstruction(pictures, &made, &similarity, RANGE)
                })
            });
        floats(&Tensor::cat(&errors.collect::<Vec<_>>(), 0))
    }

    fn latents(&mut self, network: &Local) -> Tensor {
        let pictures = &self.pictures;
        let features = match network.frozen() {
            true => self
                .features
                .get_or_insert_with(|| encoded(network, pictures))
                .shallow_clone(),
            false => encoded(network, pictures),
        };
        no_grad(|| network.latent(&features))
    }
}

fn encoded(network: &Local, pictures: &Tensor) -> Tensor {
    let batches = pictures.split(BATCH, 0);
    let features = batches
        .iter()
        .map(|batch| no_grad(|| network.features(batch, Mode::Evaluate)));
    Tensor::cat(&features.collect::<Vec<_>>(), 0)
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor).unwrap()
}

/// As training and inference have it: of whole values.
fn normalised(rgb: &[f32]) -> Tensor {
    let Normalisation { mean, std } = Normalisation::IMAGENET;
    let of_channels =
        |values: [f64; 3]| Tensor::from_slice(&values.map(|value| value as f32)).view([3, 1, 1]);
    let picture = Tensor::from_slice(rgb).view([3, SIDE, SIDE]).round();
    (picture / 255.0 - of_channels(mean)) / of_channels(std)
}
