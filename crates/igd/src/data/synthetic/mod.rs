//! Defects drawn on pictures of good parts, with masks: a test set for those who have no defective part. Localisation
//! can be measured on it, and a threshold checked.

mod coverage;
mod cut_paste;
mod perlin;
mod scratch;
mod spot;
mod stain;
mod tone;
mod turn;
mod write;

use fastrand::Rng;
use image::{GrayImage, Luma, RgbImage};
use serde::Serialize;

pub use write::{Counts, Options, Source, SyntheticError, write};

/// Narrower or lower pictures have no room for a defect.
pub const SMALLEST_SIDE: u32 = 16;
/// A pixel belongs to a defect if one of its channels has changed by so many grey levels; those that changed less stay
/// as they were.
pub const VISIBLE: u8 = 6;
/// Defects of fewer pixels than this, or of a mean change below [`MEAN_CHANGE`] grey levels, are drawn anew.
const FEWEST_PIXELS: u32 = 8;
const MEAN_CHANGE: u32 = 15;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DefectKind {
    /// Thin curved strokes, brighter or darker.
    Scratch,
    /// Small round spots, brighter or darker.
    Spot,
    /// A large irregular blob that shifts brightness and colour.
    Stain,
    /// An irregular region with another texture (as of DRAEM, Zavrtanik et al. 2021).
    Perlin,
    /// A piece of the picture at another place (as of CutPaste, Li et al. 2021).
    CutPaste,
}

impl DefectKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Scratch,
        Self::Spot,
        Self::Stain,
        Self::Perlin,
        Self::CutPaste,
    ];

    /// The name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scratch => "scratch",
            Self::Spot => "spot",
            Self::Stain => "stain",
            Self::Perlin => "perlin",
            Self::CutPaste => "cut-paste",
        }
    }

    /// The picture with such a defect, and its mask: 255 at the pixels that have changed, which are never none. `other`
    /// is a second picture of any size, for its texture. Both sides are to be [`SMALLEST_SIDE`] at least. Gray stays
    /// gray.
    pub fn draw(
        self,
        picture: &RgbImage,
        other: &RgbImage,
        rng: &mut Rng,
    ) -> (RgbImage, GrayImage) {
        // Each kind brightens or darkens at random by a share of what there is room for, so that on any picture about
        // every second one is seen.
        loop {
            let mut drawn = match self {
                Self::Scratch => scratch::draw(picture, rng),
                Self::Spot => spot::draw(picture, rng),
                Self::Stain => stain::draw(picture, rng),
                Self::Perlin => perlin::draw(picture, other, rng),
                Self::CutPaste => cut_paste::draw(picture, rng),
            };
            if let Some(mask) = settle(picture, &mut drawn) {
                return (drawn, mask);
            }
        }
    }
}

/// Takes back what cannot be seen; the mask of the rest, if that is a defect at all.
fn settle(picture: &RgbImage, drawn: &mut RgbImage) -> Option<GrayImage> {
    let mut mask = GrayImage::new(picture.width(), picture.height());
    let (mut pixels, mut change) = (0, 0);
    for ((before, after), mask) in picture
        .pixels()
        .zip(drawn.pixels_mut())
        .zip(mask.pixels_mut())
    {
        let changes = [0, 1, 2].map(|channel| before[channel].abs_diff(after[channel]));
        let largest = changes.into_iter().max().unwrap_or(0);
        if largest < VISIBLE {
            *after = *before;
        } else {
            *mask = Luma([255]);
            pixels += 1;
            change += u32::from(largest);
        }
    }
    (pixels >= FEWEST_PIXELS && change >= pixels * MEAN_CHANGE).then_some(mask)
}

/// A number from `low` up to `high`.
fn between(low: f32, high: f32, rng: &mut Rng) -> f32 {
    low + (high - low) * rng.f32()
}

/// A place in the picture, in pixels.
fn place(picture: &RgbImage, rng: &mut Rng) -> [f32; 2] {
    [picture.width(), picture.height()].map(|side| between(0.0, side as f32, rng))
}

/// The shorter side in pixels: what sizes of defects are shares of.
fn side(picture: &RgbImage) -> f32 {
    picture.width().min(picture.height()) as f32
}

fn is_gray(picture: &RgbImage) -> bool {
    picture
        .pixels()
        .all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
}
