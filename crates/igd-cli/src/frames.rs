//! The frames of a video as pictures to learn from, read as `igdfilter` reads them.

use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use clap::Args;
use gst_video::prelude::*;
use gst_video::{VideoCapsBuilder, VideoFrameRef, VideoInfo};
use gstigd::video::{FORMATS, FrameReader};
use igd::data::{Frame, Sample, TrainingSet};

use crate::progress::Progress;
use crate::video::{Video, stream_time};

#[derive(Args)]
pub struct Arguments {
    /// Instead of --data: a video, a file or a URI
    #[arg(long, value_name = "FILE|URI", conflicts_with = "data")]
    pub video: Option<PathBuf>,
    /// Take one frame in so many, since neighbours are nearly the same; frames are kept in memory, 0.2 MB each at
    /// 256x256 [default: 1]
    #[arg(long, value_name = "N", requires = "video", value_parser = at_least_one)]
    every: Option<usize>,
    /// Where in the video to begin [default: its start]
    #[arg(long, value_name = "SECONDS", requires = "video", value_parser = seconds)]
    start: Option<f64>,
    /// Where in the video to end [default: its end]
    #[arg(long, value_name = "SECONDS", requires = "video", value_parser = seconds)]
    stop: Option<f64>,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count >= 1 => Ok(count),
        _ => Err("expected 1 or more".to_owned()),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..f64::INFINITY).contains(&seconds) => Ok(seconds),
        _ => Err("expected seconds, as in 12.5".to_owned()),
    }
}

impl Arguments {
    /// The chosen frames at `size` (width, height).
    pub fn frames(
        &self,
        input: &Path,
        size: (usize, usize),
        progress: &mut Progress,
    ) -> anyhow::Result<TrainingSet> {
        let start = self.start.unwrap_or(0.0);
        let stop = self.stop.unwrap_or(f64::INFINITY);
        ensure!(start < stop, "--stop must be later than --start");
        progress.stage("reading frames");
        let video = Video::open(input, "capsfilter name=formats")?;
        let formats = VideoCapsBuilder::new().format_list(FORMATS).build();
        video.element("formats")?.set_property("caps", formats);
        let uri = without_password(video.uri())?;
        let mut reader = Reader::new(size);
        let mut samples = Vec::new();
        // Frames in the video, and in the range; the time of the last one.
        let (mut number, mut within, mut time) = (0, 0, 0.0);
        video.for_each(|sample| {
            time = stream_time(&sample).map_or(time, gst::ClockTime::seconds_f64);
            if time >= stop {
                return Ok(ControlFlow::Break(()));
            }
            if time >= start {
                if within % self.every.unwrap_or(1) == 0 {
                    let rgb = reader.read(&sample)?;
                    let frame = Frame::new(uri.clone().into(), number, size, rgb);
                    samples.push(Sample::Frame(Arc::new(frame)));
                }
                within += 1;
            }
            number += 1;
            let end = video
                .duration()
                .map_or(stop, |end| stop.min(end.seconds_f64()));
            progress.at((time / end).min(1.0), || {
                format!("{} frames", samples.len())
            });
            Ok(ControlFlow::Continue(()))
        })?;
        if samples.is_empty() {
            bail!(
                "{}: none of its {number} frames is in the range of --start and --stop, the last one is at {time:.3} s",
                video.name()
            );
        }
        Ok(TrainingSet {
            name: self.describe(&uri),
            licence: None,
            samples,
            significant_bits: None,
        })
    }

    fn describe(&self, uri: &str) -> String {
        let mut text = uri.to_owned();
        if let Some(every) = self.every {
            let _ = write!(text, ", one frame in {every}");
        }
        if let Some(start) = self.start {
            let _ = write!(text, ", from {start} s");
        }
        if let Some(stop) = self.stop {
            let _ = write!(text, ", up to {stop} s");
        }
        text
    }
}

/// An address that may stand in a model.
fn without_password(uri: &str) -> anyhow::Result<String> {
    let parts = glib::Uri::parse(uri, glib::UriFlags::ENCODED)?;
    let shown = parts.to_string_partial(glib::UriHideFlags::USERINFO);
    Ok(shown.into())
}

/// Reads frames of caps that may change.
struct Reader {
    /// Width and height, and the planes of that size.
    size: (usize, usize),
    rgb: Vec<f32>,
    current: Option<Current>,
}

/// The caps at hand, and what reads their frames.
struct Current {
    caps: gst::Caps,
    info: VideoInfo,
    reader: FrameReader,
}

impl Reader {
    fn new(size: (usize, usize)) -> Self {
        Self {
            size,
            rgb: vec![0.0; 3 * size.0 * size.1],
            current: None,
        }
    }

    /// The frame's planar R, G, B values of 0..=255.
    fn read(&mut self, sample: &gst::Sample) -> anyhow::Result<&[f32]> {
        let caps = sample.caps().context("a sample has caps")?;
        let Current { info, reader, .. } = match self.current.take() {
            Some(current) if current.caps.as_ref() == caps => self.current.insert(current),
            _ => {
                let info = VideoInfo::from_caps(caps)?;
                self.current.insert(Current {
                    caps: caps.to_owned(),
                    reader: FrameReader::new(&info, self.size)?,
                    info,
                })
            }
        };
        let buffer = sample.buffer().context("a sample has a buffer")?;
        let frame = VideoFrameRef::from_buffer_ref_readable(buffer, info)?;
        reader.read(&frame, &mut self.rgb)?;
        Ok(&self.rgb)
    }
}
