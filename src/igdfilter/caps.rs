//! Which caps go out: those that came in, or the same with a composition that someone after us draws.

use gst::prelude::*;
use gst_video::{CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION, VideoOverlayCompositionMeta};

use super::OverlayMethod;
use crate::video::FORMATS;

/// What either pad takes.
pub fn template() -> gst::Caps {
    // Sizes below the smallest are let in, so that they end in an error that says so and not in "not negotiated".
    let mut caps = gst_video::VideoCapsBuilder::new()
        .format_list(FORMATS)
        .build();
    let composed = with_composition(&caps);
    caps.make_mut().append(composed);
    caps
}

/// Whether frames of these caps carry compositions.
pub fn has_composition(caps: &gst::CapsRef) -> bool {
    caps.features(0)
        .is_some_and(|features| features.contains(CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION))
}

/// What may be on the other side of caps on the sink pad (`direction`) or the source pad, the best first.
pub fn other_side(
    direction: gst::PadDirection,
    caps: &gst::Caps,
    method: OverlayMethod,
) -> gst::Caps {
    match (direction, method) {
        // Compositions that come from upstream stay, whatever is done with ours.
        (gst::PadDirection::Sink, OverlayMethod::Blend) => caps.clone(),
        (gst::PadDirection::Sink, OverlayMethod::Composition) => with_composition(caps),
        (gst::PadDirection::Sink, OverlayMethod::Auto) => both(with_composition(caps), caps),
        (_, OverlayMethod::Blend) => caps.clone(),
        (_, OverlayMethod::Composition | OverlayMethod::Auto) => {
            both(without_composition(caps), caps)
        }
    }
}

/// Of what downstream would take, the caps to send: with compositions only where somebody says that they will be drawn,
/// as many elements take any caps.
pub fn choose(caps: gst::Caps, method: OverlayMethod, source: &gst::Pad) -> gst::Caps {
    if method != OverlayMethod::Auto || !has_composition(&caps) {
        return caps;
    }
    let plain: gst::Caps = caps
        .iter_with_features()
        .filter(|(_, features)| !features.contains(CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION))
        .map(|(structure, features)| (structure.to_owned(), features.to_owned()))
        .collect();
    // None: upstream sends compositions itself.
    if plain.is_empty() || is_drawn(&caps, source) {
        caps
    } else {
        plain
    }
}

fn is_drawn(caps: &gst::Caps, source: &gst::Pad) -> bool {
    let mut first = caps.clone();
    first.truncate();
    first.fixate();
    let mut query = gst::query::Allocation::new(Some(&first), false);
    source.peer_query(&mut query)
        && query
            .find_allocation_meta::<VideoOverlayCompositionMeta>()
            .is_some()
}

fn both(mut first: gst::Caps, second: &gst::Caps) -> gst::Caps {
    first.make_mut().append(second.clone());
    first
}

fn with_composition(caps: &gst::Caps) -> gst::Caps {
    changed(caps, |features| {
        if !features.is_any() && !features.contains(CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION)
        {
            features.add(CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION);
        }
    })
}

fn without_composition(caps: &gst::Caps) -> gst::Caps {
    changed(caps, |features| {
        features.remove(CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION);
    })
}

fn changed(caps: &gst::Caps, change: impl Fn(&mut gst::CapsFeatures)) -> gst::Caps {
    caps.iter_with_features()
        .map(|(structure, features)| {
            let mut features = features.to_owned();
            change(&mut features);
            (structure.to_owned(), features)
        })
        .collect()
}
