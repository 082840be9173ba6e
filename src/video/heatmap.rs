//! The anomaly map, blended over a frame.

use gst_video::{VideoFrameRef, VideoInfo};

use super::Colormap;
use super::color::ColorSpace;
use super::layout::Grid;
use crate::model::Map;

/// Blends maps over frames of one kind.
#[derive(Debug)]
pub struct Heatmap {
    space: ColorSpace,
    layers: Vec<Layer>,
    /// The look that `blends` was made for.
    look: Option<(Colormap, f32)>,
    /// For each component of the frame.
    blends: [Blends; 3],
    /// The map between two of its rows, in levels: each value, and how much higher the next one is.
    line: Vec<(f32, f32)>,
    /// The map's level at each sample of a row.
    levels: Vec<u8>,
}

impl Heatmap {
    pub fn new(info: &VideoInfo) -> Self {
        Self {
            space: ColorSpace::new(info),
            layers: Grid::of(info).into_iter().map(Layer::new).collect(),
            look: None,
            blends: [[Blend::default(); LEVELS]; 3],
            line: Vec::new(),
            levels: vec![0; info.width() as usize],
        }
    }

    /// See [`Painter::heatmap`](super::Painter::heatmap).
    pub fn paint(
        &mut self,
        frame: &mut VideoFrameRef<&mut gst::BufferRef>,
        map: &Map,
        colormap: Colormap,
        opacity: f32,
    ) {
        if map.width == 0 || map.height == 0 || map.values.len() / map.width < map.height {
            return;
        }
        self.set_look(colormap, opacity);
        self.line.resize(map.width, (0.0, 0.0));

        for layer in &mut self.layers {
            layer.fit(map.width);
            for y in 0..layer.grid.size.1 {
                let levels = layer.levels(y, map, &mut self.line, &mut self.levels);
                let Some((start, levels)) = levels else {
                    continue;
                };
                for component in &layer.grid.components {
                    if let Some(row) = component.row_mut(frame, y) {
                        let samples = row[start * component.pixel_stride..].iter_mut();
                        let samples = samples.step_by(component.pixel_stride);
                        blend(samples, levels, &self.blends[component.index]);
                    }
                }
            }
        }
    }

    fn set_look(&mut self, colormap: Colormap, opacity: f32) {
        let opacity = unit(opacity);
        if self.look == Some((colormap, opacity)) {
            return;
        }
        self.look = Some((colormap, opacity));
        for (level, color) in colormap.table().into_iter().enumerate() {
            let weight = opacity * level as f32 / (LEVELS - 1) as f32;
            let native = self.space.from_rgb.apply(color.map(f32::from));
            for (blends, component) in self.blends.iter_mut().zip(native) {
                blends[level] = Blend::new(weight, component);
            }
        }
    }
}

/// A grid of the frame, fitted to the map's width.
#[derive(Debug)]
struct Layer {
    grid: Grid,
    /// For each sample of a row, the map's column on its left, and the weight of the next one.
    columns: Vec<(u32, f32)>,
    map_width: usize,
}

impl Layer {
    fn new(grid: Grid) -> Self {
        let columns = Vec::with_capacity(grid.size.0);
        Self {
            grid,
            columns,
            map_width: 0,
        }
    }

    fn fit(&mut self, map_width: usize) {
        if self.map_width != map_width {
            let grid = &self.grid;
            let columns = (0..grid.size.0).map(|x| between(grid.center_x(x), map_width));
            self.map_width = map_width;
            self.columns.clear();
            self.columns.extend(columns);
        }
    }

    /// The map's levels at row `y` of the grid, from the first sample (its index comes with them) to the last one that
    /// may show. None when nothing does.
    fn levels<'a>(
        &self,
        y: usize,
        map: &Map,
        line: &mut [(f32, f32)],
        levels: &'a mut [u8],
    ) -> Option<(usize, &'a [u8])> {
        let (above, weight) = between(self.grid.center_y(y), map.height);
        let above = above as usize;
        let below = (above + 1).min(map.height - 1);
        let row = |y: usize| &map.values[y * map.width..(y + 1) * map.width];
        let (first, last) = interpolate(row(above), row(below), weight, line)?;

        let start = self
            .columns
            .partition_point(|&(left, _)| (left as usize) < first);
        let end = self
            .columns
            .partition_point(|&(left, _)| left as usize <= last);
        if start == end {
            return None;
        }
        let levels = &mut levels[..end - start];
        for (level, &(left, weight)) in levels.iter_mut().zip(&self.columns[start..end]) {
            let (value, rise) = line[left as usize];
            *level = (value + rise * weight + 0.5) as u8;
        }
        Some((start, levels))
    }
}

/// The value before a place on an axis (0..=1) with `count` values, and the weight of the one after it.
fn between(place: f64, count: usize) -> (u32, f32) {
    let at = (place * count as f64 - 0.5).clamp(0.0, (count - 1) as f64);
    (at as u32, at.fract() as f32)
}

/// Fills `line` with the levels between two rows of the map. Returns the first and the last place that shows, if any.
fn interpolate(
    above: &[f32],
    below: &[f32],
    weight: f32,
    line: &mut [(f32, f32)],
) -> Option<(usize, usize)> {
    for ((level, _), (&above, &below)) in line.iter_mut().zip(above.iter().zip(below)) {
        let (above, below) = (unit(above), unit(below));
        *level = (above + (below - above) * weight) * (LEVELS - 1) as f32;
    }
    // From right to left; the last one has no next one to rise to.
    let mut next = line.last()?.0;
    for (level, rise) in line.iter_mut().rev() {
        *rise = next - *level;
        next = *level;
    }
    let shows = |&(level, rise): &(f32, f32)| level >= 0.5 || level + rise >= 0.5;
    Some((line.iter().position(shows)?, line.iter().rposition(shows)?))
}

/// Within 0..=1; 0 for what is not a number, which `clamp` would keep.
fn unit(value: f32) -> f32 {
    if value > 0.0 { value.min(1.0) } else { 0.0 }
}

/// Levels that the map's values are rounded to: the colormap's entries.
const LEVELS: usize = 256;

/// How one component changes at each level.
type Blends = [Blend; LEVELS];

/// A sample becomes (sample * keep + add) / 2^16, rounded.
#[derive(Clone, Copy, Debug, Default)]
struct Blend {
    keep: u32,
    add: u32,
}

impl Blend {
    /// `color` (0..=255) with a weight in 0..=1.
    fn new(weight: f32, color: f32) -> Self {
        let keep = ((1.0 - weight) * 65536.0).round();
        let add = (65536.0 - keep) * color + 32768.0;
        Self {
            keep: keep as u32,
            add: add as u32,
        }
    }
}

fn blend<'a>(samples: impl Iterator<Item = &'a mut u8>, levels: &[u8], blends: &Blends) {
    for (sample, &level) in samples.zip(levels) {
        let Blend { keep, add } = blends[usize::from(level)];
        *sample = ((u32::from(*sample) * keep + add) >> 16) as u8;
    }
}
