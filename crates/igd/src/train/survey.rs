//! What is wrong with a set of pictures, before anything is fitted to it: doubles, blur, other light, other sizes, and
//! what does not look like the rest. All is relative to the set, so that no picture is wrong by itself.

use std::collections::HashMap;

use super::doubles::{repeated, small};
use crate::data::Picture;

/// Pictures are looked at in this size, whatever their own.
const SIZE: (usize, usize) = (256, 256);
/// Of fewer pictures nobody can tell what is usual.
const FEWEST: usize = 6;
/// Deviations, by their median, of what is usual.
const FARTHEST: f32 = 5.0;
/// The same of sharpness, which is much the same for all pictures of a kind.
const FARTHEST_BLUR: f32 = 2.6;
/// By so much, in logarithms, a blurred picture's sharpness lies below the usual at least.
const LEAST_BLUR: f32 = 0.25;
/// By so many of 255 levels another light or colour differs at least.
const LEAST_LIGHT: f32 = 20.0;
/// By so much an odd picture's likeness to the mean of all, a correlation, is less than usual at least.
const LEAST_ODDITY: f32 = 0.25;

/// What is known of a picture of a set.
#[derive(Clone, Debug)]
pub struct Look {
    /// Width and height in pixels.
    size: (u32, u32),
    /// Small and gray.
    gray: Vec<u8>,
    /// The logarithm of how much fine structure there is, of how much there is twice as large: contrast does not matter.
    sharpness: f32,
    /// Mean of R, G and B, 0..=255.
    light: [f32; 3],
}

/// Why a picture of a set may be no good one to learn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It shows what an earlier one shows: that one's place in the set.
    Double(usize),
    /// It is far less sharp than most.
    Blurred,
    /// It is far darker than most.
    Dark,
    /// It is far brighter than most.
    Bright,
    /// It has other colours, or looks unlike the rest.
    Odd,
    /// Its sides have another ratio than those of most.
    Shape,
    /// It has another size than most, of the same shape.
    Size,
}

impl Look {
    /// Of a picture, or of a part of one of `size` (width, height). Takes milliseconds.
    pub fn of(picture: &Picture, size: (u32, u32)) -> Self {
        let rgb = picture.resized(SIZE);
        let area = SIZE.0 * SIZE.1;
        let mean = |plane: &[f32]| plane.iter().sum::<f32>() / area as f32;
        let gray: Vec<f32> = (0..area)
            .map(|place| (rgb[place] + rgb[area + place] + rgb[2 * area + place]) / 3.0)
            .collect();
        Self {
            size,
            gray: small(&rgb, SIZE).unwrap_or_default(),
            sharpness: {
                let half = halved(&gray, SIZE.0);
                let fine = fineness(&half, SIZE.0 / 2) + LEAST_FINENESS;
                let coarse = fineness(&halved(&half, SIZE.0 / 2), SIZE.0 / 4) + LEAST_FINENESS;
                (fine / coarse).ln()
            },
            light: [0, 1, 2].map(|channel| mean(&rgb[channel * area..(channel + 1) * area])),
        }
    }

    /// Width and height of the whole picture, in pixels.
    pub const fn size(&self) -> (u32, u32) {
        self.size
    }
}

/// A blank picture has as much of any structure.
const LEAST_FINENESS: f32 = 0.05;

/// A picture of half the width and height.
fn halved(gray: &[f32], width: usize) -> Vec<f32> {
    let rows = gray.chunks_exact(2 * width);
    let halved = rows.flat_map(|rows| {
        let (upper, lower) = rows.split_at(width);
        let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
        pairs.map(|(upper, lower)| (upper.iter().chain(lower).sum::<f32>()) / 4.0)
    });
    halved.collect()
}

/// Mean difference of pixels from the mean of their four neighbours.
fn fineness(gray: &[f32], width: usize) -> f32 {
    let height = gray.len() / width;
    let mut sum = 0.0;
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let at = y * width + x;
            let around = gray[at - 1] + gray[at + 1] + gray[at - width] + gray[at + width];
            sum += (4.0 * gray[at] - around).abs();
        }
    }
    sum / (4 * (width - 2) * (height - 2)) as f32
}

/// What is doubtful of each picture of a set, by its place. `is_video`: they are frames of one camera. Takes some
/// milliseconds a picture.
pub fn survey(looks: &[&Look], is_video: bool) -> Vec<Vec<Doubt>> {
    let mut doubts = vec![Vec::new(); looks.len()];
    let grays: Vec<&[u8]> = looks.iter().map(|look| &look.gray[..]).collect();
    for (place, earlier) in repeated(&grays, is_video) {
        doubts[place].push(Doubt::Double(earlier));
    }
    sizes(looks, &mut doubts);
    if looks.len() < FEWEST {
        return doubts;
    }
    let mut tell = |values: &[f32], limits: (f32, f32), of: &dyn Fn(f32) -> Option<Doubt>| {
        for (place, far) in departures(values, limits).into_iter().enumerate() {
            if let Some(doubt) = far.and_then(of)
                && !doubts[place].contains(&doubt)
            {
                doubts[place].push(doubt);
            }
        }
    };
    let sharpness: Vec<_> = looks.iter().map(|look| look.sharpness).collect();
    tell(&sharpness, (FARTHEST_BLUR, LEAST_BLUR), &|far| {
        (far < 0.0).then_some(Doubt::Blurred)
    });
    let light: Vec<_> = looks
        .iter()
        .map(|look| look.light.iter().sum::<f32>() / 3.0)
        .collect();
    tell(&light, (FARTHEST, LEAST_LIGHT), &|far| {
        Some(if far < 0.0 {
            Doubt::Dark
        } else {
            Doubt::Bright
        })
    });
    for channel in [0, 2] {
        let colour: Vec<_> = looks
            .iter()
            .map(|look| look.light[channel] - look.light[1])
            .collect();
        tell(&colour, (FARTHEST, LEAST_LIGHT), &|_| Some(Doubt::Odd));
    }
    let likeness = likeness(&grays);
    tell(&likeness, (FARTHEST, LEAST_ODDITY), &|far| {
        (far < 0.0).then_some(Doubt::Odd)
    });
    doubts
}

fn sizes(looks: &[&Look], doubts: &mut [Vec<Doubt>]) {
    let mut counts: HashMap<(u32, u32), usize> = HashMap::new();
    for look in looks {
        *counts.entry(look.size).or_default() += 1;
    }
    let usual = counts
        .into_iter()
        .max_by_key(|&(size, count)| (count, size));
    let Some((usual, _)) = usual else {
        return;
    };
    let shape = |(width, height): (u32, u32)| width as f32 / height.max(1) as f32;
    for (look, doubts) in looks.iter().zip(doubts) {
        let ratio = shape(look.size) / shape(usual);
        if !(0.98..1.02).contains(&ratio) {
            doubts.push(Doubt::Shape);
        } else if look.size != usual {
            doubts.push(Doubt::Size);
        }
    }
}

/// How far each value lies from the median, where that is more than so many deviations, and than a least.
fn departures(values: &[f32], (deviations, least): (f32, f32)) -> Vec<Option<f32>> {
    let middle = median(values.to_vec());
    let spread = median(values.iter().map(|value| (value - middle).abs()).collect());
    // A Gaussian's deviation by the median of what lies off its middle.
    let limit = least.max(deviations * 1.4826 * spread);
    let far = values.iter().map(|value| value - middle);
    far.map(|far| (far.abs() > limit).then_some(far)).collect()
}

fn median(mut values: Vec<f32>) -> f32 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// Correlation of each picture with the mean of all others.
fn likeness(grays: &[&[u8]]) -> Vec<f32> {
    let length = grays[0].len();
    let centred: Vec<Vec<f32>> = grays
        .iter()
        .map(|gray| {
            let mean = gray.iter().map(|value| f32::from(*value)).sum::<f32>() / length as f32;
            gray.iter().map(|value| f32::from(*value) - mean).collect()
        })
        .collect();
    let mut sum = vec![0.0; length];
    for picture in &centred {
        sum.iter_mut()
            .zip(picture)
            .for_each(|(sum, value)| *sum += value);
    }
    let correlation = |picture: &Vec<f32>| {
        let (mut product, mut own, mut others) = (0.0, 1e-3, 1e-3);
        for (value, sum) in picture.iter().zip(&sum) {
            let other = sum - value;
            product += value * other;
            own += value * value;
            others += other * other;
        }
        product / (own * others).sqrt()
    };
    centred.iter().map(correlation).collect()
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use image::imageops::{blur, resize};

    use super::*;

    /// A part of a kind, with grain of its own.
    fn part(number: u64) -> RgbImage {
        let mut random = fastrand::Rng::with_seed(number);
        RgbImage::from_fn(200, 150, |x, y| {
            let is_bar = x % 40 < 8 || (60..75).contains(&y);
            let gray = if is_bar { 60 } else { 150 } + random.u8(..50);
            [gray, gray, gray.saturating_add(10)].into()
        })
    }

    fn doubts(pictures: Vec<RgbImage>) -> Vec<Vec<Doubt>> {
        let looks: Vec<_> = pictures
            .into_iter()
            .map(|picture| Look::of(&picture.clone().into(), picture.dimensions()))
            .collect();
        survey(&looks.iter().collect::<Vec<_>>(), false)
    }

    #[test]
    fn parts_of_a_kind_are_not_doubted() {
        assert_eq!(doubts((0..20).map(part).collect()), vec![vec![]; 20]);
        assert!(doubts(Vec::new()).is_empty());
        assert_eq!(doubts(vec![part(1)]), [[]]);
    }

    #[test]
    fn each_doubt_is_told_of_its_picture_alone() {
        let light = |by: i16| {
            let mut picture = part(100);
            picture
                .iter_mut()
                .for_each(|value| *value = (i16::from(*value) + by).clamp(0, 255) as u8);
            picture
        };
        let mut red = part(101);
        red.pixels_mut()
            .for_each(|pixel| pixel.0[0] = pixel.0[0].saturating_add(50));
        let turned = image::imageops::rotate90(&part(102));
        let half = resize(&part(103), 100, 75, image::imageops::FilterType::Triangle);
        let mut pictures: Vec<_> = (0..12).map(part).collect();
        let odd = RgbImage::from_fn(200, 150, |x, y| [((x * 3 + y * 7) % 200) as u8; 3].into());
        pictures.extend([
            part(3),
            blur(&part(104), 3.0),
            light(-55),
            light(55),
            red,
            odd,
            half,
            turned,
        ]);
        let found = doubts(pictures);
        assert_eq!(found[..12], vec![vec![]; 12]);
        assert_eq!(found[12], [Doubt::Double(3)]);
        assert_eq!(found[13], [Doubt::Blurred]);
        assert_eq!(found[14], [Doubt::Dark]);
        assert!(found[15].contains(&Doubt::Bright), "{found:?}");
        assert!(found[16].contains(&Doubt::Odd), "{found:?}");
        assert!(found[17].contains(&Doubt::Odd), "{found:?}");
        assert!(found[18].contains(&Doubt::Size), "{found:?}");
        assert!(found[19].contains(&Doubt::Shape), "{found:?}");
    }

    #[test]
    fn frames_of_a_still_scene_are_doubles() {
        let scene = part(7);
        let frame = |seed| {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut frame = scene.clone();
            frame
                .iter_mut()
                .for_each(|value| *value = value.saturating_add(random.u8(..4)));
            Look::of(&frame.into(), (200, 150))
        };
        let frames: Vec<_> = (0..5).map(frame).collect();
        let found = survey(&frames.iter().collect::<Vec<_>>(), true);
        assert_eq!(found[0], []);
        for doubts in &found[1..] {
            assert!(matches!(doubts[..], [Doubt::Double(_)]), "{found:?}");
        }
    }
}
