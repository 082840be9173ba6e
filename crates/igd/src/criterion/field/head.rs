//! What marked pictures have taught.

use tch::Tensor;

use crate::nn::{Init, Scope, WeightsError};

/// The largest exponent of a factor: its exponential is far from the largest f32.
const LARGEST_EXPONENT: f64 = 40.0;

/// Turns a dense model's distance into a score that knows in which directions defects depart from normal, and good
/// pictures that were taken for defects.
///
/// A picture's departure u is the mean of P x - c over its places, of which the farther from normal count the more, at
/// a length of sqrt(d). The score is the distance times exp(g u - o): a distance again, about 1 where normal. g and o
/// are learned (see [`feedback`](crate::feedback)).
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// g: d numbers.
    pub direction: Vec<f32>,
    /// o: what g u is for an ordinary good picture.
    pub offset: f32,
}

impl Head {
    /// How much more a place counts for the departure that is farther from normal: e^4 times for a distance of one more.
    pub(crate) const SHARPNESS: f32 = 4.0;

    /// Takes `direction` and `offset` from `scope`; `None` where it has none of the two. Fails where a shape is another
    /// one, or where factors could come near the largest number.
    pub(crate) fn new(scope: &Scope, dimensions: i64) -> Result<Option<Self>, WeightsError> {
        if !scope.has("direction") && !scope.has("offset") {
            return Ok(None);
        }
        let direction = scope.statistic("direction", &[dimensions], Init::Zeros)?;
        let offset = scope.statistic("offset", &[], Init::Zeros)?;
        let head = Self {
            direction: Vec::try_from(direction).expect("a vector of floats"),
            offset: offset.double_value(&[]) as f32,
        };
        if head.largest_exponent() > LARGEST_EXPONENT {
            return Err(WeightsError::TooSteep(scope.entry("direction")));
        }
        Ok(Some(head))
    }

    /// How large the exponent of a factor can be, either way: a departure has a length of sqrt(d).
    pub(crate) fn largest_exponent(&self) -> f64 {
        let squares = self.direction.iter().map(|&value| f64::from(value).powi(2));
        let length = (squares.sum::<f64>() * self.direction.len() as f64).sqrt();
        length + f64::from(self.offset).abs()
    }

    /// The tensors that [`new`](Self::new) takes, by their names in the scope.
    pub fn tensors(&self) -> [(&'static str, Tensor); 2] {
        [
            ("direction", Tensor::from_slice(&self.direction)),
            ("offset", Tensor::from(self.offset)),
        ]
    }

    /// What the distance of a picture with that departure (d numbers) is multiplied with: above 0.
    pub fn factor(&self, departure: &[f32]) -> f32 {
        let along: f32 = self
            .direction
            .iter()
            .zip(departure)
            .map(|(direction, departure)| direction * departure)
            .sum();
        (along - self.offset).exp()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tch::Device;

    use super::*;
    use crate::nn::Builder;

    fn read(given: HashMap<String, Tensor>) -> Result<Option<Head>, WeightsError> {
        let builder = Builder::for_inference(given, Device::Cpu);
        Head::new(&builder.root(), 3)
    }

    fn tensors(head: &Head) -> HashMap<String, Tensor> {
        let tensors = head.tensors().into_iter();
        tensors
            .map(|(name, tensor)| (name.to_owned(), tensor))
            .collect()
    }

    #[test]
    fn a_head_is_what_its_tensors_say() {
        let head = Head {
            direction: vec![0.5, -1.0, 0.0],
            offset: 0.25,
        };
        assert_eq!(read(tensors(&head)), Ok(Some(head.clone())));
        assert_eq!(read(HashMap::new()), Ok(None));
        let factor = head.factor(&[1.0, -0.5, 7.0]);
        assert!((factor - 0.75_f32.exp()).abs() < 1e-6, "{factor}");
    }

    #[test]
    fn what_no_head_can_be_is_refused() {
        let head = |direction: f32, offset: f32| Head {
            direction: vec![direction; 3],
            offset,
        };
        for steep in [head(1e30, 0.0), head(-20.0, 0.0), head(1.0, 60.0)] {
            let error = read(tensors(&steep)).unwrap_err().to_string();
            assert!(error.contains("`direction`"), "{error}");
        }
        let mut half = tensors(&head(0.1, 0.0));
        half.remove("offset");
        assert_eq!(read(half), Err(WeightsError::Missing("offset".to_owned())));
    }
}
