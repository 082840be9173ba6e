//! igdfilter by itself: a frame in, the same frame with what was found out.

use std::path::Path;

use crate::element::frame::{Pattern, bytes, pixel_bytes, video_info};
use crate::element::frame_harness::FrameHarness;
use crate::element::model::models;
use crate::element::{error_text, filter, harness};
use gst::prelude::*;
use gst_video::{VideoFormat, VideoInfo};
use gstigd::igdfilter::Overlay;
use gstigd::meta::{AnomalyMessage, AnomalyMeta};
use gstigd::video::FORMATS;
use igd::model::{Model, Storage};
use tch::Device;

fn result(buffer: &gst::Buffer) -> AnomalyMeta {
    AnomalyMeta::from_buffer(buffer)
        .unwrap()
        .expect("no result on the buffer")
}

/// Sends a frame through an element of its own, with the model that is quicker.
fn inspect(properties: &str, info: &VideoInfo, buffer: gst::Buffer) -> gst::Buffer {
    let element = filter(&models().global_only, properties);
    let (mut harness, _) = harness(&element);
    harness.set_src_caps(info.to_caps().unwrap());
    harness.push_and_pull(buffer).unwrap()
}

/// Odd in both directions: chroma of subsampled formats covers half a block at the edges.
fn odd_sized(format: VideoFormat) -> VideoInfo {
    video_info(format, 67, 45)
}

fn messages(bus: &gst::Bus) -> Vec<AnomalyMessage> {
    std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Element]))
        .map(|message| AnomalyMessage::try_from(message.structure().unwrap()).unwrap())
        .collect()
}

fn stamped(mut buffer: gst::Buffer, index: u64) -> gst::Buffer {
    let duration = gst::ClockTime::from_mseconds(40);
    let buffer_mut = buffer.get_mut().unwrap();
    buffer_mut.set_pts(duration * index);
    buffer_mut.set_duration(duration);
    buffer
}

/// Frames of 64x48 in I420, with the model that is quicker.
fn inspector(properties: &str) -> FrameHarness {
    inspector_of(&models().global_only, properties)
}

fn inspector_of(model: &Path, properties: &str) -> FrameHarness {
    let info = video_info(VideoFormat::I420, 64, 48);
    FrameHarness::new(filter(model, properties), info)
}

/// Frames and their results; `None` where a frame carries none.
impl FrameHarness {
    fn push_flagged(&mut self, pattern: Pattern, flags: gst::BufferFlags) -> Option<AnomalyMeta> {
        let draw = |info: &VideoInfo, number| {
            let mut buffer = stamped(pattern.buffer(info), number);
            buffer.get_mut().unwrap().set_flags(flags);
            buffer
        };
        AnomalyMeta::from_buffer(&self.pass(draw).unwrap()).unwrap()
    }

    fn push(&mut self, pattern: Pattern) -> AnomalyMeta {
        self.push_flagged(pattern, gst::BufferFlags::empty())
            .expect("no result on the buffer")
    }
}

#[test]
fn the_test_model_tells_its_patterns_apart() {
    let mut line = inspector_of(&models().both, "");
    let normal = line.push(Pattern::Normal);
    let odd = line.push(Pattern::Odd);
    assert!(!normal.anomalous && normal.regions.is_empty(), "{normal:?}");
    assert!(odd.anomalous && !odd.regions.is_empty(), "{odd:?}");
    assert!(odd.normalized > 0.5 && normal.normalized < 0.5);
    assert_eq!((odd.width, odd.height), (64, 48));
    assert_eq!(odd.model, "element-both");
    assert!(odd.inference_ms > 0.0);
    assert!(odd.scales.global.is_some() && odd.scales.local.is_some());
}

#[test]
fn every_format_scores_like_rgb() {
    for pattern in [Pattern::Normal, Pattern::Odd] {
        let score = |format, padding| {
            let info = odd_sized(format);
            let buffer = match padding {
                0 => pattern.buffer(&info),
                padding => pattern.padded_buffer(&info, padding),
            };
            result(&inspect("", &info, buffer))
        };
        let reference = score(VideoFormat::Rgb, 0);
        for format in FORMATS {
            for padding in [0, 20] {
                let found = score(format, padding);
                // A step of 1 in 255 in brightness moves the score by about a hundredth of this.
                let apart = (found.score - reference.score).abs();
                assert!(apart < 4e-3, "{format:?} {pattern:?}: {apart}");
                assert_eq!(found.anomalous, reference.anomalous, "{format:?}");
                let apart = extent(&found)
                    .into_iter()
                    .zip(extent(&reference))
                    .map(|(found, reference)| found.abs_diff(reference));
                assert!(
                    apart.max() <= Some(4),
                    "{format:?}: {:?} and {:?}",
                    found.regions,
                    reference.regions
                );
            }
        }
    }
}

/// The box around all regions: one of them may fall apart by a rounding.
fn extent(result: &AnomalyMeta) -> [u32; 4] {
    let regions = || result.regions.iter();
    [
        regions().map(|region| region.x).min(),
        regions().map(|region| region.y).min(),
        regions().map(|region| region.x + region.w).max(),
        regions().map(|region| region.y + region.h).max(),
    ]
    .map(Option::unwrap_or_default)
}

#[test]
fn no_overlay_touches_no_byte() {
    for format in FORMATS {
        for (width, height, padding) in [(64, 48, 0), (67, 45, 0), (67, 45, 20), (16, 16, 4)] {
            let info = video_info(format, width, height);
            let buffer = Pattern::Odd.padded_buffer(&info, padding);
            let before = bytes(&buffer);
            let after = inspect("overlay=none", &info, buffer);
            assert!(bytes(&after) == before, "{format:?} {width}x{height}");
            assert!(result(&after).score > 0.0);
        }
    }
}

#[test]
fn overlays_change_pixels_and_nothing_else() {
    for format in FORMATS {
        let info = odd_sized(format);
        for overlay in ["heatmap", "regions", "heatmap+regions"] {
            let buffer = Pattern::Odd.padded_buffer(&info, 20);
            let is_pixel = pixel_bytes(&buffer, &info);
            let before = bytes(&buffer);
            let after = inspect(&format!("overlay={overlay}"), &info, buffer);
            let mut changed = 0;
            for (index, after) in bytes(&after).into_iter().enumerate() {
                if after != before[index] {
                    assert!(is_pixel[index], "{format:?} {overlay}: byte {index}");
                    changed += 1;
                }
            }
            assert!(changed > 50, "{format:?} {overlay}: {changed} bytes");
        }
    }
}

#[test]
fn a_transparent_overlay_touches_no_byte() {
    let info = odd_sized(VideoFormat::Rgb);
    let buffer = Pattern::Odd.buffer(&info);
    let before = bytes(&buffer);
    let after = inspect("opacity=0", &info, buffer);
    assert!(bytes(&after) == before);
}

#[test]
fn timestamps_flags_and_other_metadata_stay() {
    let info = odd_sized(VideoFormat::Nv12);
    let mut buffer = Pattern::Odd.padded_buffer(&info, 20);
    let flags = gst::BufferFlags::DISCONT
        | gst::BufferFlags::MARKER
        | gst::BufferFlags::CORRUPTED
        | gst::BufferFlags::DROPPABLE
        | gst::BufferFlags::HEADER;
    let reference = gst::Caps::new_empty_simple("timestamp/x-unix");
    {
        let buffer = buffer.get_mut().unwrap();
        buffer.set_pts(gst::ClockTime::from_mseconds(120));
        buffer.set_dts(gst::ClockTime::from_mseconds(80));
        buffer.set_duration(gst::ClockTime::from_mseconds(40));
        buffer.set_offset(3);
        buffer.set_offset_end(4);
        buffer.set_flags(flags);
        gst::ReferenceTimestampMeta::add(buffer, &reference, gst::ClockTime::SECOND, None);
        gst_video::VideoRegionOfInterestMeta::add(buffer, "face", (1, 2, 3, 4));
    }
    let after = inspect("overlay=heatmap+regions", &info, buffer);
    assert_eq!(after.pts(), Some(gst::ClockTime::from_mseconds(120)));
    assert_eq!(after.dts(), Some(gst::ClockTime::from_mseconds(80)));
    assert_eq!(after.duration(), Some(gst::ClockTime::from_mseconds(40)));
    assert_eq!((after.offset(), after.offset_end()), (3, 4));
    assert!(after.flags().contains(flags));
    let timestamp = after.meta::<gst::ReferenceTimestampMeta>().unwrap();
    assert_eq!(timestamp.timestamp(), gst::ClockTime::SECOND);
    let face = after
        .iter_meta::<gst_video::VideoRegionOfInterestMeta>()
        .find(|region| region.roi_type() == "face")
        .unwrap();
    assert_eq!(face.rect(), (1, 2, 3, 4));
    assert_eq!(after.meta::<gst_video::VideoMeta>().unwrap().width(), 67);
}

#[test]
fn a_buffer_that_others_hold_keeps_its_pixels_and_metadata() {
    let info = odd_sized(VideoFormat::Bgra);
    for overlay in ["none", "heatmap"] {
        let held = Pattern::Odd.buffer(&info);
        let before = bytes(&held);
        let after = inspect(&format!("overlay={overlay}"), &info, held.clone());
        assert!(bytes(&held) == before, "{overlay}");
        assert_eq!(AnomalyMeta::from_buffer(&held).unwrap(), None);
        assert!(result(&after).anomalous);
        let start = |buffer: &gst::Buffer| buffer.map_readable().unwrap().as_ptr();
        // Without an overlay there is no reason to copy the picture.
        assert_eq!(start(&held) == start(&after), overlay == "none");
    }
}

#[test]
fn every_nth_frame_is_inferred_and_the_others_say_how_old_their_result_is() {
    let mut line = inspector("inference-interval=3");
    let pattern = |index| {
        if index == 3 {
            Pattern::Odd
        } else {
            Pattern::Normal
        }
    };
    let results: Vec<AnomalyMeta> = (0..8).map(|index| line.push(pattern(index))).collect();
    let ages: Vec<u32> = results.iter().map(|result| result.age).collect();
    assert_eq!(ages, [0, 1, 2, 0, 1, 2, 0, 1]);
    let anomalous: Vec<bool> = results.iter().map(|result| result.anomalous).collect();
    assert_eq!(
        anomalous,
        [false, false, false, true, true, true, false, false]
    );
    let without_age = |result: &AnomalyMeta| AnomalyMeta {
        age: 0,
        ..result.clone()
    };
    assert_eq!(without_age(&results[4]), results[3]);

    // It may change between two frames.
    line.element.set_property("inference-interval", 1u32);
    assert_eq!(line.push(Pattern::Normal).age, 0);
    assert_eq!(line.push(Pattern::Normal).age, 0);
}

#[test]
fn the_last_result_is_drawn_between_inferences() {
    let mut line = inspector("inference-interval=2 overlay=regions");
    line.push(Pattern::Odd);
    let plain = bytes(&Pattern::Normal.buffer(&line.info));
    let buffer = Pattern::Normal.buffer(&line.info);
    let drawn = line.harness.push_and_pull(buffer).unwrap();
    assert!(bytes(&drawn) != plain);
}

#[test]
fn a_gap_is_never_inferred() {
    let mut line = inspector("");
    assert_eq!(line.push_flagged(Pattern::Odd, gst::BufferFlags::GAP), None);
    assert_eq!(line.push(Pattern::Odd).age, 0);
    let gap = line.push_flagged(Pattern::Normal, gst::BufferFlags::GAP);
    assert_eq!(
        gap.map(|result| (result.age, result.anomalous)),
        Some((1, true))
    );
    assert_eq!(line.push(Pattern::Normal).age, 0);
}

#[test]
fn an_empty_buffer_passes() {
    let mut line = inspector("");
    let empty = line.harness.push_and_pull(gst::Buffer::new()).unwrap();
    assert_eq!(empty.size(), 0);
    assert_eq!(AnomalyMeta::from_buffer(&empty).unwrap(), None);
    assert!(line.push(Pattern::Odd).anomalous);
}

#[test]
fn a_buffer_that_is_too_short_is_an_error() {
    for overlay in ["none", "heatmap"] {
        let mut line = inspector(&format!("overlay={overlay}"));
        let short = gst::Buffer::with_size(100).unwrap();
        assert_eq!(line.harness.push(short), Err(gst::FlowError::Error));
        let text = error_text(&line.bus).unwrap();
        assert_eq!(
            text,
            "a buffer of 100 bytes is not the I420 frame of 64x48 that the caps promise"
        );
    }
}

#[test]
fn a_frame_in_a_larger_picture_is_its_upper_left_part() {
    let caps = video_info(VideoFormat::I420, 64, 48);
    let larger = video_info(VideoFormat::I420, 128, 96);
    let frame = Pattern::Odd.padded_buffer(&larger, 8);
    let is_inside = {
        let mut buffer = gst::Buffer::with_size(frame.size()).unwrap();
        let meta = frame.meta::<gst_video::VideoMeta>().unwrap();
        gst_video::VideoMeta::add_full(
            buffer.get_mut().unwrap(),
            gst_video::VideoFrameFlags::empty(),
            VideoFormat::I420,
            64,
            48,
            meta.offset(),
            meta.stride(),
        )
        .unwrap();
        pixel_bytes(&buffer, &caps)
    };
    let before = bytes(&frame);
    let after = inspect("overlay=heatmap+regions", &caps, frame);
    assert_eq!((result(&after).width, result(&after).height), (64, 48));
    for (index, after) in bytes(&after).into_iter().enumerate() {
        assert!(after == before[index] || is_inside[index], "byte {index}");
    }
}

/// Of a camera of 12 bits, as the model has learned or as the user says.
#[test]
fn frames_of_12_bits_score_like_those_of_8() {
    let folder = tempfile::tempdir().unwrap();
    let learned = folder.path().join("learned-from-12-bits.safetensors");
    let plain = &models().global_only;
    let mut model = Model::open(plain, Device::Cpu).unwrap();
    model.provenance.significant_bits = Some(12);
    model.save(&learned, Storage::F32).unwrap();

    let [info, wide] =
        [VideoFormat::Gray8, VideoFormat::Gray16Le].map(|format| video_info(format, 64, 48));
    let frame = Pattern::Odd.buffer(&info);
    let samples = bytes(&frame)
        .into_iter()
        .map(|sample| u16::from(sample) * 16 + u16::from(sample) / 16);
    let wide_frame =
        gst::Buffer::from_mut_slice(samples.flat_map(u16::to_le_bytes).collect::<Vec<_>>());
    let score = |model: &Path, properties: &str, info: &VideoInfo, frame: &gst::Buffer| {
        let (mut harness, _) = harness(&filter(model, properties));
        harness.set_src_caps(info.to_caps().unwrap());
        result(&harness.push_and_pull(frame.copy_deep().unwrap()).unwrap()).score
    };
    let expected = score(plain, "", &info, &frame);
    for (model, properties, is_alike) in [
        (learned.as_path(), "", true),
        (plain, "significant-bits=12", true),
        (&learned, "significant-bits=16", false),
        (plain, "", false),
    ] {
        let found = score(model, properties, &wide, &wide_frame);
        let close = (found / expected - 1.0).abs() < 2e-3;
        assert_eq!(
            close, is_alike,
            "{properties}: {found} instead of {expected}"
        );
    }
}

#[test]
fn caps_may_change_between_frames() {
    let mut line = inspector("inference-interval=100");
    assert_eq!(line.push(Pattern::Odd).age, 0);
    assert_eq!(line.push(Pattern::Odd).age, 1);
    for info in [
        video_info(VideoFormat::Rgba, 67, 45),
        video_info(VideoFormat::Gray8, 33, 17),
        video_info(VideoFormat::I420, 320, 240),
    ] {
        line.harness.set_src_caps(info.to_caps().unwrap());
        line.info = info;
        // The old result's places are not those of the new frames.
        let result = line.push(Pattern::Odd);
        assert_eq!(result.age, 0);
        assert!(result.anomalous);
        assert_eq!(
            (result.width, result.height),
            (line.info.width(), line.info.height())
        );
    }
}

#[test]
fn a_flush_forgets_the_last_result() {
    let mut line = inspector("inference-interval=100");
    assert_eq!(line.push(Pattern::Odd).age, 0);
    assert_eq!(line.push(Pattern::Odd).age, 1);
    assert!(line.harness.push_event(gst::event::FlushStart::new()));
    assert!(line.harness.push_event(gst::event::FlushStop::new(true)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(line.harness.push_event(gst::event::Segment::new(&segment)));
    assert_eq!(line.push(Pattern::Normal).age, 0);
}

#[test]
fn small_frames_are_refused_with_a_text() {
    for (width, height) in [(8, 8), (15, 64), (64, 15)] {
        let element = filter(&models().both, "");
        let (mut harness, bus) = harness(&element);
        let info = video_info(VideoFormat::Rgb, width, height);
        harness.set_src_caps(info.to_caps().unwrap());
        let pushed = harness.push(Pattern::Normal.buffer(&info));
        assert_eq!(pushed, Err(gst::FlowError::NotNegotiated));
        let text =
            format!("frames of {width}x{height} are too small: igdfilter needs at least 16x16");
        assert_eq!(error_text(&bus), Some(text));
        assert_eq!(error_text(&bus), None, "it is said once");
    }
}

#[test]
fn the_smallest_frames_are_inspected() {
    let info = video_info(VideoFormat::I420, 16, 16);
    let after = inspect("", &info, Pattern::Odd.buffer(&info));
    assert!(result(&after).score > 0.0);
}

#[test]
fn messages_tell_of_changes() {
    let patterns = {
        use Pattern::{Normal, Odd};
        [Normal, Odd, Odd, Normal, Normal, Odd]
    };
    let posted = |properties: &str| {
        let mut line = inspector(properties);
        for pattern in patterns {
            line.push(pattern);
        }
        messages(&line.bus)
    };
    let changes = posted("messages=changes");
    let told: Vec<_> = changes
        .iter()
        .map(|message| {
            (
                message.anomalous,
                message.times.timestamp.unwrap().mseconds(),
            )
        })
        .collect();
    assert_eq!(told, [(true, 40), (false, 120), (true, 200)]);
    let first = &changes[0];
    assert_eq!(
        first.times.duration,
        Some(gst::ClockTime::from_mseconds(40))
    );
    assert_eq!(first.times.stream_time, first.times.timestamp);
    assert_eq!(first.times.running_time, first.times.timestamp);
    assert!(first.score > first.threshold && first.normalized > 0.5);
    assert!(!first.regions.is_empty());

    assert_eq!(posted("messages=all").len(), 6);
    assert_eq!(posted("messages=all inference-interval=2").len(), 3);
    assert_eq!(posted("messages=none").len(), 0);
}

#[test]
fn a_threshold_of_the_user_goes_before_the_model_s() {
    let mut line = inspector("");
    let calibrated = line.push(Pattern::Normal);
    line.element.set_property("threshold", 0.0f32);
    let strict = line.push(Pattern::Normal);
    assert_eq!((strict.threshold, strict.anomalous), (0.0, true));
    assert_eq!(strict.score, calibrated.score);
    line.element.set_property("threshold", -1.0f32);
    assert_eq!(line.push(Pattern::Normal).threshold, calibrated.threshold);
}

#[test]
fn stats_count_frames() {
    let mut line = inspector("inference-interval=2");
    assert_eq!(line.stat("frames"), 0);
    for pattern in [
        Pattern::Odd,
        Pattern::Odd,
        Pattern::Normal,
        Pattern::Normal,
        Pattern::Odd,
    ] {
        line.push(pattern);
    }
    assert_eq!(
        ["frames", "inferred", "skipped", "anomalous"].map(|name| line.stat(name)),
        [5, 3, 2, 2]
    );
    let stats = line.element.property::<gst::Structure>("stats");
    for name in ["mean-latency", "last-latency", "fps"] {
        assert!(stats.get::<f64>(name).unwrap() > 0.0, "{name}");
    }
}

#[test]
fn a_model_of_one_network_gives_the_terms_of_one_scale() {
    let info = video_info(VideoFormat::Rgb, 64, 48);
    let result = result(&inspect("", &info, Pattern::Odd.buffer(&info)));
    assert!(result.scales.global.is_some() && result.scales.local.is_none());
    assert_eq!(result.model, "element-global");
}

#[test]
fn numbers_that_overflow_are_an_error() {
    let element = filter(&models().overflowing, "");
    let (mut harness, bus) = harness(&element);
    let info = video_info(VideoFormat::Rgb, 64, 48);
    harness.set_src_caps(info.to_caps().unwrap());
    let pushed = harness.push(Pattern::Odd.buffer(&info));
    assert_eq!(pushed, Err(gst::FlowError::Error));
    let text = error_text(&bus).unwrap();
    assert!(text.starts_with("cannot inspect the frame: "), "{text}");
}

#[test]
fn properties_read_back() {
    let element = filter(
        &models().both,
        "device=cpu threshold=0.25 overlay=heatmap+regions opacity=0.25 colormap=viridis inference-interval=4 \
        messages=all",
    );
    let text = |name: &str| {
        let value = element.property_value(name);
        value.serialize().unwrap().to_string()
    };
    assert_eq!(text("device"), "cpu");
    assert_eq!(text("threshold"), "0.25");
    let overlay = || element.property::<Overlay>("overlay");
    assert_eq!(overlay(), Overlay::HEATMAP | Overlay::REGIONS);
    assert_eq!(text("opacity"), "0.25");
    assert_eq!(text("colormap"), "viridis");
    assert_eq!(text("inference-interval"), "4");
    assert_eq!(text("messages"), "all");
    element.set_property_from_str("overlay", "none");
    assert_eq!(overlay(), Overlay::NONE);
}

#[test]
fn properties_say_when_they_can_change() {
    let element = filter(&models().both, "");
    for property in element.list_properties() {
        let of_ours = property.owner_type().name() == "GstIgdFilter";
        if !of_ours || property.name() == "stats" {
            continue;
        }
        let flags = property.flags();
        let playing = flags.contains(gst::PARAM_FLAG_MUTABLE_PLAYING);
        let ready = flags.contains(gst::PARAM_FLAG_MUTABLE_READY);
        assert!(playing != ready, "{}", property.name());
        assert!(property.blurb().is_some_and(|blurb| blurb.len() > 10));
    }
}
