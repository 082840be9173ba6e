//! Adam (Kingma & Ba, 2015) over named weights. libtorch has one, but keeps its moments to itself: a training that was killed
//! could not go on as if nothing had happened.

use std::collections::{BTreeMap, HashMap};

use tch::{Tensor, no_grad};

use super::losses::Gradients;
use crate::nn::{Role, Weights};

const BETA1: f64 = 0.0;
const BETA2: f64 = 0.9;
const EPSILON: f64 = 1e-8;

/// The moments of one weight's gradient.
#[derive(Debug)]
struct Moments {
    first: Tensor,
    second: Tensor,
}

/// The optimiser's state for all trained weights of a network.
#[derive(Debug)]
pub struct Adam {
    moments: BTreeMap<String, Moments>,
    weight_decay: f64,
    steps: i32,
}

impl Adam {
    /// `weight_decay` is added to the gradients as in L2 regularisation.
    pub fn new(weights: &Weights, weight_decay: f64) -> Self {
        let moments = weights
            .iter()
            .filter(|(_, weight)| weight.role == Role::Trained)
            .map(|(name, weight)| {
                let moments = Moments {
                    first: weight.tensor.zeros_like(),
                    second: weight.tensor.zeros_like(),
                };
                (name.clone(), moments)
            })
            .collect();
        Self {
            moments,
            weight_decay,
            steps: 0,
        }
    }

    /// Moves the weights along their gradients.
    pub fn step(&mut self, weights: &mut Weights, gradients: &Gradients, learning_rate: f64) {
        self.steps += 1;
        let correction1 = 1.0 - BETA1.powi(self.steps);
        let correction2 = 1.0 - BETA2.powi(self.steps);
        let rate = learning_rate / correction1;
        no_grad(|| {
            for (name, Moments { first, second }) in &mut self.moments {
                let (Some(weight), Some(gradient)) = (weights.get_mut(name), gradients.get(name))
                else {
                    continue;
                };
                let decayed = gradient + &weight.tensor * self.weight_decay;
                let _ = first.lerp_(&decayed, 1.0 - BETA1);
                let _ = second.lerp_(&decayed.square(), 1.0 - BETA2);
                let deviation = (&*second / correction2).sqrt_() + EPSILON;
                weight.tensor -= &*first / deviation * rate;
            }
        });
    }

    /// The state as named tensors, for a checkpoint.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        self.moments
            .iter()
            .flat_map(|(name, moments)| {
                [
                    (format!("{name}.first"), moments.first.shallow_clone()),
                    (format!("{name}.second"), moments.second.shallow_clone()),
                ]
            })
            .collect()
    }

    /// Takes the state from a checkpoint. Fails with the name of an entry that is missing or has another shape.
    pub fn restore(
        &mut self,
        state: &mut HashMap<String, Tensor>,
        steps: i32,
    ) -> Result<(), String> {
        self.steps = steps;
        for (name, moments) in &mut self.moments {
            let parts = [
                ("first", &mut moments.first),
                ("second", &mut moments.second),
            ];
            for (part, tensor) in parts {
                let entry = format!("{name}.{part}");
                match state.remove(&entry) {
                    Some(saved) if saved.size() == tensor.size() => tensor.copy_(&saved),
                    _ => return Err(entry),
                }
            }
        }
        Ok(())
    }
}
