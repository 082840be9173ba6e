//! Regions as GStreamer's own region-of-interest meta, for encoders and for elements that know nothing of this plugin.

use gst::glib::gstr;
use gst_video::VideoRegionOfInterestMeta;

use super::AnomalyMeta;
use super::object::TYPE;
use super::region::FoundRegion;

/// `label_id` of an anomaly; 0 is the label of a normal frame.
const LABEL_ID: i32 = 1;

/// Adds a GstVideoRegionOfInterestMeta of the type `anomaly` for a region of `result`. Its param `detection` has the
/// fields that DL Streamer reads: `label_id`, `confidence`, the box in shares of the frame, and `model_name`; and
/// `element`, the name of the igdfilter. Its label is the type.
pub(super) fn attach(
    result: &AnomalyMeta,
    found: &FoundRegion<'_>,
    id: i32,
    buffer: &mut gst::BufferRef,
) {
    let region = found.region;
    let share = |position: u32, length: u32| f64::from(position) / f64::from(length.max(1));
    let (right, bottom) = (
        region.x.saturating_add(region.w),
        region.y.saturating_add(region.h),
    );
    let detection = gst::Structure::builder("detection")
        .field(gstr!("label_id"), LABEL_ID)
        .field(gstr!("confidence"), f64::from(region.score))
        .field(gstr!("x_min"), share(region.x, result.width))
        .field(gstr!("x_max"), share(right, result.width))
        .field(gstr!("y_min"), share(region.y, result.height))
        .field(gstr!("y_max"), share(bottom, result.height))
        .field(gstr!("model_name"), result.model.as_str())
        .field(gstr!("element"), result.element.as_str())
        .build();
    let place = (region.x, region.y, region.w, region.h);
    let mut added = VideoRegionOfInterestMeta::add(buffer, TYPE, place);
    added.set_id(id);
    if let Some(parent) = found.parent {
        added.set_parent_id(parent);
    }
    added.add_param(detection);
}

/// An id above those of all regions of interest on the buffer, and above 0, which those have to which nobody gave one.
pub(super) fn free_id(buffer: &gst::BufferRef) -> i32 {
    let ids = buffer
        .iter_meta::<VideoRegionOfInterestMeta>()
        .map(|region| region.id());
    ids.fold(0, i32::max).saturating_add(1)
}
