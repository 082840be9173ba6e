//! Rows of the anomaly map at the width of a frame.

use std::ops::Range;

use multiversion::multiversion;

use super::Area;
use super::blend::SPAN;
use super::layout::SampleGrid;
use igd::model::Map;

/// The highest level: the last entry of a colormap.
const HIGHEST: f32 = 255.0;

/// Bytes that are filled at a time.
const LANES: usize = 8;

/// The value before a place on an axis (0..=1) with `count` values, and the weight of the one after it.
#[inline]
pub fn between(place: f64, count: usize) -> (usize, f32) {
    let at = (place * count as f64 - 0.5).clamp(0.0, (count - 1) as f64);
    (at as usize, at.fract() as f32)
}

/// A part of an axis of the frame.
pub fn pixels(start: u32, length: u32) -> Range<usize> {
    start as usize..start as usize + length as usize
}

/// Within 0..=1; 0 for what is not a number, which `clamp` would keep.
#[inline]
pub fn unit(value: f32) -> f32 {
    if value > 0.0 { value.min(1.0) } else { 0.0 }
}

/// How the bytes of a grid's rows lie between the values of a map: each takes the place of its pixel, so that no
/// samples have to be told apart.
#[derive(Debug, Default)]
pub struct Columns {
    /// What they were made for: the part of the frame, and the map's width.
    made_for: (Area, usize),
    /// The bytes of that part.
    bytes: Range<usize>,
    /// For each byte, the weight of the value on its right.
    weights: Vec<f32>,
    /// For each value, the end of the bytes that have it on their left.
    ends: Vec<usize>,
}

impl Columns {
    /// For maps of this width that cover `area` of the frame.
    pub fn fit(&mut self, grid: &SampleGrid, area: Area, map_width: usize) {
        if self.made_for == (area, map_width) {
            return;
        }
        self.made_for = (area, map_width);
        let columns = grid.columns(&pixels(area.x, area.w));
        self.bytes = columns.start * grid.pixel_stride..columns.end * grid.pixel_stride;
        self.weights.clear();
        self.ends.clear();
        let (left_edge, width) = (f64::from(area.x), f64::from(area.w));
        for column in 0..grid.size.0 {
            let (left, weight) = between((grid.center_x(column) - left_edge) / width, map_width);
            let start = column * grid.pixel_stride;
            self.ends.resize(left, start);
            self.weights.resize(start + grid.pixel_stride, weight);
        }
        let bytes = self.weights.len();
        self.ends.resize(map_width, bytes);
        // Whole blocks are painted, and whole vectors filled.
        self.weights
            .resize(bytes.next_multiple_of(SPAN) + LANES, 0.0);
    }

    /// Takes the levels of what is outside the part of the frame; the first one is that of the byte `start`.
    pub fn clear_outside(&self, start: usize, levels: &mut [u8]) {
        let inside = |byte: usize| byte.saturating_sub(start).min(levels.len());
        let (first, end) = (inside(self.bytes.start), inside(self.bytes.end));
        levels[..first].fill(0);
        levels[end..].fill(0);
    }
}

/// A row of the map.
#[derive(Debug, Default)]
pub struct LevelRow {
    row: Option<usize>,
    /// The row's levels (0..=255), the last one twice.
    values: Vec<f32>,
    /// For each byte of a grid's row, in whole spans; only when they were asked for.
    levels: Vec<f32>,
    stretched: bool,
    /// The bytes whose level may round to more than 0.
    shows: Option<Range<usize>>,
}

impl LevelRow {
    /// Forgets its row, as another map has others.
    pub fn clear(&mut self) {
        self.row = None;
    }

    #[inline]
    pub fn is(&self, row: usize) -> bool {
        self.row == Some(row)
    }

    /// Becomes the row, unless it is that already.
    pub fn set(&mut self, row: usize, map: &Map, columns: &Columns) {
        if self.is(row) {
            return;
        }
        let values = &map.values[row * map.width..(row + 1) * map.width];
        self.row = Some(row);
        self.stretched = false;
        self.values.resize(map.width + 1, 0.0);
        scale(values, &mut self.values);
        self.values[map.width] = self.values[map.width - 1];

        let shows = |&value: &f32| value >= 0.5;
        let first = self.values.iter().position(shows);
        self.shows = first.map(|first| {
            // The bytes before the first value rise to it.
            let start = first.checked_sub(2).map_or(0, |value| columns.ends[value]);
            let last = self.values[..map.width].iter().rposition(shows);
            start..columns.ends[last.unwrap_or(first)]
        });
    }

    /// A level for each byte, in whole spans.
    pub fn levels(&mut self, columns: &Columns) -> &[f32] {
        if !self.stretched {
            self.stretched = true;
            self.levels.resize(columns.weights.len(), 0.0);
            stretch(&self.values, columns, &mut self.levels);
        }
        &self.levels
    }
}

/// The whole spans of bytes where one of two lines shows.
#[inline]
pub fn shows(above: &LevelRow, below: &LevelRow) -> Option<Range<usize>> {
    let ranges = [&above.shows, &below.shows].into_iter().flatten().cloned();
    let range =
        ranges.reduce(|left, right| left.start.min(right.start)..left.end.max(right.end))?;
    (!range.is_empty()).then(|| range.start / SPAN * SPAN..range.end.next_multiple_of(SPAN))
}

/// Rounds what lies between two rows of levels, with a weight of the second one.
#[multiversion(targets("x86_64+avx512bw", "x86_64+avx2"))]
pub fn round_between(above: &[f32], below: &[f32], weight: f32, levels: &mut [u8]) {
    for ((level, &above), &below) in levels.iter_mut().zip(above).zip(below) {
        // From here on floats are whole numbers, and their bits end with them: cheaper than a cast, which has to
        // saturate.
        const WHOLE: f32 = 8_388_608.0;
        *level = (above + (below - above) * weight + WHOLE).to_bits() as u8;
    }
}

/// Values of a map to levels.
#[multiversion(targets("x86_64+avx512bw", "x86_64+avx2"))]
fn scale(values: &[f32], levels: &mut [f32]) {
    for (level, &value) in levels.iter_mut().zip(values) {
        *level = unit(value) * HIGHEST;
    }
}

/// Interpolates between each value and the next one.
#[multiversion(targets("x86_64+avx2"))]
fn stretch(values: &[f32], columns: &Columns, levels: &mut [f32]) {
    let mut byte = 0;
    for (pair, &end) in values.windows(2).zip(&columns.ends) {
        let (value, rise) = (pair[0], pair[1] - pair[0]);
        // What is too much is filled again for the next pair.
        while byte < end {
            let range = byte..byte + LANES;
            for (level, weight) in levels[range.clone()]
                .iter_mut()
                .zip(&columns.weights[range])
            {
                *level = value + rise * weight;
            }
            byte += LANES;
        }
        byte = end;
    }
}
