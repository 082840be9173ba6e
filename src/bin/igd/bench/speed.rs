//! `igd bench speed`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use clap::Args;
use gst_video::{VideoFormat, VideoFrameRef, VideoInfo};
use gstigd::model::{Detection, Detector, Map, Stage};
use gstigd::video::{Colormap, FrameReader, Painter};
use serde::Serialize;

use super::ceiling::{copy_rate, matrix_rate};
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

/// What is reported; times are medians over the frames, in milliseconds.
#[derive(Serialize)]
struct Report {
    device: String,
    precision: String,
    threads: i32,
    size: [u32; 2],
    format: String,
    pictures_per_second: f64,
    stages: Vec<Line>,
    /// Operations a second of a product of large matrices in that precision.
    matrix_rate: f64,
    /// Bytes a second that are read and written in a copy of a large array.
    copy_rate: f64,
    /// Operations a second in all networks together.
    network_rate: Option<f64>,
}

#[derive(Serialize)]
struct Line {
    stage: String,
    milliseconds: f64,
    share: f64,
    /// Operations that a picture takes here, and how many of the matrix product's rate that makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of_matrix_rate: Option<f64>,
}

pub fn run(arguments: Arguments, json: bool) -> anyhow::Result<()> {
    let mut detector = arguments.target.open(&arguments.model)?;
    let times = measure(&mut detector, &arguments)?;
    let report = report(&detector, &times, &arguments);
    if json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

/// The stages of a frame by name, in the order they run in.
type Times = Vec<(String, Duration)>;

/// The times of each frame.
fn measure(detector: &mut Detector, arguments: &Arguments) -> anyhow::Result<Vec<Times>> {
    gst::init()?;
    let (width, height) = arguments.size;
    let info = VideoInfo::builder(arguments.format, width, height)
        .build()
        .context("no such frame")?;
    let mut buffer = noise(info.size());
    let buffer = buffer.get_mut().context("a new buffer is writable")?;
    let mut reader = FrameReader::new(&info, detector.input_size())?;
    let mut painter = Painter::new(&info);
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
        let mut times = Times::new();
        let start = Instant::now();
        let readable = VideoFrameRef::from_buffer_ref_readable(buffer, &info)
            .map_err(|_| anyhow!("the frame cannot be read"))?;
        reader.read(&readable, &mut rgb)?;
        drop(readable);
        times.push(("convert".to_owned(), start.elapsed()));

        let before = *detector.stages();
        let start = Instant::now();
        detector.detect(&rgb, (width, height), &mut detection)?;
        let whole = start.elapsed();
        let mut rest = whole;
        for stage in Stage::ALL {
            let time = detector.stages().of(stage) - before.of(stage);
            rest = rest.saturating_sub(time);
            if !time.is_zero() {
                times.push((stage.name().to_owned(), time));
            }
        }
        // On a GPU the stages overlap, and all of them are this one.
        let name = if rest == whole {
            "inference"
        } else {
            "regions"
        };
        times.push((name.to_owned(), rest));

        let start = Instant::now();
        let mut writable = VideoFrameRef::from_buffer_ref_writable(buffer, &info)
            .map_err(|_| anyhow!("the frame cannot be written"))?;
        painter.heatmap(&mut writable, &map, Colormap::Turbo, 0.5);
        drop(writable);
        times.push(("overlay".to_owned(), start.elapsed()));
        if frame >= 2 {
            frames.push(times);
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

fn report(detector: &Detector, frames: &[Times], arguments: &Arguments) -> Report {
    let (device, kind) = detector.target();
    let matrix_rate = matrix_rate(device, kind);
    let operations = detector.operations();
    let median = |times: &mut dyn Iterator<Item = Duration>| {
        let mut times: Vec<Duration> = times.collect();
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    };
    let whole = median(
        &mut frames
            .iter()
            .map(|times| times.iter().map(|(_, time)| *time).sum()),
    );
    let mut network_time = 0.0;
    let stages = (0..frames[0].len()).map(|index| {
        let stage = &frames[0][index].0;
        let time = median(&mut frames.iter().map(|times| times[index].1));
        let operations = operations
            .iter()
            .find(|(of, _)| of.name() == stage)
            .map(|(_, operations)| *operations);
        if operations.is_some() {
            network_time += time;
        }
        Line {
            stage: stage.clone(),
            milliseconds: time * 1e3,
            share: time / whole,
            operations,
            of_matrix_rate: operations.map(|operations| operations / time / matrix_rate),
        }
    });
    let stages: Vec<Line> = stages.collect();
    let all: f64 = operations.iter().map(|(_, operations)| operations).sum();
    Report {
        device: format!("{device:?}"),
        precision: format!("{kind:?}"),
        threads: tch::get_num_threads(),
        size: arguments.size.into(),
        format: arguments.format.to_string(),
        pictures_per_second: 1.0 / whole,
        stages,
        matrix_rate,
        copy_rate: copy_rate(device),
        network_rate: (network_time > 0.0).then(|| all / network_time),
    }
}

fn print(report: &Report) {
    let [width, height] = report.size;
    println!(
        "{} frames of {width}x{height} on {} in {}, {} threads: {:.2} pictures a second",
        report.format, report.device, report.precision, report.threads, report.pictures_per_second
    );
    for line in &report.stages {
        let rate = match (line.operations, line.of_matrix_rate) {
            (Some(operations), Some(part)) => format!(
                "  {:7.2} billion operations, {:3.0} % of the matrix rate",
                operations / 1e9,
                part * 100.0
            ),
            _ => String::new(),
        };
        println!(
            "  {:14} {:8.2} ms  {:5.1} %{rate}",
            line.stage,
            line.milliseconds,
            line.share * 100.0
        );
    }
    println!(
        "machine: {:.0} billion operations a second in matrix products, {:.1} GB/s copied",
        report.matrix_rate / 1e9,
        report.copy_rate / 1e9
    );
    if let Some(rate) = report.network_rate {
        println!(
            "networks: {:.0} billion operations a second, {:.0} % of that",
            rate / 1e9,
            rate / report.matrix_rate * 100.0
        );
    }
}
