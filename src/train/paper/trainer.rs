//! The training of one network against its critic: the EM alternation of the paper's Algorithm 1.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tch::{Device, Kind, Tensor};

use super::adam::Adam;
use super::checkpoint::Progress;
use super::clock::Clock;
use super::losses::{Adversary, Losses, gradients};
use crate::criterion::{Descriptor, MsSsim};
use crate::model::{Scale, Tensors, tensors_of};
use crate::nn::{Autoencoder, Builder, Critic, Weights, WeightsError};

/// The E step re-estimates the descriptor so many times, evenly spread over the training: every ten of the paper's 256 epochs.
const ESTIMATES: f64 = 25.6;
/// Latents that it does so from: more would cost a short training much of its time.
const ESTIMATE_LATENTS: usize = 1_024;
/// And at the end.
const FINAL_LATENTS: usize = 16_384;
/// L2 regularisation of encoder and decoder.
const WEIGHT_DECAY: f64 = 1e-6;

/// Gives a trainer its pictures.
pub trait Source<N> {
    /// Steps of a pass over the data.
    fn steps_an_epoch(&self) -> usize;
    /// The pictures of a step and their features; the same for the same epoch and step.
    fn batch(&self, network: &N, epoch: usize, step: usize) -> (Tensor, Tensor);
    /// Latents of the training data, to estimate the descriptor from: (N, latent). Of at most so many, evenly spread.
    fn latents(&self, network: &N, most: usize) -> Tensor;
}

/// Losses of a step, as numbers.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub struct StepLosses {
    pub reconstruction: f64,
    pub gaussian: f64,
    pub interpolation: f64,
    pub critic: f64,
}

impl StepLosses {
    /// Of encoder, decoder and critic.
    pub fn total(&self) -> f64 {
        self.reconstruction + self.gaussian + self.interpolation + self.critic
    }
}

/// What a run reports after each step.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// `global` or `local`.
    pub scale: &'a str,
    pub epoch: usize,
    pub progress: f64,
    pub left: Option<Duration>,
    pub losses: StepLosses,
}

/// A network in training with all that belongs to it.
pub struct Trainer<N> {
    pub scale: Scale<N>,
    pub weights: Weights,
    critic: Critic,
    critic_weights: Weights,
    criterion: MsSsim,
    generator_adam: Adam,
    critic_adam: Adam,
    pub clock: Clock,
    learning_rate: f64,
    interpolation: f64,
    checkpoint_interval: Duration,
    seed: i64,
    saved: Instant,
    /// How often the descriptor was due to be estimated, so far.
    estimated: usize,
}

/// What a trainer is made of, besides the weights.
pub struct Setup {
    pub criterion: MsSsim,
    pub learning_rate: f64,
    /// Share of the interpolation loss in the total; 0: there is no critic.
    pub interpolation: f64,
    pub checkpoint_interval: Duration,
    pub seed: i64,
}

impl<N: Autoencoder> Trainer<N> {
    /// `given` are weights of the network that are not drawn, such as a frozen encoder's.
    pub fn new(
        setup: Setup,
        given: Tensors,
        network: impl FnOnce(&Builder) -> Result<Scale<N>, WeightsError>,
        critic: impl FnOnce(&Builder) -> Result<Critic, WeightsError>,
    ) -> Result<Self, WeightsError> {
        tch::manual_seed(setup.seed);
        let builder = Builder::for_training(given, Device::Cpu);
        let scale = network(&builder)?;
        let weights = builder.finish()?;
        let builder = Builder::for_training(HashMap::new(), Device::Cpu);
        let critic = critic(&builder)?;
        let critic_weights = builder.finish()?;
        Ok(Self {
            generator_adam: Adam::new(&weights, WEIGHT_DECAY),
            critic_adam: Adam::new(&critic_weights, 0.0),
            scale,
            weights,
            critic,
            critic_weights,
            criterion: setup.criterion,
            clock: Clock::new(1, 0, None),
            learning_rate: setup.learning_rate,
            interpolation: setup.interpolation,
            checkpoint_interval: setup.checkpoint_interval,
            seed: setup.seed,
            saved: Instant::now(),
            estimated: 0,
        })
    }

    /// Sets weight and bias of a linear layer.
    pub fn start_latent_layer(&mut self, layer: &str, (weight, bias): &(Tensor, Tensor)) {
        tch::no_grad(|| {
            for (name, value) in [("weight", weight), ("bias", bias)] {
                if let Some(part) = self.weights.get_mut(&format!("{layer}.{name}")) {
                    part.tensor.copy_(value);
                }
            }
        });
    }

    /// Trains until the clock is through, or `report` fails. `checkpoint` is called when one is due.
    pub fn run<E>(
        &mut self,
        source: &impl Source<N>,
        name: &str,
        mut report: impl FnMut(Report) -> Result<(), E>,
        mut checkpoint: impl FnMut(&Self) -> Result<(), E>,
    ) -> Result<(), E> {
        while self.clock.progress() < 1.0 {
            let epoch = self.clock.epoch();
            let due = 1 + (self.clock.progress() * ESTIMATES) as usize;
            if self.estimated < due {
                self.estimate_descriptor(source, ESTIMATE_LATENTS);
                self.estimated = due;
            }
            let (pictures, features) =
                source.batch(&self.scale.network, epoch, self.clock.step_of_epoch());
            let losses = self.step(&pictures, &features);
            self.clock.tick();
            report(Report {
                scale: name,
                epoch: self.clock.epoch(),
                progress: self.clock.progress().min(1.0),
                left: self.clock.left(),
                losses,
            })?;
            if self.saved.elapsed() >= self.checkpoint_interval {
                checkpoint(self)?;
                self.saved = Instant::now();
            }
        }
        // The latents have moved since the last E step, in a short training far: the model keeps where they are now.
        self.estimate_descriptor(source, FINAL_LATENTS);
        Ok(())
    }

    /// The E step.
    fn estimate_descriptor(&mut self, source: &impl Source<N>, latents: usize) {
        tch::no_grad(|| {
            let Descriptor { c, sigma } =
                Descriptor::estimate(&source.latents(&self.scale.network, latents));
            self.scale.descriptor.c.copy_(&c);
            self.scale.descriptor.sigma.copy_(&sigma);
        });
    }

    /// The M step: encoder and decoder, then the critic. `features` are the encoder's of `pictures`.
    pub fn step(&mut self, pictures: &Tensor, features: &Tensor) -> StepLosses {
        let rate = self.learning_rate * self.clock.decay();
        // Draws depend on the place alone, so that a resumed run draws the same.
        tch::manual_seed(self.seed.wrapping_add(self.clock.steps() as i64));
        let adversary = Adversary {
            critic: &self.critic,
            share: self.interpolation,
        };
        let losses = Losses::compute(
            &self.scale.network,
            (self.interpolation > 0.0).then_some(adversary),
            &self.criterion,
            &self.scale.descriptor,
            pictures,
            features,
            &Losses::draw_shares(pictures),
        );
        // The critic's loss goes back through a part of the same graph.
        let total = gradients(&losses.total, &self.weights, self.interpolation > 0.0);
        self.generator_adam.step(&mut self.weights, total, rate);
        let critic_loss = losses.critic(&self.critic, pictures);
        if let Some(loss) = &critic_loss {
            let critic = gradients(loss, &self.critic_weights, false);
            self.critic_adam
                .step(&mut self.critic_weights, critic, rate);
        }
        let number = |loss: &Tensor| loss.to_kind(Kind::Double).double_value(&[]);
        StepLosses {
            reconstruction: number(&losses.reconstruction),
            gaussian: number(&losses.gaussian),
            interpolation: number(&losses.interpolation),
            critic: critic_loss.as_ref().map_or(0.0, number),
        }
    }

    /// The network's tensors as they are now, apart from the training.
    pub fn trained(&self) -> impl Iterator<Item = (String, Tensor)> {
        tensors_of(&self.weights)
            .into_iter()
            .map(|(name, tensor)| (name, tensor.copy()))
    }

    /// Everything a checkpoint needs.
    pub fn state(&self, run: &str) -> (Progress, Vec<(String, Tensor)>) {
        let progress = Progress {
            run: run.to_owned(),
            steps: self.clock.steps(),
            seconds: self.clock.elapsed().as_secs_f64(),
            estimates: self.estimated,
        };
        let parts = [
            ("network", tensors_of(&self.weights)),
            ("critic", tensors_of(&self.critic_weights)),
            ("generator_adam", self.generator_adam.state()),
            ("critic_adam", self.critic_adam.state()),
        ];
        let tensors = parts
            .into_iter()
            .flat_map(|(part, tensors)| {
                tensors
                    .into_iter()
                    .map(move |(name, tensor)| (format!("{part}/{name}"), tensor))
            })
            .collect();
        (progress, tensors)
    }

    /// Goes on from a checkpoint; fails with the name of an entry that is missing or has another shape.
    pub fn restore(&mut self, progress: &Progress, tensors: Tensors) -> Result<(), String> {
        let mut parts: HashMap<String, Tensors> = HashMap::new();
        for (entry, tensor) in tensors {
            if let Some((part, name)) = entry.split_once('/') {
                parts
                    .entry(part.to_owned())
                    .or_default()
                    .insert(name.to_owned(), tensor);
            }
        }
        let mut part = |name: &str| parts.remove(name).unwrap_or_default();
        copy_into(&mut self.weights, &mut part("network"))?;
        copy_into(&mut self.critic_weights, &mut part("critic"))?;
        let steps = progress.steps as i32;
        self.generator_adam
            .restore(&mut part("generator_adam"), steps)?;
        self.critic_adam.restore(&mut part("critic_adam"), steps)?;
        self.clock.resume(progress.steps, progress.elapsed());
        self.estimated = progress.estimates;
        Ok(())
    }
}

fn copy_into(weights: &mut Weights, saved: &mut Tensors) -> Result<(), String> {
    tch::no_grad(|| {
        for (name, weight) in weights.iter_mut() {
            match saved.remove(name) {
                Some(tensor) if tensor.size() == weight.tensor.size() => {
                    weight.tensor.copy_(&tensor);
                }
                _ => return Err(name.clone()),
            }
        }
        Ok(())
    })
}
