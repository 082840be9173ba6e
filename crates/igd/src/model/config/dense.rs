//! The dense profile: Gaussian descriptors of a frozen backbone's features.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::nn::dense::{CELL, DETAIL, FEATURES};

/// What a dense model consists of. The backbone is EfficientNet-Lite0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenseConfig {
    /// How pictures are cut.
    pub tiling: Tiling,
    /// Whether all tiles have the same descriptors: for textures. Else each has its own: for parts that always lie the
    /// same way.
    pub shared: bool,
    /// Directions of the features that are kept, a multiple of 16 up to 304.
    pub dimensions: usize,
    /// Whether the part is looked for in each picture, which shows more than the part then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub align: Option<Alignment>,
}

/// How much more a picture shows than what is judged of it, so that a part may lie elsewhere in it. In pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alignment {
    /// At its left and at its right, above it and below it.
    pub margin: [usize; 2],
}

impl Alignment {
    /// Share of a picture's side that is margin at each end, unless told otherwise.
    pub const MARGIN: f64 = 0.125;

    /// Around what is judged, so large that it is this share of the whole picture's side at each end.
    pub fn around(judged: [usize; 2], share: f64) -> Self {
        let margin = |side: usize| (side as f64 * share / (1.0 - 2.0 * share)).round() as usize;
        Self {
            margin: judged.map(margin),
        }
    }

    /// The same share around `other` (width, height) as this is around `judged`.
    pub(crate) fn around_another(self, judged: [usize; 2], other: [usize; 2]) -> Self {
        Self {
            margin: [0, 1].map(|axis| self.margin[axis] * other[axis] / judged[axis]),
        }
    }
}

/// How a picture is cut into overlapping tiles, which the backbone sees one by one. Everything is in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tiling {
    /// Width and height of a tile, multiples of 32.
    pub tile: [usize; 2],
    /// Columns and rows of tiles.
    pub tiles: [usize; 2],
    /// What neighbouring tiles share, a multiple of 16.
    pub overlap: usize,
}

/// The backbone's coarsest pixels are as large.
const TILE_STEP: usize = 32;
const TILE_SIDES: RangeInclusive<usize> = 64..=1024;
/// Columns or rows.
const MOST_TILES: usize = 32;
/// Pixels of all tiles together: more than any camera's picture needs, and not yet more than the memory of small
/// machines.
const MOST_PIXELS: usize = 32 << 20;
/// Floats of a vector register, which the loops over descriptors want to be filled.
const DIMENSIONS_STEP: usize = 16;
/// Of a tile's side.
const OVERLAP_SHARE: usize = 8;

/// Directions that are kept unless told otherwise: on ELPV more of them add less than a thousandth to the AUROC.
const DIMENSIONS: usize = 192;
/// Directions of a detail's features.
pub const DETAIL_DIMENSIONS: usize = 32;

impl DenseConfig {
    /// The whole picture at 256x256, with 192 directions.
    pub fn usual() -> Self {
        Self {
            tiling: Tiling::whole([256, 256]),
            shared: false,
            dimensions: DIMENSIONS,
            align: None,
        }
    }

    /// Width and height of the pictures to hand in, margins and all.
    pub fn picture(&self) -> [usize; 2] {
        let [across, down] = self.align.map_or([0; 2], |align| align.margin);
        let [width, height] = self.tiling.picture();
        [width + 2 * across, height + 2 * down]
    }

    /// How many descriptors a model has: one a place, of one tile where they are [`shared`](Self::shared), else of all.
    pub fn places(&self) -> usize {
        let tiles = if self.shared { 1 } else { self.tiling.count() };
        tiles * self.tiling.cells()
    }

    /// The same of details.
    pub fn details(&self) -> usize {
        let across = (CELL / DETAIL) as usize;
        self.places() * across * across
    }

    /// Refuses what nothing can be built from; the reason names the field.
    pub fn check(&self) -> Result<(), String> {
        self.tiling.check()?;
        if let Some(Alignment { margin }) = self.align {
            let judged = self.tiling.picture();
            if [0, 1]
                .iter()
                .any(|&axis| margin[axis] == 0 || margin[axis] > judged[axis])
            {
                return Err(format!(
                    "the margin is {}x{}, expected 1 to what is judged, {}x{}",
                    margin[0], margin[1], judged[0], judged[1]
                ));
            }
        }
        let dimensions = self.dimensions;
        let most = FEATURES as usize;
        if !(DIMENSIONS_STEP..=most).contains(&dimensions)
            || !dimensions.is_multiple_of(DIMENSIONS_STEP)
        {
            return Err(format!(
                "dimensions is {dimensions}, expected a multiple of {DIMENSIONS_STEP} up to {most}"
            ));
        }
        Ok(())
    }
}

impl Tiling {
    /// So many columns and rows (`tiles`) of tiles (`tile`: width, height), which overlap by an eighth of their shorter
    /// side, rounded up to a multiple of 16.
    pub fn new(tile: [usize; 2], tiles: [usize; 2]) -> Self {
        let overlap = tile[0].min(tile[1]) / OVERLAP_SHARE;
        let cell = CELL as usize;
        Self {
            tile,
            tiles,
            overlap: overlap.next_multiple_of(cell),
        }
    }

    /// One tile of that width and height is the picture.
    pub fn whole(tile: [usize; 2]) -> Self {
        Self::new(tile, [1, 1])
    }

    /// How many tiles there are.
    pub fn count(&self) -> usize {
        self.tiles[0] * self.tiles[1]
    }

    /// Width and height of the picture that the tiles cover.
    pub fn picture(&self) -> [usize; 2] {
        let side = |axis: usize| {
            self.tiles[axis] * self.tile[axis] - (self.tiles[axis] - 1) * self.overlap
        };
        [side(0), side(1)]
    }

    /// Columns and rows of a tile's places, one a 16x16 pixels.
    pub fn grid(&self) -> [usize; 2] {
        self.tile.map(|side| side / CELL as usize)
    }

    /// Places of a tile.
    pub fn cells(&self) -> usize {
        let [columns, rows] = self.grid();
        columns * rows
    }

    /// The left top corner (x, y) of a tile. Tiles are counted from 0, row by row.
    pub fn corner(&self, index: usize) -> [usize; 2] {
        let place = [index % self.tiles[0], index / self.tiles[0]];
        [0, 1].map(|axis| place[axis] * (self.tile[axis] - self.overlap))
    }

    /// Refuses what no picture can be cut into; the reason names the numbers.
    pub fn check(&self) -> Result<(), String> {
        let Self {
            tile,
            tiles,
            overlap,
        } = self;
        let fits = |side: &usize| TILE_SIDES.contains(side) && side.is_multiple_of(TILE_STEP);
        if !tile.iter().all(fits) {
            return Err(format!(
                "the input is {}x{}, expected multiples of {TILE_STEP} from {} to {}",
                tile[0],
                tile[1],
                TILE_SIDES.start(),
                TILE_SIDES.end()
            ));
        }
        if !tiles.iter().all(|count| (1..=MOST_TILES).contains(count)) {
            return Err(format!(
                "there are {}x{} tiles, expected 1 to {MOST_TILES} in each direction",
                tiles[0], tiles[1]
            ));
        }
        if *overlap > tile[0].min(tile[1]) / 2 || !overlap.is_multiple_of(CELL as usize) {
            return Err(format!(
                "tiles overlap by {overlap}, expected a multiple of {CELL} up to half a tile"
            ));
        }
        let [width, height] = self.picture();
        if width * height > MOST_PIXELS {
            return Err(format!(
                "the tiles cover {width}x{height}, expected at most {MOST_PIXELS} pixels"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_their_picture() {
        let tiling = Tiling::new([256, 256], [4, 2]);
        tiling.check().unwrap();
        assert_eq!(tiling.overlap, 32);
        assert_eq!(tiling.picture(), [928, 480]);
        assert_eq!(tiling.corner(0), [0, 0]);
        assert_eq!(tiling.corner(3), [672, 0]);
        assert_eq!(tiling.corner(7), [672, 224]);
        let [x, y] = tiling.corner(7);
        assert_eq!([x + 256, y + 256], tiling.picture());
        assert_eq!(Tiling::whole([512, 256]).picture(), [512, 256]);
        assert_eq!(Tiling::whole([512, 256]).grid(), [32, 16]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |change: fn(&mut DenseConfig)| {
            let mut config = DenseConfig {
                tiling: Tiling::new([256, 256], [2, 2]),
                shared: true,
                dimensions: 192,
                align: Some(Alignment { margin: [80, 80] }),
            };
            assert_eq!(config.picture(), [640, 640]);
            config.check().unwrap();
            change(&mut config);
            config.check().unwrap_err()
        };
        assert!(refused(|config| config.dimensions = 0).contains("dimensions is 0"));
        assert!(refused(|config| config.dimensions = 100).contains("100"));
        assert!(refused(|config| config.dimensions = 320).contains("320"));
        assert!(refused(|config| config.tiling.tile = [250, 256]).contains("250x256"));
        assert!(refused(|config| config.tiling.tile = [0, 256]).contains("0x256"));
        assert!(refused(|config| config.tiling.tile = [1 << 40, 256]).contains("expected"));
        assert!(refused(|config| config.tiling.tiles = [0, 1]).contains("0x1"));
        assert!(refused(|config| config.tiling.tiles = [1, 1 << 60]).contains("tiles"));
        assert!(refused(|config| config.tiling.tiles = [32, 32]).contains("7200x7200"));
        assert!(refused(|config| config.tiling.overlap = 144).contains("144"));
        assert!(refused(|config| config.tiling.overlap = 8).contains("8"));
        assert!(
            refused(|config| config.align = Some(Alignment { margin: [0, 9] })).contains("0x9")
        );
        assert_eq!(
            Alignment::around([480, 256], 0.125),
            Alignment { margin: [80, 43] }
        );
    }
}
