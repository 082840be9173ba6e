//! What other elements do to what igdfilter hangs on a buffer: the table in `src/meta/mod.rs`.

use std::sync::mpsc;

use crate::element::frame::{Pattern, video_info};
use crate::element::{init, model::models};
use gst::prelude::*;
use gst_check::Harness;
use gst_video::{VideoFormat, VideoRegionOfInterestMeta};
use gstigd::meta::AnomalyMeta;

type Rectangle = (u32, u32, u32, u32);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// The places stay, whatever became of the picture.
    Stays,
    /// The places move along, here to a frame of twice the width.
    IsScaled,
    IsLost,
}
use Fate::*;

/// igdfilter, with the elements of `rest` after it.
fn filter_and(rest: &str) -> Harness {
    init();
    let model = models().global_only.display();
    let mut harness = Harness::new_parse(&format!(
        "igdfilter model={model} overlay=none ! {rest} ! identity"
    ));
    let info = video_info(VideoFormat::I420, 64, 48);
    harness.set_src_caps(info.to_caps().unwrap());
    harness
}

/// The first buffer that comes out.
fn through(rest: &str) -> gst::Buffer {
    let mut harness = filter_and(rest);
    push(&mut harness);
    harness.pull().unwrap()
}

/// Some frames: elements that look ahead want more than one.
fn push(harness: &mut Harness) {
    let info = video_info(VideoFormat::I420, 64, 48);
    let length = gst::ClockTime::from_mseconds(40);
    for number in 0..3 {
        let mut buffer = Pattern::Odd.buffer(&info);
        let buffer_mut = buffer.get_mut().unwrap();
        buffer_mut.set_pts(number * length);
        buffer_mut.set_duration(length);
        harness.push(buffer).unwrap();
    }
    harness.push_event(gst::event::Eos::new());
}

/// The places in each kind of meta on a buffer, where it has that.
fn places(buffer: &gst::Buffer) -> Vec<Vec<Rectangle>> {
    let result = AnomalyMeta::from_buffer(buffer).unwrap();
    let regions = result.map(|result| result.regions).unwrap_or_default();
    vec![
        regions
            .iter()
            .map(|region| (region.x, region.y, region.w, region.h))
            .collect(),
        buffer
            .iter_meta::<VideoRegionOfInterestMeta>()
            .map(|region| region.rect())
            .collect(),
        #[cfg(feature = "v1_26")]
        detections(buffer),
    ]
}

#[cfg(feature = "v1_26")]
fn detections(buffer: &gst::Buffer) -> Vec<Rectangle> {
    use gst_analytics::{AnalyticsMetaRefExt, AnalyticsODMtd, AnalyticsRelationMeta};

    let Some(relations) = buffer.meta::<AnalyticsRelationMeta>() else {
        return Vec::new();
    };
    let place = |detection: gst_analytics::AnalyticsMtdRef<'_, AnalyticsODMtd>| {
        let location = detection.location().unwrap();
        let side = |side: i32| side.try_into().unwrap();
        (
            side(location.x),
            side(location.y),
            side(location.w),
            side(location.h),
        )
    };
    relations.iter().map(place).collect()
}

#[test]
fn results_have_one_fate() {
    let before = places(&through("queue"));
    assert!(before.iter().all(|places| !places.is_empty()));
    // Seen in these two; a version between may do either.
    let turned = if gst::version().1 == 22 {
        Stays
    } else {
        IsLost
    };
    for (rest, fate) in [
        ("tee ! queue", Stays),
        ("videoconvert ! video/x-raw,format=BGRA", Stays),
        ("gamma gamma=2", Stays),
        ("videorate ! video/x-raw,framerate=50/1", Stays),
        ("jpegenc ! jpegdec", Stays),
        ("x264enc tune=zerolatency ! avdec_h264", Stays),
        ("videoscale ! video/x-raw,width=128,height=48", IsScaled),
        ("videoflip method=clockwise", turned),
        ("videoflip method=rotate-180", turned),
        ("videoflip method=horizontal-flip", turned),
        ("videoflip method=automatic", IsLost),
        ("videocrop left=0", Stays),
        ("videocrop left=8", IsLost),
        ("aspectratiocrop aspect-ratio=1/1", IsLost),
        ("videobox left=-8", IsLost),
        ("deinterlace mode=interlaced", IsLost),
        ("compositor", IsLost),
    ] {
        let expected: Vec<Vec<Rectangle>> = match fate {
            Stays => before.clone(),
            IsScaled => before
                .iter()
                .map(|places| places.iter().map(|&(x, y, w, h)| (2 * x, y, 2 * w, h)))
                .map(Iterator::collect)
                .collect(),
            IsLost => vec![Vec::new(); before.len()],
        };
        assert_eq!(places(&through(rest)), expected, "{rest}: {fate:?}");
    }
}

/// An encoder that takes regions of interest finds them: vaapi's want a place alone. The others want a parameter of
/// their own too, and would not get ours: GStreamer makes a new meta where it scales or converts, and leaves the
/// parameters behind.
#[test]
fn an_encoder_gets_the_places_of_regions_of_interest() {
    for (rest, parameters) in [
        ("queue", 1),
        ("videoconvert ! video/x-raw,format=NV12", 0),
        ("videoscale ! video/x-raw,width=128,height=96", 0),
    ] {
        let mut harness = filter_and(&format!("{rest} ! x264enc name=encoder tune=zerolatency"));
        let bin = harness.element().unwrap().downcast::<gst::Bin>().unwrap();
        let sink = bin.by_name("encoder").unwrap().static_pad("sink").unwrap();
        let (sender, received) = mpsc::channel();
        sink.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let buffer = info.buffer().unwrap();
            let regions = buffer.iter_meta::<VideoRegionOfInterestMeta>();
            let regions = regions.map(|region| (region.rect(), region.params().count()));
            // Later frames come when nobody listens any more.
            let _ = sender.send(regions.collect::<Vec<_>>());
            gst::PadProbeReturn::Ok
        });
        push(&mut harness);
        let encoded = harness.pull().unwrap();
        let places = places(&encoded).swap_remove(0);
        assert!(!places.is_empty());
        let expected: Vec<_> = places
            .into_iter()
            .map(|place| (place, parameters))
            .collect();
        assert_eq!(received.recv().unwrap(), expected, "{rest}");
    }
}
