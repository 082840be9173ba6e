//! The regions of interest that elements before have attached.

use gst_video::VideoRegionOfInterestMeta;

use super::object::{TYPE, UpstreamRegion};
use crate::video::Area;

/// The regions of interest on a buffer, but for those that an igdfilter has attached; on GStreamer 1.24 and newer also
/// the detections of a GstAnalyticsRelationMeta that are no region of interest too.
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
    for detection in super::analytics::detections(buffer) {
        if regions.iter().all(|region| region.id != detection.id) {
            regions.push(detection);
        }
    }
    regions.retain(|region| region.kind != TYPE.as_str());
    regions
}
