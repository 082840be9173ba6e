//! The training of one network against its critic: the EM alternation of the paper's Algorithm 1.

use std::collections::HashMap;
use std::time::Duration;

use image::RgbImage;
use tch::{Device, Kind, Tensor};

use super::adam::Adam;
use super::checkpoint::Progress;
use super::clock::Clock;
use super::look::above_each_other;
use super::losses::{Adversary, Losses, gradients};
use super::options::Length;
use super::source::{Batch, Source};
use super::whitening::{Start, Whitening};
use crate::criterion::{Descriptor, MsSsim};
use crate::model::{Described, Tensors, tensors_of};
use crate::nn::{Autoencoder, Builder, Critic, Mode, Role, Weights, WeightsError};

/// The E step re-estimates the descriptor so many times, evenly spread over the training: every ten of the paper's 256
/// epochs.
const ESTIMATES: f64 = 25.6;
/// Latents that it does so from: more would cost a short training much of its time.
const ESTIMATE_LATENTS: usize = 1_024;
/// And at the end.
const FINAL_LATENTS: usize = 16_384;
/// L2 regularisation of encoder and decoder.
const WEIGHT_DECAY: f64 = 1e-6;
/// Pictures beside each other where reconstructions are looked at.
const LOOKED_AT: usize = 8;

/// Losses of a step, as numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepLosses {
    /// Of reconstructing pictures from their latents.
    pub reconstruction: f64,
    /// Of the latents' distance from the descriptor.
    pub gaussian: f64,
    /// Of mixtures that the critic tells from reconstructions.
    pub interpolation: f64,
    /// The critic's own: of the shares that it tells. See [`LOSS_OF_A_CONSTANT`](super::LOSS_OF_A_CONSTANT).
    pub critic: f64,
    /// No loss: how the shares that it tells go with the true ones, -1 to 1.
    pub correlation: f64,
    /// What encoder and decoder are trained on: all but the critic's, with their shares.
    pub total: f64,
}

impl StepLosses {
    /// Whether all are numbers.
    pub fn is_finite(&self) -> bool {
        self.total.is_finite() && self.critic.is_finite()
    }

    /// Each with its name.
    pub fn terms(&self) -> [(&'static str, f64); 6] {
        [
            ("reconstruction", self.reconstruction),
            ("gaussian", self.gaussian),
            ("interpolation", self.interpolation),
            ("critic", self.critic),
            ("correlation", self.correlation),
            ("total", self.total),
        ]
    }

    /// Term by term.
    pub fn combine(&self, other: &Self, with: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            reconstruction: with(self.reconstruction, other.reconstruction),
            gaussian: with(self.gaussian, other.gaussian),
            interpolation: with(self.interpolation, other.interpolation),
            critic: with(self.critic, other.critic),
            correlation: with(self.correlation, other.correlation),
            total: with(self.total, other.total),
        }
    }
}

/// A network's training begins, or goes on from a checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct Begin<'a> {
    /// `global` or `local`.
    pub scale: &'a str,
    /// Epochs that are done.
    pub epoch: usize,
    /// Steps that are done.
    pub step: usize,
    /// 0 to 1.
    pub progress: f64,
}

/// What a run reports after each step.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    /// `global` or `local`.
    pub scale: &'a str,
    /// Epochs that are done.
    pub epoch: usize,
    /// Steps that are done.
    pub step: usize,
    /// 0 to 1.
    pub progress: f64,
    /// Spent in training, over interruptions.
    pub elapsed: Duration,
    /// What the rest will take, if that is known yet.
    pub left: Option<Duration>,
    /// Of the step.
    pub learning_rate: f64,
    /// Of the step.
    pub losses: StepLosses,
    /// Draws some pictures above their reconstructions as they are now; it takes as long as a step.
    pub look: &'a dyn Fn() -> RgbImage,
}

/// A network in training with all that belongs to it.
pub struct Trainer<N> {
    /// The network, and the descriptor as it was estimated last.
    pub scale: Described<N>,
    /// The network's tensors.
    pub weights: Weights,
    critic: Critic,
    critic_weights: Weights,
    criterion: MsSsim,
    generator_adam: Adam,
    critic_adam: Adam,
    /// How far the training is.
    pub(super) clock: Clock,
    learning_rate: f64,
    interpolation: f64,
    whiten: bool,
    seed: i64,
    /// How often the descriptor was due to be estimated, so far.
    estimated: usize,
}

/// What a trainer is made of, besides the weights.
pub struct Setup {
    /// Where the networks are, and the criterion.
    pub device: Device,
    /// How pictures and reconstructions are compared.
    pub criterion: MsSsim,
    /// Adam's step size at the start.
    pub learning_rate: f64,
    /// Share of the interpolation loss in the total; 0: there is no critic.
    pub interpolation: f64,
    /// The E step whitens the latents too, where the encoder is trained.
    pub whiten: bool,
    /// What is drawn depends on it.
    pub seed: i64,
}

impl<N: Autoencoder> Trainer<N> {
    /// `given` are weights of the network that are not drawn, such as a frozen encoder's.
    pub fn new(
        setup: Setup,
        given: Tensors,
        network: impl FnOnce(&Builder) -> Result<Described<N>, WeightsError>,
        critic: impl FnOnce(&Builder) -> Result<Critic, WeightsError>,
    ) -> Result<Self, WeightsError> {
        tch::manual_seed(setup.seed);
        let builder = Builder::for_training(given, setup.device);
        let scale = network(&builder)?;
        let is_frozen = scale.network.frozen();
        let weights = builder.finish()?;
        let builder = Builder::for_training(HashMap::new(), setup.device);
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
            clock: Clock::new(1, Length::Steps(0), None),
            learning_rate: setup.learning_rate,
            interpolation: setup.interpolation,
            whiten: setup.whiten && !is_frozen,
            seed: setup.seed,
            estimated: 0,
        })
    }

    /// Sets weight and bias of a linear layer.
    pub(super) fn start_latent_layer(&mut self, layer: &str, start: &Start) {
        for (name, value) in [("weight", &start.weight), ("bias", &start.bias)] {
            if let Some(part) = self.weights.get_mut(&format!("{layer}.{name}")) {
                tch::no_grad(|| part.tensor.copy_(value));
                if start.stays {
                    part.role = Role::Frozen;
                    let _ = part.tensor.set_requires_grad(false);
                }
            }
        }
    }

    /// Trains until the clock is through, or `after`, which is called after each step, fails.
    pub fn run<E>(
        &mut self,
        source: &impl Source<N>,
        name: &str,
        mut after: impl FnMut(Report, &Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut progress = self.clock.progress();
        while progress < 1.0 {
            let epoch = self.clock.epoch();
            let due = 1 + (progress * ESTIMATES) as usize;
            if self.estimated < due {
                self.estimate_descriptor(source, name, ESTIMATE_LATENTS);
                self.estimated = due;
            }
            let step = self.clock.step_of_epoch();
            let Batch { pictures, features } = source.batch(&self.scale.network, epoch, step);
            let learning_rate = self.rate();
            let losses = self.step(&pictures, &features);
            self.clock.tick();
            progress = self.clock.progress();
            let report = Report {
                scale: name,
                epoch: self.clock.epoch(),
                step: self.clock.steps(),
                progress: progress.min(1.0),
                elapsed: self.clock.elapsed(),
                left: self.clock.left(),
                learning_rate,
                losses,
                look: &|| self.look(source),
            };
            after(report, self)?;
        }
        // The latents have moved since the last E step, in a short training far: the model keeps where they are now.
        self.estimate_descriptor(source, name, FINAL_LATENTS);
        Ok(())
    }

    /// Some pictures above their reconstructions.
    fn look(&self, source: &impl Source<N>) -> RgbImage {
        tch::no_grad(|| {
            let network = &self.scale.network;
            let pictures = source.examples(LOOKED_AT);
            let latents = network.latent(&network.features(&pictures, Mode::Evaluate));
            above_each_other(&pictures, &network.generate(&latents, Mode::Evaluate))
        })
    }

    /// The learning rate of the next step.
    fn rate(&self) -> f64 {
        self.learning_rate * self.clock.decay()
    }

    /// The E step.
    fn estimate_descriptor(&mut self, source: &impl Source<N>, name: &str, latents: usize) {
        tch::no_grad(|| {
            let mut latents = source.latents(&self.scale.network, latents);
            if self.whiten {
                latents = self.whiten(name, &latents);
            }
            let Descriptor { c, sigma } = Descriptor::estimate(&latents);
            self.scale.descriptor.c.copy_(&c);
            self.scale.descriptor.sigma.copy_(&sigma);
        });
    }

    /// Makes the latents white, and the decoder take them for what they were: the same latents then.
    fn whiten(&mut self, name: &str, latents: &Tensor) -> Tensor {
        let whitening = Whitening::of(latents);
        let layer = |layer: &str| ["weight", "bias"].map(|part| format!("{name}.{layer}.{part}"));
        let (before, after) = (layer("ln11"), layer("ln1"));
        let tensor = |name: &String| &self.weights[name].tensor;
        let parts = [
            whitening.before(tensor(&before[0]), tensor(&before[1])),
            whitening.after(tensor(&after[0]), tensor(&after[1])),
        ];
        for (name, value) in before.iter().chain(&after).zip(parts.iter().flatten()) {
            if let Some(weight) = self.weights.get_mut(name) {
                weight.tensor.copy_(value);
            }
            self.generator_adam.forget(name);
        }
        whitening.latents(latents)
    }

    /// The M step: encoder and decoder, then the critic. `features` are the encoder's of `pictures`.
    pub fn step(&mut self, pictures: &Tensor, features: &Tensor) -> StepLosses {
        let rate = self.rate();
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
            correlation: losses.correlation(),
            total: number(&losses.total),
        }
    }

    /// The network's tensors as they are now, apart from the training, on the CPU.
    pub fn trained(&self) -> impl Iterator<Item = (String, Tensor)> {
        tensors_of(&self.weights).into_iter().map(|(name, tensor)| {
            (
                name,
                tensor.to_device_(Device::Cpu, Kind::Float, false, true),
            )
        })
    }

    /// How far it is, for a checkpoint of `run`.
    pub(super) fn progress(&self, run: &str) -> Progress {
        Progress {
            run: run.to_owned(),
            steps: self.clock.steps(),
            seconds: self.clock.elapsed().as_secs_f64(),
            estimates: self.estimated,
        }
    }

    /// All tensors that a checkpoint needs.
    pub(super) fn state(&self) -> Vec<(String, Tensor)> {
        let parts = [
            ("network", tensors_of(&self.weights)),
            ("critic", tensors_of(&self.critic_weights)),
            ("generator_adam", self.generator_adam.state()),
            ("critic_adam", self.critic_adam.state()),
        ];
        parts
            .into_iter()
            .flat_map(|(part, tensors)| {
                tensors
                    .into_iter()
                    .map(move |(name, tensor)| (format!("{part}/{name}"), tensor))
            })
            .collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Local, LocalConfig, LocalEncoderKind, Normalisation};

    fn trainer(interpolation: f64) -> Trainer<Local> {
        let setup = Setup {
            device: Device::Cpu,
            criterion: MsSsim::local(4.7579, Device::Cpu),
            learning_rate: 1e-3,
            interpolation,
            whiten: false,
            seed: 5,
        };
        let sizes = LocalConfig {
            encoder: LocalEncoderKind::Tower,
            frozen_encoder: false,
            encoder_width: 2,
            width: 2,
            latent: 4,
        };
        let network =
            |builder: &Builder| Described::local(builder, &sizes, &Normalisation::IMAGENET);
        let critic = |builder: &Builder| Critic::local(builder.root(), sizes.width);
        let mut trainer = Trainer::new(setup, HashMap::new(), network, critic).unwrap();
        trainer.clock = Clock::new(1, Length::Steps(10), None);
        trainer
    }

    #[test]
    fn without_a_critic_the_other_losses_are_the_same_at_first() {
        tch::manual_seed(2);
        let pictures = Tensor::rand([4, 3, 32, 32], (Kind::Float, Device::Cpu));
        let steps = |interpolation| {
            let mut trainer = trainer(interpolation);
            [0, 1].map(|_| {
                let features = trainer.scale.network.features(&pictures, Mode::Train);
                trainer.step(&pictures, &features)
            })
        };
        let ([with, with_later], [without, without_later]) = (steps(0.1), steps(0.0));
        assert!(with.critic > 0.0 && with.interpolation > 0.0);
        for losses in [without, without_later] {
            assert_eq!((losses.critic, losses.interpolation), (0.0, 0.0));
            let sum = losses.reconstruction + losses.gaussian;
            assert!((losses.total - sum).abs() < 1e-6);
        }
        assert!((with.reconstruction - without.reconstruction).abs() < 1e-6);
        assert!((with.gaussian - without.gaussian).abs() < 1e-6);
        assert_ne!(with_later.reconstruction, without_later.reconstruction);
    }
}
