//! What all pictures of a set have in common, and where they differ.

use gstigd::video::{Area, Colormap, paint_on};
use igd::data::Picture;
use igd::encode::scaled;
use igd::model::Map;
use image::RgbImage;

use super::Lessons;
use super::set::Set;

/// Width and height of what is summed up.
const SIZE: (usize, usize) = (256, 256);
const VALUES: usize = 3 * SIZE.0 * SIZE.1;
/// A width that people look at.
const WIDTH: u32 = 480;
/// The share of places whose spread is shown as less than the most.
const MOST_SPREAD: f32 = 0.99;
const OPACITY: f32 = 0.6;

/// Sums over pictures, in whole numbers so that one can be taken away again.
#[derive(Default)]
pub(super) struct Mean {
    count: u32,
    sums: Vec<u32>,
    squares: Vec<u32>,
    /// Of the last one, for its shape.
    size: (u32, u32),
}

impl Mean {
    pub fn add(&mut self, picture: &Picture) {
        self.size = picture.size();
        self.sums.resize(VALUES, 0);
        self.squares.resize(VALUES, 0);
        self.count += 1;
        for (at, value) in values(picture).enumerate() {
            self.sums[at] += value;
            self.squares[at] += value * value;
        }
    }

    pub fn remove(&mut self, picture: &Picture) {
        self.count = self.count.saturating_sub(1);
        if self.count == 0 {
            *self = Self::default();
            return;
        }
        for (at, value) in values(picture).enumerate() {
            self.sums[at] -= value;
            self.squares[at] -= value * value;
        }
    }

    /// The mean of all pictures, `spread`: with how much each place varies drawn on it. `None` without pictures.
    pub fn drawn(&self, spread: bool) -> Option<RgbImage> {
        if self.count == 0 {
            return None;
        }
        let count = self.count as f32;
        let mean: Vec<f32> = self.sums.iter().map(|&sum| sum as f32 / count).collect();
        let pixels = Picture::of_planes(&mean, SIZE).into_rgb();
        let height = (WIDTH * self.size.1).div_ceil(self.size.0.max(1)).max(1);
        let mut drawn = scaled(&pixels, (WIDTH, height.min(4 * WIDTH)));
        if spread {
            let map = self.spread(&mean);
            let area = Area {
                x: 0,
                y: 0,
                w: drawn.width(),
                h: drawn.height(),
            };
            paint_on(&mut drawn, |painter, frame| {
                painter.heatmap_in(frame, &map, area, Colormap::Turbo, OPACITY);
            })
            .ok()?;
        }
        Some(drawn)
    }

    /// Standard deviations, of the most that nearly all places have.
    fn spread(&self, mean: &[f32]) -> Map {
        let area = SIZE.0 * SIZE.1;
        let variance = |at: usize| self.squares[at] as f32 / self.count as f32 - mean[at].powi(2);
        let deviation = |place: usize| {
            let sum: f32 = [0, 1, 2]
                .map(|channel| variance(channel * area + place))
                .iter()
                .sum();
            sum.max(0.0).sqrt()
        };
        let mut values: Vec<f32> = (0..area).map(deviation).collect();
        let mut sorted = values.clone();
        let most = ((area - 1) as f32 * MOST_SPREAD) as usize;
        let most = sorted
            .select_nth_unstable_by(most, f32::total_cmp)
            .1
            .max(1.0);
        values
            .iter_mut()
            .for_each(|value| *value = (*value / most).min(1.0));
        Map {
            width: SIZE.0,
            height: SIZE.1,
            values,
        }
    }
}

fn values(picture: &Picture) -> impl Iterator<Item = u32> {
    let values = picture.resized(SIZE).into_iter();
    values.map(|value| value.round().clamp(0.0, 255.0) as u32)
}

impl Lessons {
    /// What a recipe's pictures have in common; with `spread` also where they differ. `None` before one was looked at.
    pub fn mean(&self, recipe: &str, spread: bool) -> Option<RgbImage> {
        self.sets().get(recipe).map(Set::mean)?.drawn(spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_leaves_nothing() {
        let picture = |level: u8| {
            let pixels =
                RgbImage::from_fn(40, 20, |x, _| [if x < 20 { 100 } else { level }; 3].into());
            Picture::from(pixels)
        };
        let mut mean = Mean::default();
        assert!(mean.drawn(false).is_none());
        mean.add(&picture(40));
        let before = (mean.sums.clone(), mean.squares.clone());
        mean.add(&picture(80));
        let drawn = mean.drawn(false).unwrap();
        assert_eq!(drawn.dimensions(), (480, 240));
        assert_eq!(drawn.get_pixel(10, 10).0, [100; 3]);
        assert_eq!(drawn.get_pixel(470, 10).0, [60; 3]);
        let map = mean.spread(
            &mean
                .sums
                .iter()
                .map(|&sum| sum as f32 / 2.0)
                .collect::<Vec<_>>(),
        );
        assert_eq!((map.values[0], map.values[SIZE.0 - 1]), (0.0, 1.0));
        assert_ne!(mean.drawn(true), Some(drawn));
        mean.remove(&picture(80));
        assert_eq!((mean.sums.clone(), mean.squares.clone()), before);
        mean.remove(&picture(40));
        assert!(mean.drawn(false).is_none());
    }
}
