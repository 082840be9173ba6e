//! A picture with what was found drawn on it.

use gst_video::prelude::*;
use gstigd::video::{Area, Colormap, paint_on};
use igd::data::Picture;
use igd::model::Detection;
use image::RgbImage;

/// How strong the heatmap is drawn.
const OPACITY: f32 = 0.5;

/// Draws heatmap, regions and badge as `igdfilter` does.
pub fn paint(picture: Picture, detection: &Detection) -> anyhow::Result<RgbImage> {
    let mut pixels = picture.into_rgb();
    paint_on(&mut pixels, |painter, frame| {
        painter.heatmap(frame, &detection.map, Colormap::Turbo, OPACITY);
        painter.boxes(frame, &detection.regions);
        let area = Area::whole(frame.info());
        painter.badge(frame, area, &detection.into());
    })?;
    Ok(pixels)
}
