//! Regions as GStreamer's own region-of-interest meta, for encoders and for elements that know nothing of this plugin.

use gst::glib::{GStr, gstr};
use gst_video::VideoRegionOfInterestMeta;

use super::AnomalyMeta;
use crate::video::Area;
use igd::model::Region;

/// The type of each region of interest.
pub(super) const TYPE: &GStr = gstr!("anomaly");

/// `label_id` of an anomaly; 0 is the label of a normal frame.
const LABEL_ID: i32 = 1;

/// A region of interest that another element has attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamRegion {
    pub id: i32,
    /// What kind of region it is: the type of the meta.
    pub kind: String,
    pub area: Area,
}

/// The regions of interest on a buffer, but for those that an igdfilter has attached; with the feature `v1_24` also the detections of
/// a GstAnalyticsRelationMeta that are no region of interest too.
pub fn upstream_regions(buffer: &gst::BufferRef) -> Vec<UpstreamRegion> {
    let metas = buffer.iter_meta::<VideoRegionOfInterestMeta>();
    let metas = metas.map(|meta| {
        let (x, y, w, h) = meta.rect();
        UpstreamRegion {
            id: meta.id(),
            kind: meta.roi_type().to_owned(),
            area: Area { x, y, w, h },
        }
    });
    let mut regions: Vec<_> = metas.collect();
    #[cfg(feature = "v1_24")]
    for detection in super::analytics::detections(buffer) {
        if regions.iter().all(|region| region.id != detection.id) {
            regions.push(detection);
        }
    }
    regions.retain(|region| region.kind != TYPE.as_str());
    regions
}

/// Adds a GstVideoRegionOfInterestMeta of the type `anomaly` for a region of `result`. Its param `detection` has the fields that
/// DL Streamer reads: `label_id`, `confidence`, the box in shares of the frame, and `model_name`. Its label is the type. `parent` is
/// the id of the region of interest that it was found in.
pub(super) fn attach(
    result: &AnomalyMeta,
    (region, parent): (&Region, Option<i32>),
    id: i32,
    buffer: &mut gst::BufferRef,
) {
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
        .build();
    let place = (region.x, region.y, region.w, region.h);
    let mut added = VideoRegionOfInterestMeta::add(buffer, TYPE, place);
    added.set_id(id);
    if let Some(parent) = parent {
        added.set_parent_id(parent);
    }
    added.add_param(detection);
}

/// An id above those of all regions of interest on the buffer, and above 0, which those have to which nobody gave one.
#[cfg(not(feature = "v1_24"))]
pub(super) fn free_id(buffer: &gst::BufferRef) -> i32 {
    let ids = buffer
        .iter_meta::<VideoRegionOfInterestMeta>()
        .map(|region| region.id());
    ids.fold(0, i32::max).saturating_add(1)
}
