//! The frames of a video: judged by `igdfilter` in a pipeline, written by `igdmetaenc`.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use gst::prelude::*;
use gst_app::AppSink;

use super::{Arguments, Lines};

const PIPELINE: &str = "uridecodebin name=source ! videoconvert ! \
     igdfilter name=filter overlay=none messages=none ! igdmetaenc name=lines ! appsink name=sink sync=false max-buffers=4";

/// Writes a line a frame.
pub fn judge<W: Write>(
    arguments: &Arguments,
    input: &Path,
    lines: &mut Lines<W>,
) -> anyhow::Result<()> {
    if arguments.map_dir.is_some() || arguments.overlay_dir.is_some() {
        bail!(
            "{}: --map-dir and --overlay-dir are for pictures; igdfilter draws on videos in a pipeline",
            input.display()
        );
    }
    gst::init()?;
    gstigd::plugin_register_static()?;
    let name = input.to_string_lossy();
    let uri = if name.contains("://") {
        name.to_string()
    } else {
        let path = input.canonicalize().with_context(|| name.to_string())?;
        glib::filename_to_uri(path, None)?.to_string()
    };
    let pipeline = gst::parse::launch(PIPELINE)?
        .downcast::<gst::Pipeline>()
        .map_err(|_| anyhow!("a launch line of several elements is a pipeline"))?;
    let element = |name: &str| pipeline.by_name(name).context("a named element is there");
    element("source")?.set_property("uri", &uri);
    let filter = element("filter")?;
    filter.set_property("model", arguments.model.to_string_lossy().as_ref());
    filter.set_property("device", &arguments.target.device);
    filter.set_property("precision", arguments.target.precision);
    element("lines")?.set_property("path", name.as_ref());
    let sink = element("sink")?
        .downcast::<AppSink>()
        .map_err(|_| anyhow!("appsink is an AppSink"))?;
    let result = pipeline
        .set_state(gst::State::Playing)
        .map_err(anyhow::Error::from)
        .and_then(|_| read(&pipeline, &sink, &name, lines));
    // An element that failed has said why; that is more than the end of its stream tells.
    let failure = failure(&pipeline);
    pipeline.set_state(gst::State::Null)?;
    match failure {
        Some(text) => bail!("{name}: {text}"),
        None => result,
    }
}

/// How long to wait for a line before looking whether an element failed.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_mseconds(100);

fn read<W: Write>(
    pipeline: &gst::Pipeline,
    sink: &AppSink,
    path: &str,
    lines: &mut Lines<W>,
) -> anyhow::Result<()> {
    loop {
        let Some(sample) = sink.try_pull_sample(PATIENCE) else {
            if sink.is_eos() {
                return Ok(());
            }
            // Where a source failed, no end of the stream ever comes.
            match failure(pipeline) {
                Some(text) => bail!("{path}: {text}"),
                None => continue,
            }
        };
        let buffer = sample.buffer().context("a sample has a buffer")?;
        lines.write(&buffer.map_readable()?)?;
    }
}

/// The first error on the bus.
fn failure(pipeline: &gst::Pipeline) -> Option<String> {
    let message = pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
    match message.view() {
        gst::MessageView::Error(error) => {
            let text = error.error().message().to_owned();
            let source = pipeline.by_name("source");
            let is_sources = message
                .src()
                .zip(source)
                .is_some_and(|(object, source)| object.has_as_ancestor(&source));
            Some(if is_sources {
                format!("cannot be read as a video: {text}")
            } else {
                text
            })
        }
        _ => None,
    }
}
