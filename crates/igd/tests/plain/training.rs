//! The published training step.

use igd::nn::Mode;
use tch::nn::{Optimizer, OptimizerConfig, VarStore, adam};
use tch::{Kind, Tensor};

use super::Scale;
use super::networks::{Entries, Place, device_of, network};

/// A network in training against its critic.
pub struct Training {
    pub entries: Entries,
    scale: Scale,
    generator_adam: Optimizer,
    critic_adam: Optimizer,
}

/// Losses of encoder and decoder, and what they were computed from.
pub struct Losses {
    pub reconstruction: Tensor,
    pub gaussian: Tensor,
    pub interpolation: Tensor,
    pub total: Tensor,
    z: Tensor,
    mixture: Tensor,
}

impl Training {
    /// Copies what it needs of `entries`.
    pub fn new(entries: &Entries, scale: Scale, learning_rate: f64) -> Self {
        let mut own = Entries::new();
        let mut optimise = |name: &str, weight_decay| {
            let variables = VarStore::new(device_of(entries));
            for (entry, tensor) in entries {
                let Some(rest) = entry.strip_prefix(&format!("{name}.")) else {
                    continue;
                };
                let trained = !rest.starts_with("pretrain.")
                    && !rest.contains("running_")
                    && (rest.ends_with("weight") || rest.ends_with("bias"));
                let tensor = if trained {
                    variables.root().var_copy(&rest.replace('.', " "), tensor)
                } else {
                    tensor.copy()
                };
                own.insert(entry.clone(), tensor);
            }
            let adam = adam(0.0, 0.9, weight_decay).build(&variables, learning_rate);
            adam.expect("the variables can be optimised")
        };
        let generator_adam = optimise(scale.name, 1e-6);
        let critic_adam = optimise(scale.critic, 0.0);
        Self {
            entries: own,
            scale,
            generator_adam,
            critic_adam,
        }
    }

    fn network(&self) -> Place<'_> {
        network(&self.entries, self.scale.name)
    }

    fn critic(&self, pictures: &Tensor) -> Tensor {
        network(&self.entries, self.scale.critic).criticise(pictures)
    }

    /// `shares` (N, 1) say how much of each latent stays in its mixture.
    pub fn losses(&self, pictures: &Tensor, shares: &Tensor) -> Losses {
        let z = self.network().encode(pictures);
        let reconstructed = self.network().generate(&z, Mode::Train);
        let reconstruction = self
            .scale
            .criterion
            .reconstruction(pictures, &reconstructed);
        let mixture = shares * &z + (1.0 - shares) * z.flip([0]);
        let mixed = self.network().generate(&mixture, Mode::Train);
        let reconstruction = reconstruction.mean(Kind::Float);
        let gaussian = self.scale.gaussian(&self.entries, &z).mean(Kind::Float);
        let interpolation = self.critic(&mixed).square().mean(Kind::Float);
        Losses {
            total: &reconstruction + &gaussian + &interpolation * 0.1,
            reconstruction,
            gaussian,
            interpolation,
            z,
            mixture,
        }
    }

    /// The critic's loss on mixture and reconstruction, decoded anew as the decoder is by now. (The published code
    /// encodes the pictures anew as well, both here and for the reconstruction above. That is left out: it only makes
    /// it slower.)
    pub fn critic_loss(&self, losses: &Losses, pictures: &Tensor, shares: &Tensor) -> Tensor {
        let mixed = self
            .network()
            .generate(&losses.mixture, Mode::Train)
            .detach();
        let reconstructed = self.network().generate(&losses.z, Mode::Train).detach();
        let front = (self.critic(&mixed) - shares).square().mean(Kind::Float);
        let unmixed = &reconstructed + (pictures - &reconstructed) * 0.2;
        front + self.critic(&unmixed).square().mean(Kind::Float)
    }

    /// One step of encoder and decoder, then of the critic.
    pub fn step(&mut self, pictures: &Tensor, shares: &Tensor) {
        self.generator_adam.zero_grad();
        let losses = self.losses(pictures, shares);
        losses.total.backward();
        self.generator_adam.step();
        self.critic_adam.zero_grad();
        self.critic_loss(&losses, pictures, shares).backward();
        self.critic_adam.step();
    }
}
