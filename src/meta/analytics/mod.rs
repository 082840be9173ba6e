//! A result as GstAnalytics, which GStreamer's own elements and DL Streamer read from 1.24 on.
//!
//! One GstAnalyticsRelationMeta a buffer: that of an earlier element where there is one, whose ids stay as they are. In it
//!
//! - a classification of the frame, `Normal` and `Anomaly` (DL Streamer's labels), with 1 - normalised score and the normalised
//!   score. It is related to no detection: objectdetectionoverlay would write `Normal`, its first class, on each box;
//! - from 1.26 a segmentation of the frame, to which the classification is related: its classes are the mask's regions;
//! - an object detection a region, of the type `anomaly`, with the region's score.

#[cfg(feature = "v1_26")]
mod segmentation;

use glib::Quark;
use gst::glib::gstr;
use gst::meta::{MetaRefMut, Standalone};
use gst_analytics::{
    AnalyticsRelationMeta, AnalyticsRelationMetaClassificationExt, AnalyticsRelationMetaODExt,
};

use super::{AnomalyMeta, region_of_interest};
use crate::model::Region;

#[cfg(feature = "v1_26")]
pub(super) use segmentation::attach_mask;

type Relations<'a> = MetaRefMut<'a, AnalyticsRelationMeta, Standalone>;

/// The buffer's one relation meta.
fn relations(buffer: &mut gst::BufferRef) -> Result<Relations<'_>, glib::BoolError> {
    if buffer.meta::<AnalyticsRelationMeta>().is_none() {
        AnalyticsRelationMeta::add(buffer);
    }
    buffer
        .meta_mut()
        .ok_or_else(|| glib::bool_error!("the buffer takes no GstAnalyticsRelationMeta"))
}

/// Adds the frame's classification and returns its id.
pub(super) fn attach_frame(
    result: &AnomalyMeta,
    buffer: &mut gst::BufferRef,
) -> Result<u32, glib::BoolError> {
    let classes = [gstr!("Normal"), gstr!("Anomaly")].map(Quark::from_static_str);
    let levels = [1.0 - result.normalized, result.normalized];
    Ok(relations(buffer)?.add_cls_mtd(&levels, &classes)?.id())
}

/// Adds a region's object detection and returns its id.
pub(super) fn attach_region(
    region: &Region,
    buffer: &mut gst::BufferRef,
) -> Result<i32, glib::BoolError> {
    // No side of a frame is longer than what an int holds.
    let [x, y, w, h] = [region.x, region.y, region.w, region.h].map(u32::cast_signed);
    let kind = Quark::from_static_str(region_of_interest::TYPE);
    let mut relations = relations(buffer)?;
    let detection = relations.add_od_mtd(kind, x, y, w, h, region.score)?;
    Ok(detection.id().cast_signed())
}
