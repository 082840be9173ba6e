//! `igd bench speed`

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use clap::Args;
use gst_video::{VideoFormat, VideoFrameRef, VideoInfo};
use gstigd::video::{Colormap, FrameReader, Painter};
use igd::model::{Detection, Detector, Map, Stage};
use serde::Serialize;
use tch::Device;

use crate::output::stdout;
use crate::target::Target;

#[derive(Args)]
pub struct Arguments {
    /// The model file
    #[arg(long, value_name = "M.safetensors")]
    model: PathBuf,
    #[command(flatten)]
    target: Target,
    /// Size of the frames
    #[arg(long, value_name = "WxH", default_value = "1920x1080", value_parser = size)]
    size: (u32, u32),
    /// Format of the frames
    #[arg(long, value_name = "F", default_value = "NV12", value_parser = format)]
    format: VideoFormat,
    /// How many frames are judged; the medians of their times are reported
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    frames: u32,
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let side = |text: &str| text.parse().ok().filter(|side| *side > 0);
    text.split_once('x')
        .and_then(|(width, height)| Some((side(width)?, side(height)?)))
        .ok_or_else(|| "expected WIDTHxHEIGHT, as in 1920x1080".to_owned())
}

fn format(text: &str) -> Result<VideoFormat, String> {
    let name = text.to_uppercase();
    gstigd::video::FORMATS
        .into_iter()
        .find(|format| format.to_str().as_str().to_uppercase() == name)
        .ok_or_else(|| {
            let names: Vec<&str> = gstigd::video::FORMATS
                .iter()
                .map(|format| format.to_str().as_str())
                .collect();
            format!("expected one of {}", names.join(", "))
        })
}

/// What is reported; times are medians over the frames.
#[derive(Serialize)]
struct Report {
    device: String,
    precision: String,
    /// That share the networks' work on the CPU.
    threads: usize,
    size: [u32; 2],
    format: String,
    pictures_per_second: f64,
    /// The time that the stages took one after the other; threads count one by one, so that it is more than the time of
    /// the frame.
    stages: Vec<StageTime>,
}

#[derive(Serialize)]
struct StageTime {
    stage: &'static str,
    /// Of one core.
    milliseconds: f64,
    share: f64,
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    let mut detector = arguments.target.open(&arguments.model)?;
    let frames = measure(&mut detector, &arguments)?;
    let report = report(&detector, &frames, &arguments);
    if json {
        writeln!(stdout(), "{}", serde_json::to_string(&report)?)?;
    } else {
        print(&report)?;
    }
    Ok(())
}

/// The times of a frame.
struct Frame {
    whole: Duration,
    /// In the order they run in.
    stages: Vec<(&'static str, Duration)>,
}

fn measure(detector: &mut Detector, arguments: &Arguments) -> anyhow::Result<Vec<Frame>> {
    gst::init()?;
    let (width, height) = arguments.size;
    let info = VideoInfo::builder(arguments.format, width, height)
        .build()
        .context("no such frame")?;
    let mut buffer = noise(info.size());
    let buffer = buffer.get_mut().context("a new buffer is writable")?;
    let mut reader = FrameReader::new(&info, detector.input_size())?;
    let mut painter = Painter::new(&info, None);
    let (columns, rows) = detector.input_size();
    let mut rgb = vec![0.0; 3 * columns * rows];
    let mut detection = Detection::default();
    // Everywhere at once, which is the most that there can be to draw.
    let map = Map {
        width: columns,
        height: rows,
        values: vec![0.6; columns * rows],
    };
    let mut frames = Vec::new();
    // The first frames fill caches and wake threads.
    for frame in 0..arguments.frames + 2 {
        let start = Instant::now();
        let readable = VideoFrameRef::from_buffer_ref_readable(buffer, &info)
            .map_err(|_| anyhow!("the frame cannot be read"))?;
        reader.read(&readable, &mut rgb)?;
        drop(readable);
        let converted = start.elapsed();

        let before = *detector.stages();
        detector.detect(&rgb, (width, height), &mut detection)?;
        let detected = start.elapsed();

        let mut writable = VideoFrameRef::from_buffer_ref_writable(buffer, &info)
            .map_err(|_| anyhow!("the frame cannot be written"))?;
        painter.heatmap(&mut writable, &map, Colormap::Turbo, 0.5);
        drop(writable);
        let whole = start.elapsed();

        let mut stages = vec![("convert", converted)];
        let times = Stage::ALL.map(|stage| {
            let time = detector.stages().of(stage) - before.of(stage);
            (stage.name(), time)
        });
        stages.extend(times.into_iter().filter(|(_, time)| !time.is_zero()));
        if let Device::Cuda(_) = detector.target().0 {
            // What the GPU does overlaps; it is the rest.
            let known: Duration = stages.iter().map(|(_, time)| *time).sum();
            stages.push(("inference", detected.saturating_sub(known)));
        }
        stages.push(("overlay", whole - detected));
        if frame >= 2 {
            frames.push(Frame { whole, stages });
        }
    }
    Ok(frames)
}

/// A frame of numbers that look like noise.
fn noise(size: usize) -> gst::Buffer {
    let mut state = 1u32;
    gst::Buffer::from_mut_slice(
        (0..size)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect::<Vec<_>>(),
    )
}

fn report(detector: &Detector, frames: &[Frame], arguments: &Arguments) -> Report {
    let (device, kind) = detector.target();
    let seconds = |of: &dyn Fn(&Frame) -> Duration| {
        let mut times: Vec<Duration> = frames.iter().map(of).collect();
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    };
    let names = frames[0].stages.iter().map(|(name, _)| *name);
    let stages: Vec<(&str, f64)> = names
        .enumerate()
        .map(|(index, name)| (name, seconds(&|frame| frame.stages[index].1)))
        .collect();
    let all: f64 = stages.iter().map(|(_, time)| time).sum();
    let stages = stages.into_iter().map(|(stage, time)| StageTime {
        stage,
        milliseconds: time * 1e3,
        share: time / all,
    });
    Report {
        device: format!("{device:?}"),
        precision: format!("{kind:?}"),
        threads: detector.threads(),
        size: arguments.size.into(),
        format: arguments.format.to_string(),
        pictures_per_second: 1.0 / seconds(&|frame| frame.whole),
        stages: stages.collect(),
    }
}

fn print(report: &Report) -> io::Result<()> {
    let [width, height] = report.size;
    writeln!(
        stdout(),
        "{} frames of {width}x{height} on {} in {}, {} threads: {:.2} pictures a second",
        report.format,
        report.device,
        report.precision,
        report.threads,
        report.pictures_per_second
    )?;
    for line in &report.stages {
        writeln!(
            stdout(),
            "  {:14} {:8.2} ms of one core  {:5.1} %",
            line.stage,
            line.milliseconds,
            line.share * 100.0
        )?;
    }
    Ok(())
}
