//! Pictures as frames, and painted as those are.

use gst_video::{VideoFormat, VideoFrameRef, VideoInfo};
use image::RgbImage;

use super::Painter;

/// A picture as a frame of `RGB`, with rows as GStreamer lays them out: padded to four bytes. Fails where it is larger
/// than frames can be.
pub fn frame_of(pixels: &RgbImage) -> Result<(VideoInfo, Vec<u8>), glib::BoolError> {
    let (width, height) = pixels.dimensions();
    let info = VideoInfo::builder(VideoFormat::Rgb, width, height).build()?;
    let (row, stride) = (3 * width as usize, info.stride()[0] as usize);
    let mut bytes = vec![0; info.size()];
    for (padded, pixels) in bytes.chunks_mut(stride).zip(pixels.chunks(row)) {
        padded[..row].copy_from_slice(pixels);
    }
    Ok((info, bytes))
}

/// Lets `work` paint on a picture. Fails where there is no memory for it.
pub fn paint_on(
    pixels: &mut RgbImage,
    work: impl FnOnce(&mut Painter, &mut VideoFrameRef<&mut gst::BufferRef>),
) -> Result<(), glib::BoolError> {
    gst::init().map_err(|error| glib::bool_error!("{error}"))?;
    let (info, bytes) = frame_of(pixels)?;
    let (row, stride) = (3 * info.width() as usize, info.stride()[0] as usize);
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    let buffer = buffer.make_mut();
    {
        let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, &info)?;
        work(&mut Painter::new(&info, None), &mut frame);
    }
    let painted = buffer.map_readable()?;
    for (pixels, padded) in pixels.chunks_mut(row).zip(painted.chunks(stride)) {
        pixels.copy_from_slice(&padded[..row]);
    }
    Ok(())
}
