//! All that a buffer gets.

use super::{AnomalyMeta, region_of_interest};
use crate::model::Map;

#[cfg(feature = "v1_24")]
use super::analytics;

/// Hangs `result` on a buffer: as `IgdAnomalyMeta`, and each region as a region of interest; with the feature `v1_24` as
/// GstAnalytics too, from `v1_26` with the mask of `map`. A region has one id in all of them.
#[cfg_attr(not(feature = "v1_26"), expect(unused_variables))]
pub fn attach(
    result: &AnomalyMeta,
    map: &Map,
    buffer: &mut gst::BufferRef,
) -> Result<(), glib::BoolError> {
    result.attach(buffer)?;
    // Before the regions, so that no region has the id 0: that is what regions of interest have to which nobody gave one.
    #[cfg(feature = "v1_24")]
    let frame = analytics::attach_frame(result, buffer)?;
    #[cfg(feature = "v1_26")]
    analytics::attach_mask(result, map, frame, buffer)?;
    for region in &result.regions {
        #[cfg(feature = "v1_24")]
        let id = analytics::attach_region(region, buffer)?;
        #[cfg(not(feature = "v1_24"))]
        let id = region_of_interest::free_id(buffer);
        region_of_interest::attach(result, region, id, buffer);
    }
    Ok(())
}
