//! Learns a head: logistic regression, both classes weighing the same, by Newton's method.

use tch::{Device, Kind, Tensor};

use super::Examples;
use crate::criterion::Head;

const OPTIONS: (Kind, Device) = (Kind::Double, Device::Cpu);
/// It has converged long before.
const STEPS: usize = 8;
/// What holds the weight of each direction small, over the number of defects. Chosen on ELPV's cells that are not
/// surely defective: see docs/results.md.
const PENALTY: f64 = 30.0;
/// The same for the distance, which is to count.
const DISTANCE_PENALTY: f64 = 0.01;
/// For the constant: next to none, so that there is a solution always.
const FREE: f64 = 1e-9;
/// What [`Head`] takes is smaller.
const LARGEST_EXPONENT: f64 = 39.0;

/// The head that tells the defects from the good ones. `None` where the distance of the defects does not lie above that
/// of the good ones, or where there is no solution.
pub fn learn(good: &Examples, bad: &Examples) -> Option<Head> {
    let (negatives, positives) = (rows(good), rows(bad));
    let mean = negatives.mean_dim([0].as_slice(), true, Kind::Double);
    let deviation = negatives
        .var_dim([0].as_slice(), false, true)
        .sqrt()
        .clamp_min(1e-6);
    let (n, k) = (good.len() as i64, bad.len() as i64);
    let rows = (Tensor::cat(&[negatives, positives], 0) - mean) / &deviation;
    let rows = Tensor::cat(&[rows, Tensor::ones([n + k, 1], OPTIONS)], 1);
    let class = |good: f64, bad: f64| {
        let of = |count: i64, value: f64| Tensor::full([count], value, OPTIONS);
        Tensor::cat(&[of(n, good), of(k, bad)], 0)
    };
    let (expected, weights) = (class(0.0, 1.0), class(0.5 / n as f64, 0.5 / k as f64));
    let length = rows.size()[1];
    let penalties = Tensor::full([length], PENALTY / k as f64, OPTIONS);
    let _ = penalties.get(0).fill_(DISTANCE_PENALTY / k as f64);
    let _ = penalties.get(length - 1).fill_(FREE);

    let mut solution = Tensor::zeros([length], OPTIONS);
    for _ in 0..STEPS {
        let found = rows.mv(&solution).sigmoid();
        let gradient = rows.tr().mv(&(&weights * (&found - &expected))) + &penalties * &solution;
        let curvature: Tensor = &weights * &found * (1.0 - &found);
        let hessian = rows.tr().mm(&(&rows * curvature.unsqueeze(1))) + penalties.diag(0);
        let (cholesky, failed) = Tensor::linalg_cholesky_ex(&hessian, false, false);
        if failed.int64_value(&[]) != 0 {
            return None;
        }
        solution -= gradient
            .unsqueeze(1)
            .cholesky_solve(&cholesky, false)
            .squeeze_dim(1);
    }
    let slopes = solution.narrow(0, 0, length - 1) / deviation.squeeze_dim(0);
    let distance = slopes.double_value(&[0]);
    let direction = slopes.narrow(0, 1, length - 2) / distance;
    let offset = good.departures.mv(&direction).median().double_value(&[]);
    let direction = direction.to_kind(Kind::Float);
    let head = Head {
        direction: Vec::try_from(direction).expect("a vector of floats"),
        offset: offset as f32,
    };
    // What is not a number is refused too.
    (distance > 0.0 && head.largest_exponent() < LARGEST_EXPONENT).then_some(head)
}

/// The logarithm of the distance, and the departure.
fn rows(seen: &Examples) -> Tensor {
    let distances = Tensor::from_slice(&seen.distances).to_kind(Kind::Double);
    Tensor::cat(
        &[
            distances.log().unsqueeze(1),
            seen.departures.shallow_clone(),
        ],
        1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many pictures around a distance, whose departures lean by `lean` to the first of six directions.
    fn seen(count: i64, distance: f64, lean: f64) -> Examples {
        let departures = Tensor::randn([count, 6], OPTIONS);
        let mut first = departures.narrow(1, 0, 1);
        first += lean;
        let length = departures.norm_scalaropt_dim(2, [1].as_slice(), true);
        let distances = Tensor::randn([count], OPTIONS) * 0.2 + distance.ln();
        Examples {
            distances: Vec::try_from(distances.exp().to_kind(Kind::Float)).unwrap(),
            departures: departures / length * 6.0_f64.sqrt(),
        }
    }

    #[test]
    fn a_head_knows_where_defects_lie() {
        tch::manual_seed(1);
        let (good, bad) = (seen(200, 1.2, 0.0), seen(400, 1.3, 2.0));
        let head = learn(&good, &bad).unwrap();
        let factor = |lean: f32| head.factor(&[lean, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(factor(2.0) > 1.2 && factor(-2.0) < 0.9, "{head:?}");
        let rest = &head.direction[1..];
        assert!(
            rest.iter()
                .all(|value| value.abs() < 0.3 * head.direction[0])
        );
        // For half of the good ones the score rises, for half it falls.
        let factors = good.departures.to_kind(Kind::Float);
        let rising = (0..200).filter(|&index| {
            let departure: Vec<f32> = Vec::try_from(factors.get(index)).unwrap();
            head.factor(&departure) > 1.0
        });
        let rising = rising.count();
        assert!((95..=105).contains(&rising), "{rising}");
    }

    #[test]
    fn the_solution_is_where_the_loss_is_least() {
        tch::manual_seed(2);
        let (good, bad) = (seen(60, 1.2, 0.0), seen(12, 1.6, 1.0));
        let head = learn(&good, &bad).unwrap();
        // The logistic regression of libtorch's own gradients, without Newton's method.
        let (negatives, positives) = (rows(&good), rows(&bad));
        let mean = negatives.mean_dim([0].as_slice(), true, Kind::Double);
        let deviation = negatives.std_dim([0].as_slice(), false, true);
        let of = |rows: Tensor| (rows - &mean) / &deviation;
        let (negatives, positives) = (of(negatives), of(positives));
        let mut solution = Tensor::zeros([8], OPTIONS).set_requires_grad(true);
        let penalties = Tensor::from_slice(&[0.01, 30.0, 30.0, 30.0, 30.0, 30.0, 30.0]) / 12.0;
        for _ in 0..3000 {
            let (weights, constant) = (solution.narrow(0, 0, 7), solution.get(7));
            let loss = |rows: &Tensor, sign: f64| {
                let margin = (rows.mv(&weights) + &constant) * sign;
                (margin.softplus()).mean(Kind::Double) * 0.5
            };
            let total = loss(&negatives, 1.0)
                + loss(&positives, -1.0)
                + (&penalties * weights.square()).sum(Kind::Double) * 0.5;
            solution.zero_grad();
            total.backward();
            tch::no_grad(|| solution -= solution.grad() * 0.5);
        }
        let slopes = solution.detach().narrow(0, 0, 7) / deviation.squeeze_dim(0);
        let expected = slopes.narrow(0, 1, 6) / slopes.get(0);
        let found = Tensor::from_slice(&head.direction).to_kind(Kind::Double);
        let apart = (found - &expected).abs().max().double_value(&[]);
        assert!(
            apart < 1e-2 * expected.abs().max().double_value(&[]),
            "{apart}"
        );
    }

    #[test]
    fn defects_that_look_more_normal_than_good_ones_teach_nothing() {
        tch::manual_seed(3);
        assert_eq!(learn(&seen(100, 1.5, 0.0), &seen(20, 1.1, 0.0)), None);
    }
}
