//! The anomaly map, blended over a frame.

use gst_video::{VideoFrameRef, VideoInfo};

use super::blend::{Component, LevelColors, SPAN, paint, paint_wide};
use super::color::ColorSpace;
use super::layout::{SampleGrid, is_wide};
use super::levels::{Columns, LevelRow, between, pixels, round_between, shows, unit};
use super::{Area, Colormap};
use igd::model::Map;

/// Blends maps over frames of one kind.
#[derive(Debug)]
pub struct Heatmap {
    space: ColorSpace,
    layers: Vec<GridLevels>,
    /// What `look` was made of.
    made_of: (Colormap, f32),
    look: LevelColors,
}

impl Heatmap {
    /// For frames with the caps of `info`, whose colours are in `space`.
    pub fn new(info: &VideoInfo, space: ColorSpace) -> Self {
        let made_of = (Colormap::default(), 0.0);
        Self {
            layers: SampleGrid::of(info)
                .into_iter()
                .map(|grid| GridLevels::new(grid, is_wide(info)))
                .collect(),
            look: look(&space, made_of),
            made_of,
            space,
        }
    }

    /// See [`Painter::heatmap_in`](super::Painter::heatmap_in).
    pub fn paint(
        &mut self,
        frame: &mut VideoFrameRef<&mut gst::BufferRef>,
        map: &Map,
        area: Area,
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
            layer.paint(frame, map, area, &self.look);
        }
    }
}

fn look(space: &ColorSpace, (colormap, opacity): (Colormap, f32)) -> LevelColors {
    let mut colors = [[0; 256]; 3];
    for (level, color) in colormap.table().into_iter().enumerate() {
        let native = space.native(color.map(f32::from));
        for (colors, component) in colors.iter_mut().zip(native) {
            colors[level] = component;
        }
    }
    LevelColors::new(colors, opacity)
}

/// A grid of the frame, and the map at its width.
#[derive(Debug)]
struct GridLevels {
    grid: SampleGrid,
    /// Two bytes are a sample.
    is_wide: bool,
    components: Vec<Component>,
    columns: Columns,
    above: LevelRow,
    below: LevelRow,
    /// Between the two, for each byte of a row, in whole spans.
    levels: Vec<u8>,
}

impl GridLevels {
    fn new(grid: SampleGrid, is_wide: bool) -> Self {
        let stride = grid.pixel_stride;
        let components = grid.components.iter();
        Self {
            components: components
                .map(|&(index, offset)| Component::new(index, offset, stride))
                .collect(),
            levels: vec![0; (grid.size.0 * stride).next_multiple_of(SPAN)],
            grid,
            is_wide,
            columns: Columns::default(),
            above: LevelRow::default(),
            below: LevelRow::default(),
        }
    }

    fn paint(
        &mut self,
        frame: &mut VideoFrameRef<&mut gst::BufferRef>,
        map: &Map,
        area: Area,
        look: &LevelColors,
    ) {
        self.columns.fit(&self.grid, area, map.width);
        self.above.clear();
        self.below.clear();
        let Some(mut rows) = self.grid.rows_mut(frame) else {
            return;
        };
        let (top, height) = (f64::from(area.y), f64::from(area.h));
        for y in self.grid.rows(&pixels(area.y, area.h)) {
            let place = (self.grid.center_y(y) - top) / height;
            let (above, weight) = between(place, map.height);
            if self.below.is(above) {
                std::mem::swap(&mut self.above, &mut self.below);
            }
            self.above.set(above, map, &self.columns);
            self.below
                .set((above + 1).min(map.height - 1), map, &self.columns);
            let Some(span) = shows(&self.above, &self.below) else {
                continue;
            };
            let Some(row) = rows.get(y) else {
                continue;
            };
            let above = &self.above.levels(&self.columns)[span.clone()];
            let below = &self.below.levels(&self.columns)[span.clone()];
            let levels = &mut self.levels[span.clone()];
            round_between(above, below, weight, levels);
            self.columns.clear_outside(span.start, levels);
            let bytes = span.start..span.end.min(row.len());
            if self.is_wide {
                paint_wide(&mut row[bytes], levels, look);
            } else {
                paint(&mut row[bytes], levels, &self.components, look);
            }
        }
    }
}
