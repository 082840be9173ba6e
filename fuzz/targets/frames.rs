//! Frames of any caps, strides, offsets and lengths into igdfilter, with regions of interest of any place.
#![no_main]

use std::sync::Mutex;

use arbitrary::Arbitrary;
use gst::prelude::*;
use gst_check::Harness;
use gst_video::{VideoInfo, VideoMeta, VideoRegionOfInterestMeta};
use gstigd::video::FORMATS;
use igd_fuzz::{init, model_file};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    /// Choices of the element.
    region: Option<(u8, u8, u8, u8)>,
    roi_list: bool,
    latest: bool,
    attach_map: bool,
    drawn: u8,
    opacity: u8,
    streams: Vec<Stream>,
}

#[derive(Arbitrary, Debug)]
struct Stream {
    format: u8,
    width: u8,
    height: u8,
    frames: Vec<Frame>,
}

#[derive(Arbitrary, Debug)]
struct Frame {
    /// Less or more memory than the caps ask for.
    length: i16,
    memories: u8,
    fill: u8,
    pts: Option<u64>,
    meta: Option<Layout>,
    regions: Vec<(u16, u16, u16, u16)>,
}

#[derive(Arbitrary, Debug)]
struct Layout {
    format: Option<u8>,
    width: u8,
    height: u8,
    size_of_caps: bool,
    /// What is added to each plane's offset and stride.
    offsets: [i16; 4],
    strides: [i16; 4],
    /// A stride as it stands.
    wild: Option<(u8, i32)>,
}

impl Stream {
    fn info(&self) -> VideoInfo {
        let format = FORMATS[usize::from(self.format) % FORMATS.len()];
        let (width, height) = (u32::from(self.width) + 1, u32::from(self.height) + 1);
        let info = VideoInfo::builder(format, width, height).fps(gst::Fraction::new(25, 1));
        info.build().expect("a frame's description")
    }
}

impl Layout {
    fn add(&self, buffer: &mut gst::BufferRef, info: &VideoInfo) {
        let format = match self.format {
            Some(format) => FORMATS[usize::from(format) % FORMATS.len()],
            None => info.format(),
        };
        let (width, height) = if self.size_of_caps {
            (info.width(), info.height())
        } else {
            (u32::from(self.width) + 1, u32::from(self.height) + 1)
        };
        let planes = info.n_planes() as usize;
        let offsets: Vec<usize> = (0..planes)
            .map(|plane| info.offset()[plane].saturating_add_signed(self.offsets[plane].into()))
            .collect();
        let mut strides: Vec<i32> = (0..planes)
            .map(|plane| info.stride()[plane] + i32::from(self.strides[plane]))
            .collect();
        if let Some((plane, stride)) = self.wild {
            strides[usize::from(plane) % planes] = stride;
        }
        let flags = gst_video::VideoFrameFlags::empty();
        let _ = VideoMeta::add_full(buffer, flags, format, width, height, &offsets, &strides);
    }
}

impl Frame {
    fn buffer(&self, info: &VideoInfo) -> gst::Buffer {
        let length = info.size().saturating_add_signed(self.length.into());
        let mut buffer = gst::Buffer::new();
        let writable = buffer.get_mut().expect("nobody else has it");
        // Decoders put each plane into a memory of its own.
        let count = usize::from(self.memories % 4) + 1;
        for number in 0..count {
            let part = length * (number + 1) / count - length * number / count;
            // Not of GStreamer's allocator, so that the sanitizer sees each byte beyond.
            writable.append_memory(gst::Memory::from_mut_slice(vec![self.fill; part]));
        }
        writable.set_pts(
            self.pts
                .map(gst::ClockTime::from_nseconds)
                .filter(|_| self.pts != Some(u64::MAX)),
        );
        if let Some(layout) = &self.meta {
            layout.add(writable, info);
        }
        for &(x, y, w, h) in self.regions.iter().take(4) {
            VideoRegionOfInterestMeta::add(
                writable,
                "part",
                (x.into(), y.into(), w.into(), h.into()),
            );
        }
        buffer
    }
}

/// The element goes on from input to input, as long as it is well: opening a model takes longer than many frames.
static LINE: Mutex<Option<Running>> = Mutex::new(None);

struct Running {
    element: gst::Element,
    bus: gst::Bus,
    harness: Harness,
}

impl Running {
    fn new() -> Self {
        let element = gst::ElementFactory::make("igdfilter").build();
        let element = element.expect("our element");
        element.set_property("model", model_file().to_str());
        // Candidates are drawn whatever the score.
        element.set_property("candidates", true);
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        let harness = Harness::with_element(&element, Some("sink"), Some("src"));
        Self {
            element,
            bus,
            harness,
        }
    }

    fn set(&self, input: &Input) {
        let overlay = [
            "none",
            "heatmap",
            "regions",
            "badge",
            "heatmap+regions+badge",
        ];
        let overlay = overlay[usize::from(input.drawn) % overlay.len()];
        self.element.set_property_from_str("overlay", overlay);
        let opacity = f32::from(input.opacity) / 255.0;
        self.element.set_property("opacity", opacity);
        self.element.set_property("attach-map", input.attach_map);
        let region = if input.roi_list {
            "roi-list"
        } else {
            "full-frame"
        };
        self.element
            .set_property_from_str("inference-region", region);
        let mode = if input.latest { "latest" } else { "sync" };
        self.element.set_property_from_str("inference-mode", mode);
        let region = input.region.map(|(x, y, w, h)| format!("{x},{y},{w},{h}"));
        self.element.set_property("region", region);
    }

    /// False where the element has posted an error, and wants to be started anew.
    fn pass(&mut self, streams: &[Stream]) -> bool {
        for stream in streams.iter().take(3) {
            let info = stream.info();
            self.harness.set_src_caps(info.to_caps().expect("caps"));
            for frame in stream.frames.iter().take(3) {
                let _ = self.harness.push(frame.buffer(&info));
                while self.harness.try_pull().is_some() {}
            }
        }
        let error = self.bus.pop_filtered(&[gst::MessageType::Error]);
        self.bus.set_flushing(true);
        self.bus.set_flushing(false);
        error.is_none()
    }
}

fuzz_target!(|input: Input| {
    init();
    let mut line = LINE.lock().expect("no panic before");
    let running = line.get_or_insert_with(Running::new);
    running.set(&input);
    if !running.pass(&input.streams) {
        *line = None;
    }
});
