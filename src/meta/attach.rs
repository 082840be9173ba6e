//! All that a buffer gets.

use super::region::FoundRegion;
use super::{AnomalyMeta, region_of_interest};
use crate::video::Area;
use igd::model::Map;

#[cfg(feature = "v1_24")]
use super::analytics;

/// The map of a part of the frame.
#[derive(Clone, Copy, Debug)]
pub struct PartMap<'a> {
    pub area: Area,
    pub map: &'a Map,
    /// Of a part that is not, no pixel is.
    pub anomalous: bool,
}

/// Hangs `result` on a buffer: as `IgdAnomalyMeta`, and each region as a region of interest; with the feature `v1_24`
/// as GstAnalytics too, from `v1_26` with a mask of each of `maps`. A region has one id in all of them.
#[cfg_attr(not(feature = "v1_26"), expect(unused_variables))]
pub fn attach<'a>(
    result: &AnomalyMeta,
    maps: impl Iterator<Item = PartMap<'a>>,
    buffer: &mut gst::BufferRef,
) -> Result<(), glib::BoolError> {
    result.attach(buffer)?;
    // Before the regions, so that no region has the id 0: that is what regions of interest have to which nobody gave
    // one.
    #[cfg(feature = "v1_24")]
    let frame = analytics::attach_frame(result, buffer)?;
    #[cfg(feature = "v1_26")]
    for map in maps {
        analytics::attach_mask(map, frame, buffer)?;
    }
    for found in regions(result) {
        #[cfg(feature = "v1_24")]
        let id = analytics::attach_region(&found, buffer)?;
        #[cfg(not(feature = "v1_24"))]
        let id = region_of_interest::free_id(buffer);
        region_of_interest::attach(result, &found, id, buffer);
    }
    Ok(())
}

/// Each region. On the frames after its own an earlier result has none that were found in a region of interest: those
/// of these frames are others.
fn regions(result: &AnomalyMeta) -> Vec<FoundRegion<'_>> {
    let found = |region, parent| FoundRegion { region, parent };
    if result.objects.is_empty() || result.age > 0 {
        let regions = result.regions.iter();
        return regions.map(|region| found(region, None)).collect();
    }
    let objects = result.objects.iter().flat_map(|object| {
        let regions = object.regions.iter();
        regions.map(|region| found(region, Some(object.id)))
    });
    objects.collect()
}
