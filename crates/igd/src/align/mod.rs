//! Where a part lies in a picture: the picture, small and without its light, is held against references in which parts
//! lie as they should, and shifted, turned and scaled until it is most like one of them.
//!
//! The first guess is the best of all whole shifts of a few pixels. From there Lucas and Kanade's method goes on, in its
//! inverse compositional form (Baker & Matthews, 2004), with brightness and contrast as two more unknowns, so that all
//! but the picture's own samples is worked out once.

mod fit;
mod small;
mod template;

use std::fmt;
use std::mem;

pub use self::fit::fit;
use self::small::halved;
pub use self::small::{AREA, SIDE, Small};
use self::template::{Scratch, Template};
use crate::warp::{Transform, warp};

/// Steps at half size, and at full size, at most.
const STEPS: [usize; 2] = [6, 10];
/// Of all references so many are looked at at full size.
const FINALISTS: usize = 2;
/// Pictures that correlate less with every reference show something else.
const LEAST_CORRELATION: f32 = 0.25;
/// What the right place must gain: noise gains something anywhere.
const LEAST_GAIN: f32 = 0.002;

/// Small pictures of parts that lie as they should: see [`Small`].
#[derive(Clone, Debug, PartialEq)]
pub struct References {
    /// One after the other, each [`AREA`] values.
    pub values: Vec<f32>,
    /// How much wider than high the pixels of the pictures are.
    pub stretch: f32,
}

impl References {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.values.len() / AREA
    }
}

/// Where a part was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// From places where it should be to where it is. In pixels of the picture.
    pub transform: Transform,
    /// The reference that it is most like.
    pub reference: usize,
    /// How much it is like that one, at most 1.
    pub correlation: f32,
}

/// Finds parts in pictures of one size.
#[derive(Clone)]
pub struct Aligner {
    small: Small,
    search: Search,
    size: (usize, usize),
    /// Width and height of the part with its surroundings, in the middle of the picture.
    window: (usize, usize),
}

impl Aligner {
    /// For pictures of `size` (width, height), of which `window` (width, height) in the middle is to show the part.
    pub fn new(references: &References, size: (usize, usize), window: (usize, usize)) -> Self {
        Self {
            small: Small::new(size),
            search: Search::new(references),
            size,
            window,
        }
    }

    /// Fills `out` with what the window shows once it is where the part is, planar as `rgb` is. Returns from where in
    /// the window to where in the picture: both from the middle, in pixels.
    pub fn bring(&mut self, rgb: &[f32], out: &mut Vec<f32>) -> Transform {
        let found = self.find(rgb);
        let transform = found.map_or(Transform::IDENTITY, |found| found.transform);
        out.resize(3 * self.window.0 * self.window.1, 0.0);
        warp(rgb, self.size, &transform, out, self.window);
        transform
    }

    /// Finds the part in planar R, G, B values. `None` where it is as well left where it is: the picture shows nothing,
    /// or something else, or no place is better.
    pub fn find(&mut self, rgb: &[f32]) -> Option<Found> {
        let found = self.search.find(self.small.look(rgb))?;
        let side = |pixels: usize| pixels as f32 / SIDE as f32;
        let transform = found
            .transform
            .scaled([side(self.size.0), side(self.size.1)]);
        // What cannot be seen cannot be judged.
        let half = |(width, height): (usize, usize)| [width, height].map(|side| side as f32 / 2.0);
        let ([right, bottom], limits) = (half(self.window), half(self.size));
        let corners = [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]];
        let is_seen = corners.into_iter().all(|[x, y]| {
            let corner = transform.apply([x * right, y * bottom]);
            [0, 1]
                .into_iter()
                .all(|axis| corner[axis].abs() <= limits[axis])
        });
        is_seen.then_some(Found { transform, ..found })
    }
}

impl fmt::Debug for Aligner {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let references = self.search.references.len();
        write!(formatter, "Aligner({references} references)")
    }
}

/// The same for small pictures.
#[derive(Clone)]
struct Search {
    references: Vec<[Template; 2]>,
    scratch: Scratch,
    /// The picture at half size.
    half: Vec<f32>,
    /// What is found at half size.
    candidates: Vec<Found>,
}

impl Search {
    fn new(references: &References) -> Self {
        let templates = references.values.chunks_exact(AREA).map(|values| {
            let half: Vec<f32> = halved(values).collect();
            [
                Template::new(&half, SIDE / 2, references.stretch),
                Template::new(values, SIDE, references.stretch),
            ]
        });
        Self {
            references: templates.collect(),
            scratch: Scratch::default(),
            half: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// In pixels of the small picture.
    fn find(&mut self, small: &[f32]) -> Option<Found> {
        let mut half = mem::take(&mut self.half);
        half.clear();
        half.extend(halved(small));
        self.candidates.clear();
        for (index, [coarse, _]) in self.references.iter().enumerate() {
            let start = coarse.best_shift(&half);
            let (transform, correlation) = coarse.follow(&half, start, STEPS[0], &mut self.scratch);
            self.candidates.push(Found {
                transform: transform.scaled([2.0; 2]),
                reference: index,
                correlation,
            });
        }
        self.half = half;
        self.candidates
            .sort_by(|one, other| other.correlation.total_cmp(&one.correlation));
        let mut best: Option<Found> = None;
        for candidate in self.candidates.iter().take(FINALISTS) {
            let [_, fine] = &self.references[candidate.reference];
            let (transform, correlation) =
                fine.follow(small, candidate.transform, STEPS[1], &mut self.scratch);
            if best.is_none_or(|best| correlation > best.correlation) {
                best = Some(Found {
                    transform,
                    correlation,
                    ..*candidate
                });
            }
        }
        let best = best?;
        let [_, fine] = &self.references[best.reference];
        let as_it_lies = fine.correlation(small, &Transform::IDENTITY, &mut self.scratch);
        let is_better =
            best.correlation >= LEAST_CORRELATION && best.correlation > as_it_lies + LEAST_GAIN;
        is_better.then_some(best)
    }

    /// The reference that a picture is most like as it lies.
    fn most_like(&mut self, small: &[f32]) -> usize {
        let likeness = |[_, fine]: &[Template; 2]| {
            fine.correlation(small, &Transform::IDENTITY, &mut self.scratch)
        };
        let likenesses: Vec<f32> = self.references.iter().map(likeness).collect();
        let best = (0..likenesses.len()).max_by(|a, b| likenesses[*a].total_cmp(&likenesses[*b]));
        best.unwrap_or(0)
    }
}
