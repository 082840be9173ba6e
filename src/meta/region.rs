//! Regions as an array of structures, and what a change of the frame's size does to them.

use glib::prelude::*;
use gst::glib::gstr;

use super::field::{FieldError, required};
use igd::model::Region;

/// A region that a result has, and where it was found.
#[derive(Debug)]
pub(super) struct FoundRegion<'a> {
    pub region: &'a Region,
    /// The id of the region of interest that it lies in; `None` where the frame was inspected as one picture.
    pub parent: Option<i32>,
}

/// The regions as a GstValueArray of GstStructure `region`.
pub(super) fn to_array(regions: &[Region]) -> gst::Array {
    gst::Array::from_values(regions.iter().map(|region| {
        gst::Structure::builder("region")
            .field(gstr!("x"), region.x)
            .field(gstr!("y"), region.y)
            .field(gstr!("w"), region.w)
            .field(gstr!("h"), region.h)
            .field(gstr!("area"), region.area)
            .field(gstr!("score"), f64::from(region.score))
            .build()
            .to_send_value()
    }))
}

/// The regions in the array that the field `name` of `structure` holds.
pub(super) fn from_array(
    structure: &gst::StructureRef,
    name: &'static str,
) -> Result<Vec<Region>, FieldError> {
    required::<gst::ArrayRef>(structure, name)?
        .iter()
        .map(|value| {
            let region = value
                .get::<&gst::StructureRef>()
                .map_err(|err| FieldError::new(structure, name, err))?;
            Ok(Region {
                x: required(region, "x")?,
                y: required(region, "y")?,
                w: required(region, "w")?,
                h: required(region, "h")?,
                area: required(region, "area")?,
                score: required::<f64>(region, "score")? as f32,
            })
        })
        .collect()
}

/// The region after a frame of the size `from` has become one of the size `to`. The box grows to whole pixels, so that
/// a small region does not vanish.
pub(super) fn rescale(region: &Region, from: (u32, u32), to: (u32, u32)) -> Region {
    let (x, w) = rescale_span(region.x, region.w, from.0, to.0);
    let (y, h) = rescale_span(region.y, region.h, from.1, to.1);
    let ratio = (f64::from(to.0) / f64::from(from.0)) * (f64::from(to.1) / f64::from(from.1));
    let most = u64::from(w) * u64::from(h);
    let area = ((f64::from(region.area) * ratio).round() as u64).clamp(1.min(most), most);
    Region {
        x,
        y,
        w,
        h,
        area: u32::try_from(area).unwrap_or(u32::MAX),
        score: region.score,
    }
}

pub(super) fn rescale_span(start: u32, length: u32, from: u32, to: u32) -> (u32, u32) {
    // Numbers of other programs may be any.
    let scaled = |position: u64| position.saturating_mul(u64::from(to));
    let end = u64::from(start) + u64::from(length);
    let first = (scaled(u64::from(start)) / u64::from(from)).min(u64::from(to));
    let last = scaled(end).div_ceil(u64::from(from)).min(u64::from(to));
    (first as u32, (last - first.min(last)) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: Region = Region {
        x: 10,
        y: 20,
        w: 30,
        h: 40,
        area: 900,
        score: 0.75,
    };

    #[test]
    fn halving_a_frame_halves_its_regions() {
        let half = rescale(&REGION, (640, 480), (320, 240));
        assert_eq!(
            (half.x, half.y, half.w, half.h, half.area),
            (5, 10, 15, 20, 225)
        );
        assert_eq!(half.score, REGION.score);
    }

    #[test]
    fn the_same_size_changes_nothing() {
        assert_eq!(rescale(&REGION, (640, 480), (640, 480)), REGION);
    }

    #[test]
    fn a_region_never_vanishes_nor_leaves_the_frame() {
        let dot = Region {
            x: 639,
            y: 479,
            w: 1,
            h: 1,
            area: 1,
            score: 1.0,
        };
        let small = rescale(&dot, (640, 480), (17, 16));
        assert_eq!((small.w, small.h, small.area), (1, 1, 1));
        assert!(small.x + small.w <= 17 && small.y + small.h <= 16);
    }

    #[test]
    fn foreign_numbers_do_not_panic() {
        let wild = Region {
            x: u32::MAX,
            y: u32::MAX,
            w: u32::MAX,
            h: u32::MAX,
            area: u32::MAX,
            score: f32::NAN,
        };
        let scaled = rescale(&wild, (1, 1), (u32::MAX, u32::MAX));
        assert_eq!((scaled.x, scaled.w), (u32::MAX, 0));
    }
}
