//! The anomaly map, blended over a frame.

use gst_video::{VideoFrameRef, VideoInfo};

use super::Colormap;
use super::blend::{Look, paint};
use super::color::ColorSpace;
use super::layout::Grid;
use super::levels::{Columns, Line, between, round_between, unit};
use super::look_up::BLOCK;
use crate::model::Map;

/// Blends maps over frames of one kind.
#[derive(Debug)]
pub struct Heatmap {
    space: ColorSpace,
    layers: Vec<Layer>,
    /// What `look` was made of.
    made_of: (Colormap, f32),
    look: Look,
}

impl Heatmap {
    pub fn new(info: &VideoInfo) -> Self {
        let space = ColorSpace::new(info);
        let made_of = (Colormap::default(), 0.0);
        Self {
            layers: Grid::of(info).into_iter().map(Layer::new).collect(),
            look: look(&space, made_of),
            made_of,
            space,
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
        let made_of = (colormap, unit(opacity));
        if self.made_of != made_of {
            self.made_of = made_of;
            self.look = look(&self.space, made_of);
        }
        for layer in &mut self.layers {
            layer.paint(frame, map, &self.look);
        }
    }
}

fn look(space: &ColorSpace, (colormap, opacity): (Colormap, f32)) -> Look {
    let mut colors = [[0; 256]; 3];
    for (level, color) in colormap.table().into_iter().enumerate() {
        let native = space.from_rgb.apply(color.map(f32::from));
        for (colors, component) in colors.iter_mut().zip(native) {
            colors[level] = component.round() as u8;
        }
    }
    Look::new(colors, opacity)
}

/// A grid of the frame, and the map at its width.
#[derive(Debug)]
struct Layer {
    grid: Grid,
    columns: Columns,
    above: Line,
    below: Line,
    /// Between the two, for a row of the grid, in whole blocks.
    levels: Vec<u8>,
}

impl Layer {
    fn new(grid: Grid) -> Self {
        let levels = vec![0; grid.size.0.next_multiple_of(BLOCK)];
        Self {
            grid,
            levels,
            columns: Columns::default(),
            above: Line::default(),
            below: Line::default(),
        }
    }

    fn paint(&mut self, frame: &mut VideoFrameRef<&mut gst::BufferRef>, map: &Map, look: &Look) {
        self.columns.fit(&self.grid, map.width);
        self.above.clear();
        self.below.clear();
        let Some(mut rows) = self.grid.rows_mut(frame) else {
            return;
        };
        for y in 0..self.grid.size.1 {
            let (above, weight) = between(self.grid.center_y(y), map.height);
            if self.below.is(above) {
                std::mem::swap(&mut self.above, &mut self.below);
            }
            self.above.set(above, map, &self.columns);
            self.below
                .set((above + 1).min(map.height - 1), map, &self.columns);
            let Some((start, end)) = shows(&self.above, &self.below) else {
                continue;
            };
            let Some(row) = rows.get(y) else {
                continue;
            };
            let levels = &mut self.levels[start..end];
            round_between(
                &self.above.levels(&self.columns)[start..end],
                &self.below.levels(&self.columns)[start..end],
                weight,
                levels,
            );
            let stride = self.grid.pixel_stride;
            let bytes = start * stride..(end * stride).min(row.len());
            paint(&mut row[bytes], stride, &self.grid.components, levels, look);
        }
    }
}

/// The blocks of columns where one of two lines shows.
fn shows(above: &Line, below: &Line) -> Option<(usize, usize)> {
    let (start, end) = match (above.shows.is_empty(), below.shows.is_empty()) {
        (true, true) => return None,
        (true, false) => (below.shows.start, below.shows.end),
        (false, true) => (above.shows.start, above.shows.end),
        (false, false) => (
            above.shows.start.min(below.shows.start),
            above.shows.end.max(below.shows.end),
        ),
    };
    Some((start / BLOCK * BLOCK, end.next_multiple_of(BLOCK)))
}
