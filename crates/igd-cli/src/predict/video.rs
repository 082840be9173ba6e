//! The frames of a video: judged by `igdfilter` in a pipeline, written by `igdmetaenc`.

use std::io::Write;
use std::ops::ControlFlow;

use anyhow::{Context, bail};
use gst::prelude::*;

use super::plan::VideoPlan;
use super::{Arguments, Lines};
use crate::output::note;
use crate::video::Video;

/// The same frames are the same lines, whichever machine judges them and however long it takes.
const ELEMENTS: &str = "igdfilter name=filter overlay=none messages=none ! igdmetaenc name=lines include-inference-time=false";

/// Writes a line a frame. Returns how many videos ended before their time: one or none.
pub fn predict<W: Write>(
    arguments: &Arguments,
    plan: &VideoPlan,
    lines: &mut Lines<W>,
) -> anyhow::Result<usize> {
    if arguments.map_dir.is_some() || arguments.overlay_dir.is_some() {
        bail!(
            "{}: --map-dir and --overlay-dir are for pictures; igdfilter draws on videos in a pipeline",
            plan.path.display()
        );
    }
    let video = Video::open(&plan.path, ELEMENTS)?;
    let filter = video.element("filter")?;
    filter.set_property("model", arguments.model.to_string_lossy().as_ref());
    filter.set_property("device", &arguments.target.device);
    filter.set_property_from_str("precision", &arguments.target.precision.to_string());
    video.element("lines")?.set_property("path", video.name());
    let line = |sample: gst::Sample| {
        let buffer = sample.buffer().context("a sample has a buffer")?;
        lines.write(&buffer.map_readable()?)?;
        Ok(ControlFlow::Continue(()))
    };
    match plan.is_whole() {
        true => video.for_each(line)?,
        false => video.for_each_in(plan.part.clone(), line)?,
    }
    Ok(video.cut_off().map_or(0, |text| {
        note(text);
        1
    }))
}
