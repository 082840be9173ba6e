//! Videos: whatever GStreamer decodes, through a pipeline to samples.

use std::cell::OnceCell;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use gst::prelude::*;
use gst_app::AppSink;

/// A video that is decoded from its start to its end, as fast as its samples are worked on.
pub struct Video {
    name: String,
    uri: String,
    pipeline: gst::Pipeline,
    sink: AppSink,
    /// Whether the source has told of all its streams.
    all_streams: Arc<AtomicBool>,
    /// What is to be told where it ended before its time.
    cut_off: OnceCell<String>,
    /// Where the frames that are handed on begin and end, from the start of the video; `None` for all.
    times: OnceCell<Range<gst::ClockTime>>,
}

const NO_VIDEO: &str = "it has no video stream";
/// How long to wait for a sample before looking whether an element failed.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_mseconds(100);
/// A source that gives neither a frame nor an end for so long gives none at all.
const STALLED: Duration = Duration::from_secs(60);
/// So much more than a part of a video is decoded on both sides: frames that lie across the end of what is asked for come with
/// other times.
const MARGIN: gst::ClockTime = gst::ClockTime::from_seconds(2);
/// A video may end so much before its duration, in seconds and as a share: sound may be longer, and some containers
/// only estimate it.
const TOLERANCE: (f64, f64) = (1.0, 0.05);

impl Video {
    /// Opens a file or a URI; `elements` of a launch line work on its frames, which are upright.
    pub fn open(input: &Path, elements: &str) -> anyhow::Result<Self> {
        gst::init()?;
        gstigd::plugin_register_static()?;
        let name = input.to_string_lossy().into_owned();
        let uri = if name.contains("://") {
            name.clone()
        } else {
            let path = input.canonicalize().with_context(|| name.clone())?;
            glib::filename_to_uri(path, None)?.into()
        };
        let line = format!(
            "uridecodebin name=source ! videoconvert name=converter ! videoflip video-direction=auto ! {elements} ! \
             appsink name=sink sync=false max-buffers=4"
        );
        let pipeline = gst::parse::launch(&line)?
            .downcast::<gst::Pipeline>()
            .map_err(|_| anyhow!("a launch line of several elements is a pipeline"))?;
        let sink = pipeline.by_name("sink").and_downcast::<AppSink>();
        let video = Self {
            sink: sink.context("the appsink is there")?,
            name,
            uri,
            pipeline,
            all_streams: Arc::default(),
            cut_off: OnceCell::new(),
            times: OnceCell::new(),
        };
        let source = video.element("source")?;
        source.set_property("uri", &video.uri);
        let all_streams = video.all_streams.clone();
        source.connect_no_more_pads(move |_| all_streams.store(true, Ordering::Relaxed));
        Ok(video)
    }

    /// What the user calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// One of the elements, by the name that the launch line gives it.
    pub fn element(&self, name: &str) -> anyhow::Result<gst::Element> {
        let element = self.pipeline.by_name(name);
        element.context("a named element is there")
    }

    /// Known once there are frames, and not of all videos.
    pub fn duration(&self) -> Option<gst::ClockTime> {
        self.pipeline.query_duration()
    }

    /// What is to be told of a video that was read to its end, and ended before its time.
    pub fn cut_off(&self) -> Option<&str> {
        self.cut_off.get().map(String::as_str)
    }

    /// Hands on each sample, until `work` breaks or the video ends.
    pub fn for_each(
        &self,
        work: impl FnMut(gst::Sample) -> anyhow::Result<ControlFlow<()>>,
    ) -> anyhow::Result<()> {
        self.run(|| Ok(()), work)
    }

    /// The same of the frames that begin in a part of it, as shares of its duration: those of parts that meet are all
    /// frames, each once.
    pub fn for_each_in(
        &self,
        part: Range<f64>,
        work: impl FnMut(gst::Sample) -> anyhow::Result<ControlFlow<()>>,
    ) -> anyhow::Result<()> {
        self.run(|| self.cut(part), work)
    }

    fn run(
        &self,
        prepare: impl FnOnce() -> anyhow::Result<()>,
        work: impl FnMut(gst::Sample) -> anyhow::Result<ControlFlow<()>>,
    ) -> anyhow::Result<()> {
        let result = prepare().and_then(|()| {
            self.pipeline.set_state(gst::State::Playing)?;
            self.read(work)
        });
        // An element that failed has said why; that is more than the end of its stream tells.
        let failure = self.failure();
        self.pipeline.set_state(gst::State::Null)?;
        match failure {
            Some(text) => bail!("{}: {text}", self.name),
            None => result,
        }
    }

    /// Has it play that part alone, with the times that the frames have in the whole.
    fn cut(&self, part: Range<f64>) -> anyhow::Result<()> {
        let pad = self.element("converter")?.static_pad("sink");
        let pad = pad.context("the converter has a pad")?;
        // No frame goes further before it is known which ones are wanted.
        let (came, first_frame) = mpsc::sync_channel(1);
        let block = gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER;
        let blocked = pad.add_probe(block, move |_, _| {
            let _ = came.try_send(());
            gst::PadProbeReturn::Ok
        });
        self.pipeline.set_state(gst::State::Paused)?;
        let start = Instant::now();
        while first_frame.recv_timeout(PATIENCE.into()).is_err() {
            self.check(start)?;
        }
        let Some(duration) = self.duration() else {
            bail!(
                "{}: it tells no duration, so that it cannot be cut: convert it to MP4 or Matroska, or judge it without --shard",
                self.name
            );
        };
        let place = |share: f64| match share < 1.0 {
            true => gst::ClockTime::from_nseconds((share * duration.nseconds() as f64) as u64),
            // Frames may begin after the duration that a container claims.
            false => gst::ClockTime::MAX,
        };
        let times = place(part.start)..place(part.end);
        let wanted = times.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            match info.buffer().and_then(|buffer| stream_time_at(pad, buffer)) {
                // Dropped; what `Drop` stands for ends with a critical message in GStreamer 1.22.
                Some(time) if !wanted.contains(&time) => gst::PadProbeReturn::Handled,
                _ => gst::PadProbeReturn::Ok,
            }
        });
        let first = times.start.saturating_sub(MARGIN);
        // A seek has the time begin anew.
        pad.set_offset(first.nseconds().cast_signed());
        self.pipeline
            .seek(
                1.0,
                gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE,
                gst::SeekType::Set,
                first,
                gst::SeekType::Set,
                (times.end < gst::ClockTime::MAX).then(|| times.end + MARGIN),
            )
            .map_err(|_| {
                anyhow!(
                    "{}: it can only be played from its start: judge it without --shard",
                    self.name
                )
            })?;
        if let Some(blocked) = blocked {
            pad.remove_probe(blocked);
        }
        let _ = self.times.set(times);
        Ok(())
    }

    fn read(
        &self,
        mut work: impl FnMut(gst::Sample) -> anyhow::Result<ControlFlow<()>>,
    ) -> anyhow::Result<()> {
        // The end of the last frame, and when it came.
        let start = self.times.get().map(|times| times.start);
        let (mut end, mut last) = (start, Instant::now());
        loop {
            match self.sink.try_pull_sample(PATIENCE) {
                Some(sample) => {
                    let start = stream_time(&sample);
                    let duration = sample.buffer().and_then(|buffer| buffer.duration());
                    end = start
                        .map(|start| start + duration.unwrap_or_default())
                        .or(end);
                    if work(sample)?.is_break() {
                        return Ok(());
                    }
                    last = Instant::now();
                }
                None if self.sink.is_eos() => {
                    self.compare(end);
                    return Ok(());
                }
                None => self.check(last)?,
            }
        }
    }

    /// Fails where no frame can come any more, or none has come for long since then: where a source failed, or has sound
    /// alone, no end of the stream ever comes.
    fn check(&self, since: Instant) -> anyhow::Result<()> {
        if let Some(text) = self.failure() {
            bail!("{}: {text}", self.name);
        }
        if self.all_streams.load(Ordering::Relaxed) && !self.has_video()? {
            bail!("{}: {NO_VIDEO}", self.name);
        }
        if since.elapsed() > STALLED {
            bail!(
                "{}: neither a frame nor an end came for {} s: convert it to a video that `gst-launch-1.0 playbin` plays",
                self.name,
                STALLED.as_secs()
            );
        }
        Ok(())
    }

    /// Notes where the last frame ends well before the duration that the video claims.
    fn compare(&self, end: Option<gst::ClockTime>) {
        let (Some(end), Some(duration)) = (end, self.duration()) else {
            return;
        };
        let expected = self
            .times
            .get()
            .map_or(duration, |times| times.end.min(duration));
        let (end, duration) = (end.seconds_f64(), expected.seconds_f64());
        if duration - end > TOLERANCE.0.max(TOLERANCE.1 * duration) {
            let text = format!(
                "{}: its frames end at {end:.1} s of {duration:.1} s: is the file whole?",
                self.name
            );
            let _ = self.cut_off.set(text);
        }
    }

    /// Whether one of the source's streams has been taken.
    fn has_video(&self) -> anyhow::Result<bool> {
        let pad = self.element("converter")?.static_pad("sink");
        Ok(pad.is_some_and(|pad| pad.is_linked()))
    }

    /// The first error on the bus.
    fn failure(&self) -> Option<String> {
        let message = self
            .pipeline
            .bus()?
            .pop_filtered(&[gst::MessageType::Error])?;
        let gst::MessageView::Error(error) = message.view() else {
            return None;
        };
        let text = error.error().message().to_owned();
        let source = self.pipeline.by_name("source")?;
        Some(
            if !source.src_pads().is_empty() && !self.has_video().ok()? {
                NO_VIDEO.to_owned()
            } else if message
                .src()
                .is_some_and(|object| object.has_as_ancestor(&source))
            {
                // What demuxers say of anything that they cannot make sense of tells nothing.
                let is_vague = error.error().matches(gst::StreamError::Failed);
                let hint = if is_vague {
                    " Is it a video, and whole?"
                } else {
                    ""
                };
                format!("cannot be read as a video: {text}{hint}")
            } else {
                text
            },
        )
    }
}

/// Where a frame begins, from the video's start.
pub fn stream_time(sample: &gst::Sample) -> Option<gst::ClockTime> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    segment.to_stream_time(sample.buffer()?.pts()?)
}

/// The same of a buffer that arrives at a pad.
fn stream_time_at(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = event.segment().downcast_ref::<gst::ClockTime>()?;
    segment.to_stream_time(buffer.pts()?)
}
