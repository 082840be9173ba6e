//! A picture with what was found drawn on it.

use gst_video::{VideoFormat, VideoFrameRef, VideoInfo};
use gstigd::video::{Area, Colormap, Painter};
use igd::data::Picture;
use igd::model::Detection;
use image::RgbImage;

/// How strong the heatmap is drawn.
const OPACITY: f32 = 0.5;

/// Draws heatmap, regions and badge as `igdfilter` does.
pub fn paint(picture: Picture, detection: &Detection) -> anyhow::Result<RgbImage> {
    gst::init()?;
    let (width, height) = picture.size();
    // Rows as GStreamer lays them out: padded to four bytes.
    let info = VideoInfo::builder(VideoFormat::Rgb, width, height).build()?;
    let stride = info.stride()[0] as usize;
    let row = 3 * width as usize;
    let mut bytes = vec![0; info.size()];
    let mut pixels = picture.into_rgb();
    for (padded, pixels) in bytes.chunks_mut(stride).zip(pixels.chunks(row)) {
        padded[..row].copy_from_slice(pixels);
    }
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    let buffer = buffer.make_mut();
    {
        let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, &info)?;
        let mut painter = Painter::new(&info, None);
        painter.heatmap(&mut frame, &detection.map, Colormap::Turbo, OPACITY);
        painter.boxes(&mut frame, &detection.regions);
        painter.badge(&mut frame, Area::whole(&info), &detection.into());
    }
    let painted = buffer.map_readable()?;
    for (pixels, padded) in pixels.chunks_mut(row).zip(painted.chunks(stride)) {
        pixels.copy_from_slice(&padded[..row]);
    }
    Ok(pixels)
}
