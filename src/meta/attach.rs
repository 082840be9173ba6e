//! All that a buffer gets.

use super::{AnomalyMeta, region_of_interest};
use crate::video::Area;
use igd::model::{Map, Region};

#[cfg(feature = "v1_24")]
use super::analytics;

/// Hangs `result` on a buffer: as `IgdAnomalyMeta`, and each region as a region of interest; with the feature `v1_24`
/// as GstAnalytics too, from `v1_26` with a mask of each of `maps`, which lie over parts of the frame. A region has one
/// id in all of them.
#[cfg_attr(not(feature = "v1_26"), expect(unused_variables))]
pub fn attach<'a>(
    result: &AnomalyMeta,
    maps: impl Iterator<Item = (Area, &'a Map)>,
    buffer: &mut gst::BufferRef,
) -> Result<(), glib::BoolError> {
    result.attach(buffer)?;
    // Before the regions, so that no region has the id 0: that is what regions of interest have to which nobody gave
    // one.
    #[cfg(feature = "v1_24")]
    let frame = analytics::attach_frame(result, buffer)?;
    #[cfg(feature = "v1_26")]
    for (area, map) in maps {
        analytics::attach_mask(area, map, frame, buffer)?;
    }
    for (region, parent) in regions(result) {
        #[cfg(feature = "v1_24")]
        let id = analytics::attach_region((region, parent), buffer)?;
        #[cfg(not(feature = "v1_24"))]
        let id = region_of_interest::free_id(buffer);
        region_of_interest::attach(result, (region, parent), id, buffer);
    }
    Ok(())
}

/// Each region, with the id of the region of interest that it was found in. On the frames after its own an earlier
/// result has none: their regions of interest are others.
fn regions(result: &AnomalyMeta) -> Vec<(&Region, Option<i32>)> {
    if result.objects.is_empty() || result.age > 0 {
        return result.regions.iter().map(|region| (region, None)).collect();
    }
    let objects = result.objects.iter().flat_map(|object| {
        let regions = object.regions.iter();
        regions.map(|region| (region, Some(object.id)))
    });
    objects.collect()
}
