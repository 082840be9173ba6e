//! All that a buffer gets.

use super::region::FoundRegion;
use super::{AnomalyMeta, analytics, region_of_interest};
use crate::video::Area;
use igd::model::Map;

/// The map of a part of the frame.
#[derive(Clone, Copy, Debug)]
pub struct PartMap<'a> {
    pub area: Area,
    pub map: &'a Map,
    /// Of a part that is not, no pixel is.
    pub anomalous: bool,
}

/// Hangs `result` on a buffer: as `IgdAnomalyMeta`, and each region as a region of interest; where GStreamer is 1.24 or
/// newer as GstAnalytics too, from 1.26 with a mask of each of `maps`. A region has one id in all of them.
pub fn attach<'a>(
    result: &AnomalyMeta,
    mut maps: impl Iterator<Item = PartMap<'a>>,
    buffer: &mut gst::BufferRef,
) -> Result<(), glib::BoolError> {
    result.attach(buffer)?;
    let library = analytics::library();
    if let Some(library) = library {
        // Before the regions, so that no region has the id 0: that is what regions of interest have to which nobody
        // gave one.
        let frame = analytics::attach_frame(result, buffer, library)?;
        maps.try_for_each(|map| analytics::attach_mask(map, frame, buffer, library))?;
    }
    for found in regions(result) {
        let id = match library {
            Some(library) => analytics::attach_region(&found, buffer, library)?,
            None => region_of_interest::free_id(buffer),
        };
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
