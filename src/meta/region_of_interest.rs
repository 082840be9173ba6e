//! Regions as GStreamer's own region-of-interest meta, for encoders and for elements that know nothing of this plugin.

use gst::glib::gstr;
use gst_video::VideoRegionOfInterestMeta;

use super::AnomalyMeta;
use crate::video::Area;

/// The type of each region of interest.
pub const TYPE: &str = "anomaly";

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

/// The regions of interest on a buffer, but for those that an igdfilter has attached.
pub fn upstream_regions(buffer: &gst::BufferRef) -> impl Iterator<Item = UpstreamRegion> {
    let metas = buffer.iter_meta::<VideoRegionOfInterestMeta>();
    metas.filter(|meta| meta.roi_type() != TYPE).map(|meta| {
        let (x, y, w, h) = meta.rect();
        UpstreamRegion {
            id: meta.id(),
            kind: meta.roi_type().to_owned(),
            area: Area { x, y, w, h },
        }
    })
}

/// Adds a GstVideoRegionOfInterestMeta of the type `anomaly` a region. Its param `detection` has the fields that DL Streamer
/// reads: `label_id`, `confidence`, the box in shares of the frame, and `model_name`.
pub fn attach_regions_of_interest(meta: &AnomalyMeta, buffer: &mut gst::BufferRef) {
    let share = |position: u32, length: u32| f64::from(position) / f64::from(length.max(1));
    for region in &meta.regions {
        let (right, bottom) = (
            region.x.saturating_add(region.w),
            region.y.saturating_add(region.h),
        );
        let detection = gst::Structure::builder("detection")
            .field(gstr!("label_id"), LABEL_ID)
            .field(gstr!("confidence"), f64::from(region.score))
            .field(gstr!("x_min"), share(region.x, meta.width))
            .field(gstr!("x_max"), share(right, meta.width))
            .field(gstr!("y_min"), share(region.y, meta.height))
            .field(gstr!("y_max"), share(bottom, meta.height))
            .field(gstr!("model_name"), meta.model.as_str())
            .build();
        VideoRegionOfInterestMeta::add(buffer, TYPE, (region.x, region.y, region.w, region.h))
            .add_param(detection);
    }
}
