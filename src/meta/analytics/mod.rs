//! A result as GstAnalytics, which GStreamer's own elements and DL Streamer read from 1.24 on.
//!
//! One GstAnalyticsRelationMeta a buffer: that of an earlier element where there is one, whose ids stay as they are. In
//! it
//!
//! - a classification of the frame, `Normal` and `Anomaly` (DL Streamer's labels), with 1 - normalised score and the
//!   normalised score. It is related to no detection: objectdetectionoverlay would write `Normal`, its first class, on
//!   each box;
//! - from 1.26 a segmentation of the frame, to which the classification is related: its classes are the mask's regions;
//! - an object detection a region, of the type `anomaly`, with the region's score.

#[cfg(feature = "v1_26")]
mod segmentation;

use glib::Quark;
use gst::glib::gstr;
use gst::meta::{MetaRefMut, Standalone};
use gst_analytics::prelude::*;
use gst_analytics::{AnalyticsODMtd, AnalyticsRelationMeta, RelTypes};

use super::AnomalyMeta;
use super::object::{TYPE, UpstreamRegion};
use super::region::FoundRegion;
use crate::video::Area;

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

/// Adds a region's object detection and returns its id. It is a part of the detection that it was found in, where there
/// is one with the id.
pub(super) fn attach_region(
    found: &FoundRegion<'_>,
    buffer: &mut gst::BufferRef,
) -> Result<i32, glib::BoolError> {
    let region = found.region;
    // No side of a frame is longer than what an int holds.
    let [x, y, w, h] = [region.x, region.y, region.w, region.h].map(u32::cast_signed);
    let kind = Quark::from_static_str(TYPE);
    let parent = found.parent.and_then(|parent| u32::try_from(parent).ok());
    let parent = parent.filter(|parent| is_detection(*parent, buffer));
    let mut relations = relations(buffer)?;
    let id = relations.add_od_mtd(kind, x, y, w, h, region.score)?.id();
    if let Some(parent) = parent {
        relations.set_relation(RelTypes::IS_PART_OF, id, parent)?;
    }
    Ok(id.cast_signed())
}

fn is_detection(id: u32, buffer: &gst::BufferRef) -> bool {
    let relations = buffer.meta::<AnalyticsRelationMeta>();
    relations.is_some_and(|relations| relations.mtd::<AnalyticsODMtd>(id).is_some())
}

/// The detections of all elements so far.
pub(super) fn detections(buffer: &gst::BufferRef) -> Vec<UpstreamRegion> {
    let Some(relations) = buffer.meta::<AnalyticsRelationMeta>() else {
        return Vec::new();
    };
    let detections = relations.iter::<AnalyticsODMtd>();
    let detections = detections.filter_map(|detection| {
        let location = detection.location().ok()?;
        let side = |value: i32| u32::try_from(value).ok();
        Some(UpstreamRegion {
            id: detection.id().cast_signed(),
            kind: detection.obj_type()?.as_str().to_string(),
            area: Area {
                x: side(location.x)?,
                y: side(location.y)?,
                w: side(location.w)?,
                h: side(location.h)?,
            },
        })
    });
    detections.collect()
}
