//! The anomaly map's mask as a segmentation.

use std::ffi::c_int;

use gst_video::{VideoFormat, VideoFrameFlags, VideoMeta};

use super::library::Functions;
use super::relations::{Relation, Relations};
use crate::meta::PartMap;
use igd::model::{ANOMALOUS, Map};

/// The mask's values of normal and anomalous pixels, as in the masks of public data sets. Each is a region of the
/// segmentation, with the index of its class in the frame's classification.
const VALUES: [u8; 2] = [0, 255];

/// Adds a semantic segmentation of a part of the frame that was inspected: of one that is anomalous the pixels of its
/// map from the pixel threshold on, also of places that are too small to be a region. `classification` is the frame's. None is added on a
/// GStreamer before 1.26.
pub(in crate::meta) fn attach_mask(
    PartMap {
        area,
        map,
        anomalous,
    }: PartMap<'_>,
    classification: u32,
    buffer: &mut gst::BufferRef,
    library: &'static Functions,
) -> Result<(), glib::BoolError> {
    let mask = mask(map, anomalous)?;
    let mut relations = Relations::of(buffer, library)?;
    match relations.segment(mask, VALUES.map(u32::from), area)? {
        Some(id) => relations.relate(Relation::RelateTo, id, classification),
        None => Ok(()),
    }
}

/// The mask as a GRAY8 picture of the map's size.
fn mask(map: &Map, anomalous: bool) -> Result<gst::Buffer, glib::BoolError> {
    let wrong = || glib::bool_error!("a map of {}x{} is no picture", map.width, map.height);
    let (width, height) = u32::try_from(map.width)
        .ok()
        .zip(u32::try_from(map.height).ok())
        .filter(|_| !map.values.is_empty() && map.values.len() == map.width * map.height)
        .ok_or_else(wrong)?;
    let stride = c_int::try_from(width).map_err(|_| wrong())?;
    let value = |&value: &f32| VALUES[usize::from(anomalous && value >= ANOMALOUS)];
    let pixels: Vec<u8> = map.values.iter().map(value).collect();
    let mut mask = gst::Buffer::from_mut_slice(pixels);
    VideoMeta::add_full(
        mask.make_mut(),
        VideoFrameFlags::empty(),
        VideoFormat::Gray8,
        width,
        height,
        &[0],
        &[stride],
    )?;
    Ok(mask)
}
