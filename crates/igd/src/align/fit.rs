//! References from the pictures of a fit.

use fastrand::Rng;
use rayon::prelude::*;

use super::{AREA, Found, References, SIDE, Search};
use crate::warp::{Transform, warp};

/// At most so many references: parts of several kinds, such as cells with other bus bars, need one each.
const MOST: usize = 6;
/// A reference stands for this share of the pictures at least.
const LEAST_SHARE: f64 = 0.03;
/// Pictures of which the first reference may be one, and against how many each is held.
const CANDIDATES: usize = 12;
const COMPARED: usize = 48;
/// Means are taken so often of pictures that lie on the means before.
const ROUNDS: usize = 3;
/// Pictures are sorted into kinds so often.
const SORTINGS: usize = 12;

/// References of small pictures, [`AREA`] values each, one after the other. What all share is found first: the picture
/// that is most like the others, and the mean of all that lie on it. Then kinds are told apart (k-means), so that parts
/// of all kinds lie alike.
pub fn fit(smalls: &[f32], stretch: f32) -> References {
    let pictures: Vec<&[f32]> = smalls.chunks_exact(AREA).collect();
    let of = |values: Vec<f32>| References { values, stretch };
    let mut references = of(most_like_others(&pictures, stretch).to_vec());
    let mut laid = Vec::new();
    for _ in 0..ROUNDS {
        laid = lay(&pictures, &references);
        references = of(mean(laid.iter().map(|(_, picture)| &picture[..])));
    }
    references = of(kinds(&laid));
    for _ in 0..ROUNDS {
        laid = lay(&pictures, &references);
        let means = (0..references.count()).flat_map(|kind| {
            let members = laid.iter().filter(|(found, _)| *found == kind);
            let members: Vec<_> = members.map(|(_, picture)| &picture[..]).collect();
            match members.is_empty() {
                true => references.values[kind * AREA..][..AREA].to_vec(),
                false => mean(members.into_iter()),
            }
        });
        references = of(means.collect());
    }
    references
}

/// Each picture as it lies on the reference that it is most like, which is told too.
fn lay(pictures: &[&[f32]], references: &References) -> Vec<(usize, Vec<f32>)> {
    let search = Search::new(references);
    let lay = |search: &mut Search, picture: &&[f32]| {
        let found = search.find(picture);
        let kind = match found {
            Some(found) => found.reference,
            None => search.most_like(picture),
        };
        let transform = found.map_or(Transform::IDENTITY, |found: Found| found.transform);
        let mut laid = vec![0.0; AREA];
        let size = (SIDE, SIDE);
        warp(picture, size, &transform, &mut laid, size);
        (kind, laid)
    };
    pictures
        .par_iter()
        .map_init(|| search.clone(), lay)
        .collect()
}

/// Of some of the pictures the one that others are most like, once they lie on it.
fn most_like_others<'a>(pictures: &[&'a [f32]], stretch: f32) -> &'a [f32] {
    let spread = |count: usize| {
        pictures
            .iter()
            .step_by(pictures.len().div_ceil(count).max(1))
    };
    let candidates: Vec<_> = spread(CANDIDATES).collect();
    let likeness = |candidate: &&&[f32]| -> f32 {
        let mut search = Search::new(&References {
            values: candidate.to_vec(),
            stretch,
        });
        let found = spread(COMPARED).map(|picture| search.find(picture));
        found
            .map(|found| found.map_or(0.0, |found| found.correlation))
            .sum()
    };
    let likenesses: Vec<f32> = candidates.par_iter().map(likeness).collect();
    let all = likenesses.iter().zip(&candidates);
    let best = all.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.map_or(pictures[0], |(_, picture)| **picture)
}

fn mean<'a>(pictures: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
    let (mut sum, mut count) = (vec![0.0; AREA], 0.0_f32);
    for picture in pictures {
        count += 1.0;
        sum.iter_mut()
            .zip(picture)
            .for_each(|(sum, value)| *sum += value);
    }
    sum.iter_mut().for_each(|value| *value /= count.max(1.0));
    sum
}

/// The means of the kinds that pictures which lie alike are of.
fn kinds(laid: &[(usize, Vec<f32>)]) -> Vec<f32> {
    let pictures: Vec<Vec<f32>> = laid.iter().map(|(_, picture)| unit(picture)).collect();
    // The same each time.
    let mut rng = Rng::with_seed(1);
    let mut means = vec![pictures[rng.usize(..pictures.len())].clone()];
    while means.len() < MOST.min(pictures.len()) {
        // k-means++ (Arthur & Vassilvitskii, 2007): the farther from all so far, the likelier.
        let distances: Vec<f32> = pictures
            .iter()
            .map(|picture| 1.0 - nearest(picture, &means).1.min(1.0))
            .collect();
        let mut lot = rng.f32() * distances.iter().sum::<f32>();
        let drawn = distances.iter().position(|distance| {
            lot -= distance;
            lot < 0.0
        });
        means.push(pictures[drawn.unwrap_or(0)].clone());
    }
    for _ in 0..SORTINGS {
        let sorted: Vec<usize> = pictures
            .par_iter()
            .map(|picture| nearest(picture, &means).0)
            .collect();
        let members = |kind: usize| {
            let sorted = pictures.iter().zip(&sorted);
            sorted
                .filter(move |(_, own)| **own == kind)
                .map(|(picture, _)| picture)
        };
        let least = (LEAST_SHARE * pictures.len() as f64).max(1.0) as usize;
        let large: Vec<usize> = (0..means.len())
            .filter(|kind| members(*kind).count() >= least)
            .collect();
        means = large
            .into_iter()
            .map(|kind| unit(&mean(members(kind).map(|picture| &picture[..]))))
            .collect();
    }
    means.into_iter().flatten().collect()
}

/// The mean that a picture is most like, and how much.
fn nearest(picture: &[f32], means: &[Vec<f32>]) -> (usize, f32) {
    let likenesses = means.iter().map(|mean| {
        let products = mean.iter().zip(picture);
        products.map(|(one, other)| one * other).sum::<f32>()
    });
    let best = likenesses
        .enumerate()
        .max_by(|(_, one), (_, other)| one.total_cmp(other));
    best.unwrap_or((0, 0.0))
}

/// With a mean of 0 and a length of 1.
fn unit(picture: &[f32]) -> Vec<f32> {
    let mean = picture.iter().sum::<f32>() / picture.len() as f32;
    let square = |value: &f32| (value - mean).powi(2);
    let length = picture.iter().map(square).sum::<f32>().sqrt().max(1e-6);
    picture
        .iter()
        .map(|value| (value - mean) / length)
        .collect()
}
