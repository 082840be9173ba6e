//! Pictures that calibrate and show what was trained on: windows of one picture, frames of one video, doubles. They
//! score lower than new parts will, and make a threshold that is too low.
//!
//! Of small pictures only what they do not have in common counts: their fine structure, less the set's mean and in
//! units of its deviation at each place. Two that show the same correlate in it, one shifted against the other where it
//! must be; two parts of one kind do not, however alike they look. The calibration of the measure: of ELPV's solar
//! cells every sixth has such a double (wafers cut from one block do have one grain), of windows that overlap by a
//! quarter of their width and more nearly all.

use std::path::PathBuf;

use serde::Serialize;
use tch::{Device, Kind, Tensor, no_grad};

use crate::data::Sample;
use crate::resize::{PlaneView, Resizer};

/// Side of the small pictures.
const SIDE: usize = 64;
const AREA: usize = SIDE * SIDE;
/// So many are kept at most: 16 MB of them.
const MOST_KEPT: usize = 4096;
/// So many of those that calibrate are looked at, evenly spread.
const LOOKED_AT: usize = 16;
/// Each is held against so many before and after it, so many that are spread over all, and so many most alike.
const NEIGHBOURS: usize = 4;
const SPREAD: usize = 32;
const MOST_ALIKE: usize = 16;
/// Deviations, in small pixels, of the two Gaussians whose difference passes fine structure.
const FINE: (f32, f32) = (0.7, 1.6);
/// Structure is cut at so many times its typical size, so that a strong edge does not stand for all.
const STRONGEST: f32 = 1.5;
/// Share of a picture that must be seen in both.
const LEAST_OVERLAP: f64 = 0.25;
/// Doubles correlate at least so much there.
const SAME: f64 = 0.9;
/// Frames of a still scene have nothing but noise of their own; they correlate at least so much as they are.
const SAME_SCENE: f64 = 0.995;
/// Share of doubles from which a threshold is not to be relied on: of fewer, the others still set it.
const TOO_MANY: f64 = 0.5;

/// What of the pictures that calibrate was trained on all the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Doubles {
    /// Pictures that calibrate, and that were looked at.
    pub looked_at: usize,
    /// Those of them with a double among the pictures that were trained on.
    pub doubles: usize,
    /// One of them, and its double.
    pub example: (PathBuf, PathBuf),
}

/// A picture by its name, small and gray.
struct Thumbnail {
    name: PathBuf,
    gray: Vec<u8>,
}

/// Pictures as they are seen, small.
#[derive(Default)]
pub struct Thumbnails {
    trained: Vec<Thumbnail>,
    calibrating: Vec<Thumbnail>,
    /// All are trained on, and calibrate as if they were left out in turn.
    all_calibrate: bool,
    is_video: bool,
}

impl Thumbnails {
    /// A picture was trained on: its planar R, G, B values of 0..=255, at `size` (width, height).
    pub fn trained(&mut self, sample: &Sample, rgb: &[f32], size: (usize, usize)) {
        if !self.all_calibrate {
            keep(&mut self.trained, sample, rgb, size);
        }
    }

    /// The same of one that calibrates.
    pub fn calibrates(&mut self, sample: &Sample, rgb: &[f32], size: (usize, usize)) {
        self.is_video = matches!(sample, Sample::Frame(_));
        keep(&mut self.calibrating, sample, rgb, size);
    }

    /// Others will calibrate.
    pub fn forget_calibrating(&mut self) {
        self.calibrating.clear();
    }

    /// Those that are trained on are the ones that will calibrate.
    pub fn all_calibrate(&mut self) {
        self.all_calibrate = true;
    }

    /// Doubles, where there are too many.
    pub fn doubles(&self) -> Option<Doubles> {
        let others = match self.all_calibrate {
            true => &self.calibrating,
            false => &self.trained,
        };
        if others.len() < 2 || self.calibrating.is_empty() {
            return None;
        }
        no_grad(|| self.find(others))
    }

    fn find(&self, others: &[Thumbnail]) -> Option<Doubles> {
        let all: Vec<&Thumbnail> = match self.all_calibrate {
            true => others.iter().collect(),
            false => others.iter().chain(&self.calibrating).collect(),
        };
        let all: Vec<&[u8]> = all.iter().map(|small| &small.gray[..]).collect();
        let structure = structure(&all);
        let grays = units(&all);
        let place = |index: usize| match self.all_calibrate {
            true => index,
            false => others.len() + index,
        };
        let correlator = Correlator::new();
        let step = self.calibrating.len().div_ceil(LOOKED_AT);
        let looked_at: Vec<usize> = (0..self.calibrating.len()).step_by(step).collect();
        let mut found = Vec::new();
        for &index in &looked_at {
            let one = place(index) as i64;
            let alike = grays.narrow(0, 0, others.len() as i64).mv(&grays.get(one));
            let alike = Vec::<f32>::try_from(alike).expect("floats on the CPU");
            let candidates = self.candidates(index, &alike);
            if candidates.is_empty() {
                continue;
            }
            let rows =
                Tensor::from_slice(&candidates.iter().map(|&i| i as i64).collect::<Vec<_>>());
            let same = correlator.best(&structure.get(one), &structure.index_select(0, &rows));
            let double = candidates.iter().zip(same).find(|&(&candidate, same)| {
                let gray = f64::from(alike[candidate]);
                same >= SAME
                    || (self.is_video && gray >= SAME_SCENE)
                    || others[candidate].gray == self.calibrating[index].gray
            });
            found.extend(double.map(|(&double, _)| (index, double)));
        }
        let share = found.len() as f64 / looked_at.len() as f64;
        let &(one, other) = found.first()?;
        (share >= TOO_MANY).then(|| Doubles {
            looked_at: looked_at.len(),
            doubles: found.len(),
            example: (
                self.calibrating[one].name.clone(),
                others[other].name.clone(),
            ),
        })
    }

    /// Which of the others a picture that calibrates is held against; how much it is like each as they are.
    fn candidates(&self, index: usize, alike: &[f32]) -> Vec<usize> {
        let count = alike.len();
        // Where pictures are held out, they are so evenly.
        let here = index * count / self.calibrating.len();
        let near = here.saturating_sub(NEIGHBOURS)..(here + NEIGHBOURS + 1).min(count);
        let spread = (0..count).step_by(count.div_ceil(SPREAD));
        let mut by_likeness: Vec<usize> = (0..count).collect();
        by_likeness.sort_by(|&one, &other| alike[other].total_cmp(&alike[one]));
        // One of them may be the picture itself.
        by_likeness.truncate(MOST_ALIKE + 1);
        let mut all: Vec<usize> = near.chain(spread).chain(by_likeness).collect();
        all.sort_unstable();
        all.dedup();
        all.retain(|&other| !(self.all_calibrate && other == index));
        all
    }
}

/// Pictures that show what an earlier one shows, by their places, each with the first such. A few that are most alike
/// are compared with each. `is_video`: they are of one camera, so that those of a still scene have their noise alone.
pub(super) fn repeated(pictures: &[&[u8]], is_video: bool) -> Vec<(usize, usize)> {
    if pictures.len() < 2 {
        return Vec::new();
    }
    no_grad(|| {
        let (structure, grays) = (structure(pictures), units(pictures));
        let correlator = Correlator::new();
        let repeated = (1..pictures.len()).filter_map(|one| {
            let row = one as i64;
            let alike = grays.narrow(0, 0, row).mv(&grays.get(row));
            let alike = Vec::<f32>::try_from(alike).expect("floats on the CPU");
            let mut candidates: Vec<usize> = (0..one).collect();
            candidates.sort_by(|&a, &b| alike[b].total_cmp(&alike[a]));
            candidates.truncate(MOST_ALIKE / 2);
            candidates.sort_unstable();
            let rows: Vec<_> = candidates.iter().map(|&other| other as i64).collect();
            let others = structure.index_select(0, &Tensor::from_slice(&rows));
            let same = correlator.best(&structure.get(row), &others);
            let mut pairs = candidates.into_iter().zip(same);
            let first = pairs.find(|&(other, same)| {
                same >= SAME
                    || (is_video && f64::from(alike[other]) >= SAME_SCENE)
                    || pictures[other] == pictures[one]
            });
            first.map(|(other, _)| (one, other))
        });
        repeated.collect()
    })
}

fn keep(kept: &mut Vec<Thumbnail>, sample: &Sample, rgb: &[f32], size: (usize, usize)) {
    if kept.len() >= MOST_KEPT {
        return;
    }
    if let Some(gray) = small(rgb, size) {
        kept.push(Thumbnail {
            name: sample.name(),
            gray,
        });
    }
}

/// A picture's planar R, G, B values of 0..=255 as a gray picture of [`SIDE`] x [`SIDE`]; `None` of one without pixels.
pub(super) fn small(rgb: &[f32], size: (usize, usize)) -> Option<Vec<u8>> {
    let area = size.0 * size.1;
    let gray: Vec<f32> = (0..area)
        .map(|place| (rgb[place] + rgb[area + place] + rgb[2 * area + place]) / 3.0)
        .collect();
    let view = PlaneView {
        data: &gray[..],
        stride: size.0,
        pixel_stride: 1,
    };
    let mut small = vec![0.0; AREA];
    let resized = Resizer::new(size, (SIDE, SIDE)).run(view, &[0], &mut small);
    resized.ok()?;
    Some(small.iter().map(|value| value.round() as u8).collect())
}

/// As vectors of length 1.
fn units(all: &[&[u8]]) -> Tensor {
    let grays: Vec<_> = all.iter().map(|small| gray(small)).collect();
    unit(&Tensor::stack(&grays, 0).view([-1, AREA as i64]))
}

fn gray(small: &[u8]) -> Tensor {
    let side = SIDE as i64;
    Tensor::from_slice(small)
        .view([side, side])
        .to_kind(Kind::Float)
}

/// Vectors (N, length) less their means, and of length 1.
fn unit(vectors: &Tensor) -> Tensor {
    let centred = vectors - vectors.mean_dim([1].as_slice(), true, Kind::Float);
    let norms = centred
        .square()
        .sum_dim_intlist([1].as_slice(), true, Kind::Float);
    &centred / norms.sqrt().clamp_min(1e-6)
}

/// What pictures have in fine structure and not in common: (N, side, side).
fn structure(all: &[&[u8]]) -> Tensor {
    let fine: Vec<Tensor> = all
        .iter()
        .map(|small| {
            let gray = gray(small);
            blurred(&gray, FINE.0) - blurred(&gray, FINE.1)
        })
        .collect();
    let fine = Tensor::stack(&fine, 0);
    let own = &fine - fine.mean_dim([0].as_slice(), true, Kind::Float);
    let deviation = own
        .square()
        .mean_dim([0].as_slice(), true, Kind::Float)
        .sqrt();
    let least = 0.3 * deviation.median().double_value(&[]) + 1e-3;
    let own = own / deviation.clamp_min(least);
    // Straight lines from edge to edge are how parts of a kind are built.
    let mean = |dims: &[i64]| own.mean_dim(dims, true, Kind::Float);
    let own = &own - mean(&[1]) - mean(&[2]) + mean(&[1, 2]);
    let typical = own.abs().view([-1, AREA as i64]).median_dim(1, true).0;
    let most = (typical * f64::from(1.4826 * STRONGEST)).view([-1, 1, 1]);
    own.minimum(&most).maximum(&-most)
}

/// (side, side) by a Gaussian, with the border's pixels beyond it.
fn blurred(picture: &Tensor, deviation: f32) -> Tensor {
    let reach = (3.0 * deviation) as i64 + 1;
    let weights: Vec<f32> = (-reach..=reach)
        .map(|place| (-0.5 * (place as f32 / deviation).powi(2)).exp())
        .collect();
    let sum: f32 = weights.iter().sum();
    let weights = Tensor::from_slice(&weights) / f64::from(sum);
    let padded = picture
        .unsqueeze(0)
        .unsqueeze(0)
        .replication_pad2d([reach; 4]);
    let none: Option<Tensor> = None;
    let across = padded.conv2d(&weights.view([1, 1, 1, -1]), none.as_ref(), 1, 0, 1, 1);
    let both = across.conv2d(&weights.view([1, 1, -1, 1]), none.as_ref(), 1, 0, 1, 1);
    both.squeeze()
}

/// Correlates pictures that are shifted against each other, where both are seen (Padfield, 2012).
struct Correlator {
    mask: Tensor,
    /// Pixels that both have, for each shift.
    overlap: Tensor,
    is_enough: Tensor,
}

/// Room for all shifts.
const ROOM: [i64; 2] = [2 * SIDE as i64; 2];

fn forward(pictures: &Tensor) -> Tensor {
    pictures.fft_rfft2(ROOM.as_slice(), [-2, -1].as_slice(), "backward")
}

fn back(spectrum: &Tensor) -> Tensor {
    spectrum.fft_irfft2(ROOM.as_slice(), [-2, -1].as_slice(), "backward")
}

impl Correlator {
    fn new() -> Self {
        let side = SIDE as i64;
        let mask = forward(&Tensor::ones([side, side], (Kind::Float, Device::Cpu)));
        let overlap = back(&(mask.conj() * &mask));
        Self {
            is_enough: overlap.ge(LEAST_OVERLAP * AREA as f64 - 0.5),
            overlap: overlap.clamp_min(1.0),
            mask,
        }
    }

    /// The largest correlation of one picture (side, side) with each of the others (N, side, side).
    fn best(&self, one: &Tensor, others: &Tensor) -> Vec<f64> {
        let (a, b) = (forward(one), forward(others));
        let (a_squared, b_squared) = (forward(&one.square()), forward(&others.square()));
        let a_sum = back(&(a.conj() * &self.mask));
        let b_sum = back(&(self.mask.conj() * &b));
        let a_variance = back(&(a_squared.conj() * &self.mask)) - a_sum.square() / &self.overlap;
        let b_variance = back(&(self.mask.conj() * &b_squared)) - b_sum.square() / &self.overlap;
        let covariance = back(&(a.conj() * &b)) - &a_sum * &b_sum / &self.overlap;
        // Where hardly anything is to be seen, it says nothing.
        let least = |whole: Tensor| whole * (0.1 / AREA as f64) * &self.overlap;
        let energy = |pictures: &Tensor| {
            let sum = pictures
                .square()
                .sum_dim_intlist([-2, -1].as_slice(), true, Kind::Float);
            sum.clamp_min(1.0)
        };
        let is_seen = a_variance
            .gt_tensor(&least(energy(one)))
            .logical_and(&b_variance.gt_tensor(&least(energy(others))))
            .logical_and(&self.is_enough);
        let scale = (a_variance * b_variance).clamp_min(1e-6).sqrt();
        let correlation = (covariance / scale) * is_seen.to_kind(Kind::Float);
        let best = correlation.amax([-2, -1].as_slice(), false);
        Vec::<f64>::try_from(best.to_kind(Kind::Double)).expect("numbers on the CPU")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::Frame;

    const SIZE: (usize, usize) = (96, 96);

    /// A large picture with structure of all sizes.
    fn scene(seed: u64, (width, height): (usize, usize)) -> Vec<f32> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut all = vec![128.0; width * height];
        for cell in [6, 12, 24, 48] {
            let across = width / cell + 2;
            let knots: Vec<f32> = (0..across * (height / cell + 2))
                .map(|_| random.f32() - 0.5)
                .collect();
            for (place, value) in all.iter_mut().enumerate() {
                let (x, y) = (place % width, place / width);
                let (left, top) = (x / cell, y / cell);
                let [right, down] = [x % cell, y % cell].map(|rest| rest as f32 / cell as f32);
                let row = |y: usize| {
                    let knot = |x: usize| knots[y * across + x];
                    knot(left) * (1.0 - right) + knot(left + 1) * right
                };
                *value += 60.0 * (row(top) * (1.0 - down) + row(top + 1) * down);
            }
        }
        all
    }

    /// What of a scene of that width lies at a place, as a gray picture with noise of a few levels.
    fn window(scene: &[f32], width: usize, (x, y): (usize, usize), noise: u64) -> Vec<f32> {
        let mut random = fastrand::Rng::with_seed(noise);
        let gray: Vec<f32> = (0..SIZE.0 * SIZE.1)
            .map(|place| {
                let value = scene[(y + place / SIZE.0) * width + x + place % SIZE.0];
                (value + 8.0 * (random.f32() - 0.5)).clamp(0.0, 255.0)
            })
            .collect();
        [&gray[..], &gray, &gray].concat()
    }

    /// A part of its own, of a kind: all have the same dark bars and corners, and a third lacks the corners.
    fn part(number: u64) -> Vec<f32> {
        let scene = scene(1000 + number, SIZE);
        let mut rgb = window(&scene, SIZE.0, (0, 0), number);
        for (place, value) in rgb.iter_mut().enumerate() {
            let (x, y) = (place % SIZE.0, place / SIZE.0 % SIZE.1);
            let is_corner = x.min(95 - x) + y.min(95 - y) < 14 && !number.is_multiple_of(3);
            if y % 32 < 3 || is_corner {
                *value = 10.0;
            } else {
                *value = 128.0 + 0.5 * (*value - 128.0);
            }
        }
        rgb
    }

    fn samples(count: usize) -> Vec<Sample> {
        (0..count)
            .map(|number| Sample::File(format!("{number}.png").into()))
            .collect()
    }

    /// Every seventh is held out.
    fn held_out(samples: &[Sample], pictures: &[Vec<f32>]) -> Option<Doubles> {
        let mut thumbnails = Thumbnails::default();
        for (number, (sample, rgb)) in samples.iter().zip(pictures).enumerate() {
            match number % 7 {
                6 => thumbnails.calibrates(sample, rgb, SIZE),
                _ => thumbnails.trained(sample, rgb, SIZE),
            }
        }
        thumbnails.doubles()
    }

    fn left_out(samples: &[Sample], pictures: &[Vec<f32>]) -> Option<Doubles> {
        let mut thumbnails = Thumbnails::default();
        thumbnails.all_calibrate();
        for (sample, rgb) in samples.iter().zip(pictures) {
            thumbnails.trained(sample, rgb, SIZE);
        }
        for (sample, rgb) in samples.iter().zip(pictures) {
            thumbnails.calibrates(sample, rgb, SIZE);
        }
        thumbnails.doubles()
    }

    #[track_caller]
    fn assert_found(pictures: &[Vec<f32>]) {
        let samples = samples(pictures.len());
        for found in [held_out(&samples, pictures), left_out(&samples, pictures)] {
            let found = found.expect("doubles");
            println!("{} of {}", found.doubles, found.looked_at);
            assert!(found.doubles * 10 >= found.looked_at * 9, "{found:?}");
            assert_ne!(found.example.0, found.example.1);
        }
    }

    #[test]
    fn parts_of_a_kind_are_no_doubles() {
        for count in [16, 60] {
            let parts: Vec<_> = (0..count).map(part).collect();
            let samples = samples(parts.len());
            assert_eq!(held_out(&samples, &parts), None);
            assert_eq!(left_out(&samples, &parts), None);
        }
        // Nor is what lies apart in one picture.
        let scene = scene(1, (8 * 96, 8 * 96));
        let place = |number: usize| (number % 8 * 96, number / 8 * 96);
        let apart: Vec<_> = (0..64)
            .map(|number| window(&scene, 8 * 96, place(number), number as u64))
            .collect();
        let samples = samples(apart.len());
        assert_eq!(held_out(&samples, &apart), None);
        assert_eq!(left_out(&samples, &apart), None);
    }

    #[test]
    fn windows_of_one_picture_are() {
        let scene = scene(2, (336, 336));
        for step in [24, 48] {
            let along = (336 - 96) / step + 1;
            let windows: Vec<_> = (0..along * along)
                .map(|number| {
                    let place = (number % along * step, number / along * step);
                    window(&scene, 336, place, number as u64)
                })
                .collect();
            assert_found(&windows);
        }
    }

    /// Far from each other in their order, and brighter.
    #[test]
    fn doubles_are() {
        let mut parts: Vec<_> = (0..20).map(part).collect();
        let again = parts
            .iter()
            .map(|rgb| rgb.iter().map(|value| 1.04 * value + 3.0));
        let again: Vec<Vec<f32>> = again.map(Iterator::collect).collect();
        parts.extend(again);
        assert_found(&parts);
        let one = part(5);
        assert_found(&vec![one; 20]);
    }

    #[test]
    fn frames_of_a_still_or_slow_scene_are() {
        let scene = scene(3, (2000, 96));
        let video = |step: usize| -> Option<Doubles> {
            let frames: Vec<_> = (0..60)
                .map(|number| window(&scene, 2000, (number * step, 0), number as u64))
                .collect();
            let frame = |(number, rgb): (usize, &Vec<f32>)| {
                Sample::Frame(Arc::new(Frame::new("v".into(), number, SIZE, rgb)))
            };
            let samples: Vec<_> = frames.iter().enumerate().map(frame).collect();
            held_out(&samples, &frames)
        };
        for step in [0, 20] {
            let found = video(step).unwrap_or_else(|| panic!("{step}"));
            println!("{step}: {} of {}", found.doubles, found.looked_at);
        }
    }
}
