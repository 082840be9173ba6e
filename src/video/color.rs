//! Between a frame's components and RGB.

use gst_video::{VideoColorMatrix, VideoColorRange, VideoInfo};

use super::layout::is_wide;
use igd::data::white;

/// Three components to three others, a row of weights and an offset each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    rows: [[f32; 4]; 3],
}

impl Affine {
    pub const IDENTITY: Self = Self {
        rows: [
            [1.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0],
        ],
    };

    /// The same of a first component that comes as its low and its high byte, in units of `scale`.
    fn of_bytes(self, scale: f32) -> Self {
        Self {
            rows: self.rows.map(|[weight, _, _, offset]| {
                [weight * scale, 256.0 * weight * scale, 0.0, offset]
            }),
        }
    }

    /// The result, held within 0..=255.
    #[inline]
    pub fn apply(&self, [a, b, c]: [f32; 3]) -> [f32; 3] {
        self.rows
            .map(|[wa, wb, wc, offset]| (wa * a + wb * b + wc * c + offset).clamp(0.0, 255.0))
    }
}

/// What the components of a frame mean; both ways take and give 0..=255.
#[derive(Clone, Copy, Debug)]
pub struct ColorSpace {
    pub to_rgb: Affine,
    from_rgb: Affine,
    /// The value of white in samples of 16 bits, where it has such.
    wide_white: Option<f32>,
}

impl ColorSpace {
    /// As GStreamer's own converter understands the colorimetry: matrix and range count, also a limited range of RGB
    /// and gray; primaries and transfer do not. Of samples of 16 bits so many are used (8 to 16), all unless told, and
    /// what is brighter is white.
    pub fn new(info: &VideoInfo, significant_bits: Option<u32>) -> Self {
        let limited = info.colorimetry().range() == VideoColorRange::Range16_235;
        let (kr, kb) = luma_weights(info);
        let kg = 1.0 - kr - kb;

        // Components without their ranges (luma and RGB in 0..=1, chroma in -0.5..=0.5) to RGB and back.
        let (to_rgb, from_rgb) = if info.is_rgb() {
            let identity = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
            (identity, identity)
        } else if info.is_gray() {
            ([[1.0, 0.0, 0.0]; 3], [[kr, kg, kb], [0.0; 3], [0.0; 3]])
        } else {
            let (cr, cb) = (2.0 * (1.0 - kr), 2.0 * (1.0 - kb));
            (
                [
                    [1.0, 0.0, cr],
                    [1.0, -cb * kb / kg, -cr * kr / kg],
                    [1.0, cb, 0.0],
                ],
                [
                    [kr, kg, kb],
                    [-kr / cb, -kg / cb, 0.5],
                    [0.5, -kg / cr, -kb / cr],
                ],
            )
        };

        let luma = if limited { (16.0, 219.0) } else { (0.0, 255.0) };
        let chroma = (128.0, if limited { 224.0 } else { 255.0 });
        let ranges = if info.is_yuv() {
            [luma, chroma, chroma]
        } else {
            [luma; 3]
        };
        let to_rgb = affine(to_rgb, ranges, [(0.0, 255.0); 3]);
        let wide_white = is_wide(info).then(|| f32::from(white(significant_bits)));
        Self {
            to_rgb: wide_white.map_or(to_rgb, |white| to_rgb.of_bytes(255.0 / white)),
            from_rgb: affine(from_rgb, [(0.0, 255.0); 3], ranges),
            wide_white,
        }
    }

    /// A colour's components in the frame, rounded.
    pub fn native(&self, rgb: [f32; 3]) -> [u8; 3] {
        let native = self.from_rgb.apply(rgb);
        match self.wide_white {
            Some(white) => {
                let [low, high] = ((native[0] / 255.0 * white).round() as u16).to_le_bytes();
                [low, high, 0]
            }
            None => native.map(|value| value.round() as u8),
        }
    }
}

/// Kr and Kb. Caps always name a matrix for YUV; where other code left it out, HD is taken as BT.709 and the rest as
/// BT.601, GStreamer's own defaults.
fn luma_weights(info: &VideoInfo) -> (f64, f64) {
    let matrix = info.colorimetry().matrix();
    matrix
        .kr_kb()
        .or_else(|_| {
            if info.is_yuv() && info.height() > 576 {
                VideoColorMatrix::Bt709.kr_kb()
            } else {
                VideoColorMatrix::Bt601.kr_kb()
            }
        })
        .unwrap_or((0.299, 0.114))
}

/// A matrix between normalised components as one between components with an (offset, scale) each.
fn affine(matrix: [[f64; 3]; 3], from: [(f64, f64); 3], to: [(f64, f64); 3]) -> Affine {
    let mut rows = [[0.0; 4]; 3];
    for (row, (weights, (to_offset, to_scale))) in rows.iter_mut().zip(matrix.iter().zip(to)) {
        let mut offset = to_offset;
        for (entry, (weight, (from_offset, from_scale))) in
            row.iter_mut().zip(weights.iter().zip(from))
        {
            let weight = weight * to_scale / from_scale;
            *entry = weight as f32;
            offset -= weight * from_offset;
        }
        row[3] = offset as f32;
    }
    Affine { rows }
}
