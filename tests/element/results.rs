//! Results as igdfilter may leave them, without a model.

use gst::prelude::*;
use gstigd::meta::{AnomalyMeta, AttachedMap, ObjectResult};
use gstigd::video::Area;
use igd::model::{DenseTerms, Region, ScaleTerms, Scales};

pub const REGION: Region = Region {
    x: 1,
    y: 2,
    w: 3,
    h: 4,
    area: 5,
    score: 0.625,
};

/// A result with all that one can have.
pub fn full() -> AnomalyMeta {
    let terms = ScaleTerms {
        reconstruction: 0.125,
        gaussian: 0.5,
    };
    let area = Area {
        x: 8,
        y: 4,
        w: 32,
        h: 16,
    };
    AnomalyMeta {
        objects: vec![ObjectResult {
            id: 7,
            kind: "cell".into(),
            area,
            score: 0.75,
            normalized: 1.0,
            anomalous: true,
            regions: vec![REGION],
            map: Some(AttachedMap::new(1, 2, &[0.0, 1.0])),
        }],
        candidates: vec![REGION],
        inspected: Some(area),
        map: Some(AttachedMap::new(2, 1, &[0.25, 0.5])),
        scales: Scales {
            global: Some(terms),
            local: Some(terms),
            dense: Some(DenseTerms {
                distance: 1.5,
                gaussian: 0.75,
            }),
        },
        drift: Some(0.5),
        age: 3,
        ..result(0.75)
    }
}

/// A result with all that one can have, of the first of two filters.
pub fn full_of_two() -> AnomalyMeta {
    let second = AnomalyMeta {
        element: "second".into(),
        ..result(0.25)
    };
    AnomalyMeta {
        results: vec![full(), second],
        ..full()
    }
}

/// A result of a frame of 64x48, anomalous above 0.5.
pub fn result(score: f32) -> AnomalyMeta {
    AnomalyMeta {
        element: "first".into(),
        score,
        normalized: score.clamp(0.0, 1.0),
        threshold: 0.5,
        anomalous: score > 0.5,
        inference_ms: 1.5,
        width: 64,
        height: 48,
        model: "drawn".into(),
        regions: if score > 0.5 { vec![REGION] } else { vec![] },
        ..AnomalyMeta::default()
    }
}

/// An empty frame, the one with that number at 25 frames a second, with the result if there is one.
pub fn frame(number: u64, result: Option<&AnomalyMeta>) -> gst::Buffer {
    let mut buffer = gst::Buffer::new();
    let frame = buffer.make_mut();
    let duration = gst::ClockTime::from_mseconds(40);
    frame.set_pts(number * duration);
    frame.set_duration(duration);
    if let Some(result) = result {
        result.attach(frame).unwrap();
    }
    buffer
}

/// Leaves the result on each frame that the element hands on.
pub fn leave_on_frames_of(element: &gst::Element, result: AnomalyMeta) {
    let pad = element.static_pad("src").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        result
            .attach(info.buffer_mut().unwrap().make_mut())
            .unwrap();
        gst::PadProbeReturn::Ok
    });
}
