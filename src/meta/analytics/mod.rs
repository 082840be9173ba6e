//! A result as GstAnalytics, which GStreamer's own elements and DL Streamer read from 1.24 on; where the GStreamer is an
//! older one there is none.
//!
//! One GstAnalyticsRelationMeta a buffer: that of an earlier element where there is one, whose ids stay as they are. In
//! it
//!
//! - a classification of the frame, `Normal` and `Anomaly` (DL Streamer's labels), with 1 - normalised score and the
//!   normalised score. It is related to no detection: objectdetectionoverlay would write `Normal`, its first class, on
//!   each box;
//! - from 1.26 a segmentation of the frame, to which the classification is related: its classes are the mask's regions;
//! - an object detection a region, of the type `anomaly`, with the region's score.

mod library;
mod relations;
mod segmentation;

use glib::Quark;
use gst::glib::gstr;

use self::library::Functions;
use self::relations::{Relation, Relations};
use super::AnomalyMeta;
use super::object::{TYPE, UpstreamRegion};
use super::region::FoundRegion;
use crate::video::Area;

pub(super) use self::library::library;
pub(super) use self::segmentation::attach_mask;

/// Adds the frame's classification and returns its id.
pub(super) fn attach_frame(
    result: &AnomalyMeta,
    buffer: &mut gst::BufferRef,
    library: &'static Functions,
) -> Result<u32, glib::BoolError> {
    let classes = [gstr!("Normal"), gstr!("Anomaly")].map(Quark::from_static_str);
    let levels = [1.0 - result.normalized, result.normalized];
    Relations::of(buffer, library)?.classify(classes, levels)
}

/// Adds a region's object detection and returns its id. It is a part of the detection that it was found in, where there
/// is one with the id.
pub(super) fn attach_region(
    found: &FoundRegion<'_>,
    buffer: &mut gst::BufferRef,
    library: &'static Functions,
) -> Result<i32, glib::BoolError> {
    let region = found.region;
    // No side of a frame is longer than what an int holds.
    let place = [region.x, region.y, region.w, region.h].map(u32::cast_signed);
    let kind = Quark::from_static_str(TYPE);
    let parent = found.parent.and_then(|parent| u32::try_from(parent).ok());
    let mut relations = Relations::of(buffer, library)?;
    let parent = parent.filter(|&parent| relations.is_detection(parent));
    let id = relations.detect(kind, place, region.score)?;
    if let Some(parent) = parent {
        relations.relate(Relation::IsPartOf, id, parent)?;
    }
    Ok(id.cast_signed())
}

/// The detections of all elements so far.
pub(super) fn detections(buffer: &gst::BufferRef) -> Vec<UpstreamRegion> {
    let Some(library) = library() else {
        return Vec::new();
    };
    let detections = relations::detections(buffer, library).into_iter();
    let detections = detections.filter_map(|detection| {
        let side = |value: i32| u32::try_from(value).ok();
        let [x, y, w, h] = detection.place.map(side);
        Some(UpstreamRegion {
            id: detection.id.cast_signed(),
            kind: detection.kind.as_str().to_string(),
            area: Area {
                x: x?,
                y: y?,
                w: w?,
                h: h?,
            },
        })
    });
    detections.collect()
}
