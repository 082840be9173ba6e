//! What another element has left on a buffer under the name of igdfilter's result: any fields of any types. What can
//! be read is written out as JSON, stands beside a second result, and goes along when the frame is scaled.
#![no_main]

use arbitrary::Arbitrary;
use glib::prelude::*;
use gst::meta::CustomMeta;
use gst_video::video_meta::VideoMetaTransformScale;
use gst_video::{VideoFormat, VideoInfo};
use gstigd::meta::{
    self, AnomalyMessage, AnomalyMeta, FrameLine, FrameTimes, GateMessage, LearnedMessage,
};
use igd_fuzz::init;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    message: bool,
    fields: Fields,
    from: (u8, u8),
    to: (u16, u16),
}

type Fields = Vec<(u8, Field)>;

#[derive(Arbitrary, Debug)]
enum Field {
    Bool(bool),
    Int(i32),
    UInt(u32),
    UInt64(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    Structure(Fields),
    Array(Vec<Field>),
    /// Floats of a map, and its sizes with it.
    Map(u8, u8, Vec<u8>),
    /// All fields that a result has to have.
    Result(f32, bool, Fields),
    Region(u32, u32, u32, u32),
}

const NAMES: &[&str] = &[
    "element",
    "score",
    "normalized",
    "threshold",
    "anomalous",
    "global-reconstruction",
    "global-gaussian",
    "local-reconstruction",
    "local-gaussian",
    "dense-distance",
    "dense-gaussian",
    "inference-ms",
    "age",
    "model",
    "width",
    "height",
    "regions",
    "candidates",
    "inspected",
    "objects",
    "map",
    "map-width",
    "map-height",
    "results",
    "x",
    "y",
    "w",
    "h",
    "area",
    "id",
    "type",
    "timestamp",
    "stream-time",
    "running-time",
    "duration",
    "frames",
    "location",
    "running-time-end",
];
const MESSAGES: &[&str] = &["igd-anomaly", "igd-gate", "igd-learned"];
/// As deep as results nest: a result, its objects, their regions.
const DEEPEST: usize = 8;

impl Field {
    fn to_value(&self, depth: usize) -> glib::SendValue {
        match self {
            Field::Bool(value) => value.to_send_value(),
            Field::Int(value) => value.to_send_value(),
            Field::UInt(value) => value.to_send_value(),
            Field::UInt64(value) => value.to_send_value(),
            Field::Double(value) => value.to_send_value(),
            Field::Text(value) => value.replace('\0', "").to_send_value(),
            Field::Bytes(value) => glib::Bytes::from(&value[..]).to_send_value(),
            Field::Structure(fields) => structure("any", fields, depth + 1).to_send_value(),
            Field::Array(fields) if depth < DEEPEST => {
                let values = fields.iter().map(|field| field.to_value(depth + 1));
                let mut values: Vec<_> = values.collect();
                // GStreamer's arrays have values of one type; those of arrays would have to be alike further down.
                values.retain(|value| value.type_() != gst::Array::static_type());
                let kind = values.first().map(|value| value.type_());
                values.retain(|value| Some(value.type_()) == kind);
                gst::Array::from_values(values).to_send_value()
            }
            Field::Array(_) => gst::Array::default().to_send_value(),
            Field::Map(width, height, bytes) => {
                let mut structure = gst::Structure::new_empty("object");
                let length = usize::from(*width) * usize::from(*height) * 4;
                let bytes: Vec<u8> = bytes
                    .iter()
                    .copied()
                    .chain(std::iter::repeat(0))
                    .take(length)
                    .collect();
                structure.set("map", glib::Bytes::from(&bytes));
                structure.set("map-width", u32::from(*width));
                structure.set("map-height", u32::from(*height));
                structure.to_send_value()
            }
            Field::Result(score, anomalous, fields) => {
                let mut whole = whole(*score, *anomalous);
                fill(&mut whole, fields, depth + 1);
                whole.to_send_value()
            }
            Field::Region(x, y, w, h) => gst::Structure::builder("region")
                .field("x", x)
                .field("y", y)
                .field("w", w)
                .field("h", h)
                .field("area", w.wrapping_mul(*h))
                .field("score", f64::from(*x))
                .build()
                .to_send_value(),
        }
    }
}

/// A result with all that it has to have.
fn whole(score: f32, anomalous: bool) -> gst::Structure {
    gst::Structure::from(&AnomalyMeta {
        score,
        anomalous,
        width: 64,
        height: 48,
        ..AnomalyMeta::default()
    })
}

fn structure(name: &str, fields: &Fields, depth: usize) -> gst::Structure {
    let mut structure = gst::Structure::new_empty(name);
    fill(&mut structure, fields, depth);
    structure
}

fn fill(structure: &mut gst::StructureRef, fields: &Fields, depth: usize) {
    if depth < DEEPEST {
        for (name, field) in fields {
            let name = NAMES[usize::from(*name) % NAMES.len()];
            structure.set_value(name, field.to_value(depth));
        }
    }
}

/// A buffer with these fields as the result.
fn buffer(fields: &Fields) -> gst::Buffer {
    meta::register();
    let mut buffer = gst::Buffer::new();
    let writable = buffer.get_mut().expect("nobody else has it");
    let mut meta = CustomMeta::add(writable, meta::NAME).expect("a registered meta");
    let structure = meta.mut_structure();
    for (name, value) in whole(0.5, true).iter() {
        structure.set_value(name, value.clone());
    }
    fill(structure, fields, 0);
    buffer
}

fn look_at(buffer: &gst::BufferRef) {
    let Ok(Some(found)) = AnomalyMeta::from_buffer(buffer) else {
        return;
    };
    let times = FrameTimes::new(buffer, &gst::Segment::new());
    let line = FrameLine::new(None, 0, times, &found);
    if let Ok(line) = serde_json::to_string(&line) {
        serde_json::from_str::<serde_json::Value>(&line).expect("JSON");
    }
}

fn video_info((width, height): (u32, u32)) -> VideoInfo {
    VideoInfo::builder(VideoFormat::Gray8, width.max(1), height.max(1))
        .build()
        .expect("a gray frame")
}

fuzz_target!(|input: Input| {
    init();
    if input.message {
        let name = MESSAGES[usize::from(input.from.0) % MESSAGES.len()];
        let structure = structure(name, &input.fields, 0);
        let _ = AnomalyMessage::try_from(&*structure);
        let _ = GateMessage::try_from(&*structure);
        let _ = LearnedMessage::try_from(&*structure);
        return;
    }
    let mut buffer = buffer(&input.fields);
    look_at(&buffer);
    let from = video_info((input.from.0.into(), input.from.1.into()));
    let to = video_info((input.to.0.into(), input.to.1.into()));
    let mut scaled = gst::Buffer::new();
    buffer.foreach_meta(|meta| {
        let scale = VideoMetaTransformScale::new(&from, &to);
        let _ = meta.transform(scaled.get_mut().expect("nobody else has it"), &scale);
        std::ops::ControlFlow::Continue(())
    });
    look_at(&scaled);
    let next = AnomalyMeta {
        score: 0.25,
        ..AnomalyMeta::default()
    };
    let _ = next.attach(buffer.get_mut().expect("nobody else has it"));
    look_at(&buffer);
});
