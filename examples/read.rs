//! Prints the scores and the regions of each frame, from what `igdfilter` leaves on it. Knows GStreamer alone, not this
//! crate.
//!
//! ```sh
//! cargo run --release --example read -- \
//!     filesrc location=parts.mp4 ! decodebin ! videoconvert ! igdfilter model=part.safetensors ! appsink name=sink
//! ```
//!
//! A line is the frame's number and for each igdfilter "<element> <score>", "anomalous" where it is, and for each
//! region "<width>x<height>+<x>+<y>".

use std::error::Error;

use gst::prelude::*;
use gst_app::AppSink;

fn describe(buffer: &gst::BufferRef) -> Result<String, Box<dyn Error>> {
    let Ok(meta) = gst::meta::CustomMeta::from_buffer(buffer, "IgdAnomalyMeta") else {
        return Ok("no result".to_owned());
    };
    let result = meta.structure();
    // Of each igdfilter, where there are several.
    let results = if result.has_field("results") {
        structures(result, "results")?
    } else {
        vec![result]
    };
    let mut words = Vec::new();
    for result in results {
        let element = result.get::<&str>("element")?;
        words.push(format!("{element} {:.6}", result.get::<f64>("score")?));
        if result.get::<bool>("anomalous")? {
            words.push("anomalous".to_owned());
        }
        for region in structures(result, "regions")? {
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|name| region.get::<u32>(name));
            words.push(format!("{}x{}+{}+{}", w?, h?, x?, y?));
        }
    }
    Ok(words.join(" "))
}

fn structures<'a>(
    structure: &'a gst::StructureRef,
    name: &str,
) -> Result<Vec<&'a gst::StructureRef>, Box<dyn Error>> {
    let array = structure.get::<gst::ArrayRef>(name)?;
    let structures = array.as_slice().iter().map(|value| value.get());
    Ok(structures.collect::<Result<_, _>>()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    gst::init()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let pipeline = gst::parse::launchv(&words)?
        .downcast::<gst::Pipeline>()
        .map_err(|_| "not a pipeline")?;
    let sink = pipeline.by_name("sink").and_downcast::<AppSink>();
    let sink = sink.ok_or("the pipeline has no appsink name=sink")?;
    let bus = pipeline.bus().ok_or("a pipeline has a bus")?;
    // What keeps it from starting is told on the bus.
    let _ = pipeline.set_state(gst::State::Playing);
    let (mut frame, mut failure) = (0, None);
    while failure.is_none() && !sink.is_eos() {
        if let Some(sample) = sink.try_pull_sample(gst::ClockTime::from_mseconds(100)) {
            println!("{frame} {}", describe(sample.buffer().ok_or("no buffer")?)?);
            frame += 1;
        }
        failure = bus.pop_filtered(&[gst::MessageType::Error]);
    }
    pipeline.set_state(gst::State::Null)?;
    match failure.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Error(error)) => Err(error.error().into()),
        _ => Ok(()),
    }
}
