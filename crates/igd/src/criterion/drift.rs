//! Whether the frames of late still look like the pictures that a dense model was calibrated with: light, focus, place
//! and compression move all of a picture a little, long before the score of any of them tells.
//!
//! A frame is pooled to the mean of its places' residuals P x - c. Whitened by the pooled pictures of the calibration
//! it is z. Of the last [`WINDOW`] frames each coordinate's median is taken, which some defective ones do not move, and
//!
//! ```text
//! T = WINDOW * mean_j (median_j - reference median_j)^2
//! ```
//!
//! is held against a limit that windows of the calibration's pictures pass once in a thousand times.

use std::sync::Arc;

use fastrand::Rng;
use tch::{Kind, Tensor};

use crate::nn::{Init, Scope, WeightsError};

/// Frames that are looked at together.
pub const WINDOW: usize = 50;
/// Fewer pictures than these teach too little: a limit for windows of [`WINDOW`] needs several of them.
pub const FEWEST: usize = 400;

/// Parts of the pictures of which each in turn is judged by what the others teach.
const PARTS: usize = 5;
/// Windows that are drawn, and which of them sets the limit.
const WINDOWS: usize = 2000;
const SHARE: f64 = 0.999;
/// Pictures that each direction is known from at least: narrower directions are left out.
const PICTURES_A_DIRECTION: usize = 4;
/// Directions are left out whose variance is less than so much of the widest's: there is nothing but rounding.
const SMALLEST_VARIANCE: f64 = 1e-6;

/// What pooled pictures of the calibration look like.
#[derive(Clone, Debug, PartialEq)]
pub struct DriftReference {
    whitening: Whitening,
    /// Of each coordinate, over the pictures.
    median: Vec<f32>,
    limit: f32,
}

/// z = U'(x - mean) / sqrt(lambda).
#[derive(Clone, Debug, PartialEq)]
struct Whitening {
    /// (d)
    mean: Vec<f32>,
    /// Rows of U' / sqrt(lambda): (k, d).
    rows: Vec<f32>,
}

impl DriftReference {
    /// What the names of its tensors in a model begin with.
    pub(crate) const PREFIX: &str = "dense.drift.";

    /// Of the pooled pictures of a calibration, d numbers each. `None` where they are fewer than [`FEWEST`], or do not
    /// differ. The same pictures in the same order make the same reference.
    pub fn new(pooled: &[Vec<f32>]) -> Option<Self> {
        if pooled.len() < FEWEST {
            return None;
        }
        let most = (pooled.len() - pooled.len().div_ceil(PARTS)) / PICTURES_A_DIRECTION;
        let all: Vec<&[f32]> = pooled.iter().map(Vec::as_slice).collect();
        let whitening = Whitening::new(&all, most)?;
        let limit = limit(&new_to_the_others(&all, most)?) as f32;
        let median = medians(&whitening.all(&all));
        limit.is_finite().then_some(Self {
            whitening,
            median,
            limit,
        })
    }

    /// Takes `mean`, `rows`, `median` and `limit` from `scope`; `None` where it has none of them. Fails where one is
    /// missing, has another shape, or is no number that could have been measured.
    pub(crate) fn read(scope: &Scope, dimensions: i64) -> Result<Option<Self>, WeightsError> {
        if !["mean", "rows", "median", "limit"]
            .iter()
            .any(|name| scope.has(name))
        {
            return Ok(None);
        }
        let directions = scope.length("median")?;
        let numbers = |name, shape: &[i64]| -> Result<Vec<f32>, WeightsError> {
            let tensor = scope.statistic(name, shape, Init::Zeros)?.flatten(0, -1);
            Ok(Vec::try_from(tensor).expect("a vector of floats"))
        };
        let reference = Self {
            whitening: Whitening {
                mean: numbers("mean", &[dimensions])?,
                rows: numbers("rows", &[directions, dimensions])?,
            },
            median: numbers("median", &[directions])?,
            limit: numbers("limit", &[])?[0],
        };
        match directions > 0 && reference.limit > 0.0 {
            true => Ok(Some(reference)),
            false => Err(WeightsError::NotPositive(scope.entry("limit"))),
        }
    }

    /// The tensors of a model, by their names in it.
    pub fn tensors(&self) -> [(String, Tensor); 4] {
        let Whitening { mean, rows } = &self.whitening;
        let shape = [self.median.len() as i64, mean.len() as i64];
        [
            ("mean", Tensor::from_slice(mean)),
            ("rows", Tensor::from_slice(rows).view(shape)),
            ("median", Tensor::from_slice(&self.median)),
            ("limit", Tensor::from(self.limit)),
        ]
        .map(|(name, tensor)| (format!("{}{name}", Self::PREFIX), tensor))
    }

    /// T above which there is drift.
    pub fn limit(&self) -> f32 {
        self.limit
    }
}

impl Whitening {
    /// Of at most so many directions, the widest. `None` where the pictures do not differ.
    fn new(pooled: &[&[f32]], most: usize) -> Option<Self> {
        let dimensions = pooled.first()?.len();
        let pictures = pooled.len() as i64;
        let x = Tensor::from_slice(&pooled.concat())
            .view([pictures, dimensions as i64])
            .to_kind(Kind::Double);
        let mean = x.mean_dim([0].as_slice(), true, Kind::Double);
        let centred = x - &mean;
        let covariance = centred.tr().matmul(&centred) / (pictures - 1) as f64;
        if covariance.isfinite().all().int64_value(&[]) == 0 {
            return None;
        }
        let (variances, directions) = covariance.linalg_eigh("L");
        // The widest come last.
        let variances = Vec::<f64>::try_from(variances.flip([0])).expect("doubles on the CPU");
        let least = SMALLEST_VARIANCE * variances[0];
        let wide = variances
            .iter()
            .take(most)
            .take_while(|&&variance| variance > least.max(0.0));
        let kept: Vec<f64> = wide.copied().collect();
        if kept.is_empty() {
            return None;
        }
        let directions = directions.flip([1]).narrow(1, 0, kept.len() as i64);
        let rows = (directions / Tensor::from_slice(&kept).sqrt()).tr();
        let numbers = |tensor: Tensor| {
            let tensor = tensor.to_kind(Kind::Float).contiguous().flatten(0, -1);
            Vec::<f32>::try_from(tensor).expect("floats on the CPU")
        };
        Some(Self {
            mean: numbers(mean),
            rows: numbers(rows),
        })
    }

    /// k
    fn directions(&self) -> usize {
        self.rows.len() / self.mean.len()
    }

    /// z of a pooled picture, to `z`.
    fn apply(&self, pooled: &[f32], z: &mut [f32]) {
        for (z, row) in z.iter_mut().zip(self.rows.chunks_exact(self.mean.len())) {
            let products = row.iter().zip(pooled.iter().zip(&self.mean));
            *z = products.map(|(row, (x, mean))| row * (x - mean)).sum();
        }
    }

    fn all(&self, pooled: &[&[f32]]) -> Vec<Vec<f32>> {
        let one = |pooled: &&[f32]| {
            let mut z = vec![0.0; self.directions()];
            self.apply(pooled, &mut z);
            z
        };
        pooled.iter().map(one).collect()
    }
}

/// z - median of each picture, with whitening and median of pictures that it is not among: what was whitened by itself
/// varies less than what comes later.
fn new_to_the_others(pooled: &[&[f32]], most: usize) -> Option<Vec<Vec<f32>>> {
    let part = |part: usize, inside: bool| -> Vec<&[f32]> {
        let numbered = pooled.iter().enumerate();
        numbered
            .filter(|(index, _)| (index % PARTS == part) == inside)
            .map(|(_, pooled)| *pooled)
            .collect()
    };
    let mut found = Vec::with_capacity(pooled.len());
    for index in 0..PARTS {
        let others = part(index, false);
        let whitening = Whitening::new(&others, most)?;
        let median = medians(&whitening.all(&others));
        let new = whitening.all(&part(index, true)).into_iter().map(|mut z| {
            z.iter_mut()
                .zip(&median)
                .for_each(|(z, median)| *z -= median);
            z
        });
        found.extend(new);
    }
    // Parts may differ in how many directions there are.
    let least = found.iter().map(Vec::len).min()?;
    found.iter_mut().for_each(|z| z.truncate(least));
    Some(found)
}

/// The T that windows of such pictures pass once in a thousand times: a bootstrap.
fn limit(z: &[Vec<f32>]) -> f64 {
    let mut rng = Rng::with_seed(0);
    let mut column = Vec::with_capacity(WINDOW);
    let mut statistics: Vec<f64> = (0..WINDOWS)
        .map(|_| {
            let window: Vec<&[f32]> = (0..WINDOW).map(|_| &z[rng.usize(..z.len())][..]).collect();
            let no_median = std::iter::repeat(&0.0);
            statistic(&window, no_median, &mut column)
        })
        .collect();
    statistics.sort_unstable_by(f64::total_cmp);
    let rank = (SHARE * (WINDOWS - 1) as f64).round() as usize;
    // The reference's own median is known from so many pictures only, which no window of these pictures shows.
    statistics[rank] * (1.0 + WINDOW as f64 / z.len() as f64)
}

/// T of a window.
fn statistic<'a>(
    window: &[&[f32]],
    reference: impl Iterator<Item = &'a f32>,
    column: &mut Vec<f32>,
) -> f64 {
    let directions = window[0].len();
    let squares = (0..directions).zip(reference).map(|(index, reference)| {
        column.clear();
        column.extend(window.iter().map(|z| z[index]));
        f64::from(median(column) - reference).powi(2)
    });
    window.len() as f64 * squares.sum::<f64>() / directions as f64
}

/// Of each coordinate.
fn medians(z: &[Vec<f32>]) -> Vec<f32> {
    let column = |index: usize| {
        let mut column: Vec<f32> = z.iter().map(|z| z[index]).collect();
        median(&mut column)
    };
    (0..z[0].len()).map(column).collect()
}

/// Of at least one value, which are put in another order; of an even number the mean of the two in the middle.
fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    let (below, &mut above, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    match below.iter().copied().max_by(f32::total_cmp) {
        Some(below) if values.len().is_multiple_of(2) => (below + above) / 2.0,
        _ => above,
    }
}

/// The frames of late of one stream. Its memory is that of [`WINDOW`] frames.
#[derive(Clone, Debug)]
pub struct Drift {
    reference: Arc<DriftReference>,
    /// z of the last frames, the oldest at `next` once it is full.
    window: Vec<f32>,
    next: usize,
    column: Vec<f32>,
}

impl Drift {
    /// Before the first frame.
    pub fn new(reference: Arc<DriftReference>) -> Self {
        Self {
            window: Vec::with_capacity(WINDOW * reference.whitening.directions()),
            next: 0,
            column: Vec::with_capacity(WINDOW),
            reference,
        }
    }

    /// The next frame, pooled. T, once there are [`WINDOW`] frames; frames that are not finite are passed over.
    pub fn push(&mut self, pooled: &[f32]) -> Option<f32> {
        let directions = self.reference.whitening.directions();
        if pooled.iter().all(|value| value.is_finite()) {
            let start = self.next * directions;
            self.window
                .resize(self.window.len().max(start + directions), 0.0);
            let z = &mut self.window[start..start + directions];
            self.reference.whitening.apply(pooled, z);
            self.next = (self.next + 1) % WINDOW;
        }
        (self.window.len() == WINDOW * directions).then(|| self.statistic())
    }

    /// T above which there is drift.
    pub fn limit(&self) -> f32 {
        self.reference.limit
    }

    /// Whether a T is drift.
    pub fn is_drift(&self, statistic: f32) -> bool {
        statistic > self.limit()
    }

    /// As before the first frame: another scene follows.
    pub fn forget(&mut self) {
        self.window.clear();
        self.next = 0;
    }

    fn statistic(&mut self) -> f32 {
        let directions = self.reference.whitening.directions();
        let mut window = [&[][..]; WINDOW];
        for (place, z) in window.iter_mut().zip(self.window.chunks_exact(directions)) {
            *place = z;
        }
        statistic(&window, self.reference.median.iter(), &mut self.column) as f32
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tch::Device;

    use super::*;
    use crate::nn::Builder;

    const DIMENSIONS: usize = 24;

    /// Pictures whose directions vary by different amounts, all of them mixed; each as far away as `shift` says.
    fn pictures(rng: &mut Rng, count: usize, shift: f32) -> Vec<Vec<f32>> {
        let mut gaussian = || -> f32 { (0..12).map(|_| rng.f32()).sum::<f32>() - 6.0 };
        let mut picture = || {
            let own: Vec<f32> = (0..DIMENSIONS)
                .map(|index| gaussian() * (1.0 + index as f32))
                .collect();
            let mixed = |index: usize| own[index] + 0.5 * own[(index + 1) % DIMENSIONS] + 3.0;
            (0..DIMENSIONS)
                .map(|index| mixed(index) + shift * (1.0 + index as f32))
                .collect()
        };
        (0..count).map(|_| picture()).collect()
    }

    fn drift(rng: &mut Rng, count: usize) -> Drift {
        Drift::new(Arc::new(
            DriftReference::new(&pictures(rng, count, 0.0)).unwrap(),
        ))
    }

    /// Whether the first so many frames are told to be drift.
    fn told(drift: &mut Drift, frames: &[Vec<f32>]) -> bool {
        drift.forget();
        let last = frames.iter().fold(None, |_, frame| drift.push(frame));
        let statistic = last.expect("a whole window");
        drift.is_drift(statistic)
    }

    /// A frame of a usual model's 192 directions.
    #[test]
    #[ignore = "a time"]
    fn a_frame_costs_less_than_a_millisecond() {
        const DIRECTIONS: usize = 192;
        let mut rng = Rng::with_seed(1);
        let mut numbers = |count: usize| -> Vec<f32> { (0..count).map(|_| rng.f32()).collect() };
        let frame = numbers(DIRECTIONS);
        let mut drift = Drift::new(Arc::new(DriftReference {
            whitening: Whitening {
                mean: numbers(DIRECTIONS),
                rows: numbers(DIRECTIONS * DIRECTIONS),
            },
            median: numbers(DIRECTIONS),
            limit: 1.0,
        }));
        for _ in 0..WINDOW {
            drift.push(&frame);
        }
        let mut times: Vec<Duration> = (0..1000)
            .map(|_| {
                let start = Instant::now();
                drift.push(&frame);
                start.elapsed()
            })
            .collect();
        times.sort();
        println!("{:.2?} a frame in the median", times[500]);
        assert!(times[500] < Duration::from_millis(1));
    }

    #[test]
    fn medians_of_odd_and_even_numbers() {
        assert_eq!(median(&mut [3.0]), 3.0);
        assert_eq!(median(&mut [5.0, 1.0]), 3.0);
        assert_eq!(median(&mut [9.0, 1.0, 4.0]), 4.0);
        assert_eq!(median(&mut [9.0, 1.0, 4.0, 6.0]), 5.0);
    }

    /// Two coordinates, z = (x - 1) / (2, 1), reference median (0.5, 0).
    #[test]
    fn the_statistic_is_that_of_the_formula() {
        let mut drift = Drift::new(Arc::new(DriftReference {
            whitening: Whitening {
                mean: vec![1.0, 1.0],
                rows: vec![0.5, 0.0, 0.0, 1.0],
            },
            median: vec![0.5, 0.0],
            limit: 30.0,
        }));
        for _ in 1..WINDOW {
            assert_eq!(drift.push(&[4.0, 1.5]), None);
        }
        // z = (1.5, 0.5): T = 50 (1 + 0.25) / 2.
        assert_eq!(drift.push(&[4.0, 1.5]), Some(31.25));
        assert!(drift.is_drift(31.25) && !drift.is_drift(30.0));
        // Less than half of the frames move no median.
        for _ in 1..WINDOW / 2 {
            assert_eq!(drift.push(&[900.0, -900.0]), Some(31.25));
        }
        // What is not finite counts for nothing.
        assert_eq!(drift.push(&[f32::NAN, 0.0]), Some(31.25));
        // The oldest are gone when the window has passed.
        for _ in 0..WINDOW {
            drift.push(&[2.0, 1.0]);
        }
        assert_eq!(drift.push(&[2.0, 1.0]), Some(0.0));
        drift.forget();
        assert_eq!(drift.push(&[2.0, 1.0]), None);
    }

    #[test]
    fn clean_frames_are_silent_and_shifted_ones_told() {
        for count in [FEWEST, 1000] {
            let mut rng = Rng::with_seed(count as u64);
            let (mut alarms, mut with_defects, mut found) = (0, 0, 0);
            for _ in 0..4 {
                let mut drift = drift(&mut rng, count);
                for _ in 0..25 {
                    let mut frames = pictures(&mut rng, WINDOW, 0.0);
                    alarms += usize::from(told(&mut drift, &frames));
                    for frame in frames.iter_mut().step_by(20) {
                        frame.iter_mut().for_each(|value| *value += 500.0);
                    }
                    with_defects += usize::from(told(&mut drift, &frames));
                    let shifted = pictures(&mut rng, WINDOW, 1.0);
                    found += usize::from(told(&mut drift, &shifted));
                }
            }
            println!(
                "{count} pictures: {alarms}, with defects {with_defects}, shifted {found} of 100"
            );
            assert!(alarms <= 2 && with_defects <= 4 && found >= 95);
        }
    }

    fn read(tensors: &[(String, Tensor)]) -> Result<Option<DriftReference>, WeightsError> {
        let given = tensors
            .iter()
            .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()));
        let builder = Builder::for_inference(given.collect(), Device::Cpu);
        let scope = &(&builder.root() / "dense") / "drift";
        DriftReference::read(&scope, DIMENSIONS as i64)
    }

    #[test]
    fn models_hold_it_or_hold_none() {
        let reference =
            DriftReference::new(&pictures(&mut Rng::with_seed(5), FEWEST, 0.0)).unwrap();
        let tensors = reference.tensors();
        assert_eq!(read(&tensors).unwrap(), Some(reference));
        assert_eq!(read(&[]).unwrap(), None);
        for index in 0..tensors.len() {
            let mut damaged = tensors
                .each_ref()
                .map(|(name, one)| (name.clone(), one.copy()));
            damaged[index].1 = Tensor::from_slice(&[1.0_f32; 3]);
            assert!(read(&damaged).is_err(), "{}", damaged[index].0);
            let mut damaged = Vec::from(damaged);
            drop(damaged.remove(index));
            assert!(read(&damaged).is_err());
        }
        let mut no_limit = tensors;
        no_limit[3].1 = Tensor::from(0.0_f32);
        assert!(read(&no_limit).is_err());
    }

    #[test]
    fn few_or_equal_pictures_are_no_reference() {
        let mut rng = Rng::with_seed(1);
        assert_eq!(
            DriftReference::new(&pictures(&mut rng, FEWEST - 1, 0.0)),
            None
        );
        assert_eq!(
            DriftReference::new(&vec![vec![1.0; DIMENSIONS]; FEWEST]),
            None
        );
        let mut odd = pictures(&mut rng, FEWEST, 0.0);
        assert!(DriftReference::new(&odd).is_some());
        odd[7][3] = f32::NAN;
        assert_eq!(DriftReference::new(&odd), None);
    }
}
