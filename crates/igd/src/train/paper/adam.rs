//! Adam (Kingma & Ba, 2015) over named weights, with beta 0 and 0.9 as published: the first moment is the gradient
//! itself, and the second alone is kept. libtorch has an Adam, but keeps its moments to itself: a training that was
//! killed could not go on as if nothing had happened.

use std::collections::{BTreeMap, HashMap};

use tch::{Tensor, no_grad};

use super::losses::Gradients;
use crate::nn::{Role, Weights};

const BETA2: f64 = 0.9;
const EPSILON: f64 = 1e-8;

/// The optimiser's state for all trained weights of a network.
#[derive(Debug)]
pub struct Adam {
    /// The second moment of each weight's gradient.
    moments: BTreeMap<String, Tensor>,
    weight_decay: f64,
    steps: i32,
}

impl Adam {
    /// `weight_decay` is added to the gradients as in L2 regularisation.
    pub fn new(weights: &Weights, weight_decay: f64) -> Self {
        let moments = weights
            .iter()
            .filter(|(_, weight)| weight.role == Role::Trained)
            .map(|(name, weight)| (name.clone(), weight.tensor.zeros_like()))
            .collect();
        Self {
            moments,
            weight_decay,
            steps: 0,
        }
    }

    /// Moves the weights along their gradients.
    pub fn step(&mut self, weights: &mut Weights, gradients: Gradients, learning_rate: f64) {
        self.steps += 1;
        let correction = 1.0 - BETA2.powi(self.steps);
        no_grad(|| {
            for (name, mut gradient) in gradients {
                let (Some(weight), Some(second)) =
                    (weights.get_mut(&name), self.moments.get_mut(&name))
                else {
                    continue;
                };
                if self.weight_decay > 0.0 {
                    gradient += &weight.tensor * self.weight_decay;
                }
                let _ = second.lerp_(&gradient.square(), 1.0 - BETA2);
                let mut deviation = (&*second / correction).sqrt_();
                deviation += EPSILON;
                gradient /= deviation;
                gradient *= learning_rate;
                weight.tensor -= gradient;
            }
        });
    }

    /// Starts anew with a weight that was changed otherwise.
    pub fn forget(&mut self, name: &str) {
        if let Some(second) = self.moments.get_mut(name) {
            let _ = second.zero_();
        }
    }

    /// The state as named tensors, for a checkpoint.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        self.moments
            .iter()
            .map(|(name, second)| (name.clone(), second.shallow_clone()))
            .collect()
    }

    /// Takes the state from a checkpoint. Fails with the name of an entry that is missing or has another shape.
    pub fn restore(
        &mut self,
        state: &mut HashMap<String, Tensor>,
        steps: i32,
    ) -> Result<(), String> {
        self.steps = steps;
        for (name, second) in &mut self.moments {
            match state.remove(name) {
                Some(saved) if saved.size() == second.size() => second.copy_(&saved),
                _ => return Err(name.clone()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tch::nn::{OptimizerConfig, VarStore, adam};
    use tch::{Device, Kind};

    use super::*;
    use crate::nn::NetworkTensor;
    use crate::train::paper::losses::gradients;

    #[test]
    fn moves_as_libtorchs() {
        let start = Tensor::from_slice(&[0.5f32, -2.0, 0.0, 3.0]);
        let mut weights = Weights::from([(
            "x".to_owned(),
            NetworkTensor {
                tensor: start.copy().set_requires_grad(true),
                role: Role::Trained,
            },
        )]);
        let mut ours = Adam::new(&weights, 0.1);
        let variables = VarStore::new(Device::Cpu);
        let x = variables.root().var_copy("x", &start);
        let mut theirs = adam(0.0, BETA2, 0.1).build(&variables, 0.01).unwrap();
        let loss = |x: &Tensor| (x - 1.0).pow_tensor_scalar(4).sum(Kind::Float);
        for _ in 0..5 {
            let gradients = gradients(&loss(&weights["x"].tensor), &weights, false);
            ours.step(&mut weights, gradients, 0.01);
            theirs.backward_step(&loss(&x));
        }
        let difference = (&weights["x"].tensor - &x).abs().max();
        assert!(difference.double_value(&[]) < 1e-6);
        assert!((x - start).abs().min().double_value(&[]) > 0.01);
    }
}
