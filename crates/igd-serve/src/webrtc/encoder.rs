//! Pictures to VP8, in the thread that asks for it.

use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use gst::prelude::*;
use gst_video::{UpstreamForceKeyUnitEvent, VideoFormat, VideoInfo};
use image::RgbImage;

use super::RATE;

/// Of the stream, for each pixel of a picture.
const BITS: f64 = 0.25;

/// GStreamer's, without a pipeline: a pipeline's threads would compute at the priority of those that inspect.
pub(super) struct Encoder {
    convert: gst::Element,
    encoder: gst::Element,
    input: gst::Pad,
    output: gst::Pad,
    encoded: Receiver<gst::Buffer>,
    began: Instant,
    size: (u32, u32),
}

impl Encoder {
    /// Of pictures of one size.
    pub fn new((width, height): (u32, u32)) -> Result<Self, glib::BoolError> {
        let convert = gst::ElementFactory::make("videoconvert")
            .property("n-threads", 1_u32)
            .build()?;
        let bits = f64::from(width) * f64::from(height) * f64::from(RATE) * BITS;
        // As video calls have it: no frame waits for another, and each fits the network.
        let encoder = gst::ElementFactory::make("vp8enc")
            .property("deadline", 1_i64)
            .property("cpu-used", 12_i32)
            .property("threads", 1_i32)
            .property("timebase", gst::Fraction::new(1, 1000))
            .property_from_str("end-usage", "cbr")
            .property("target-bitrate", bits as i32)
            .property("buffer-size", 600_i32)
            .property("buffer-initial-size", 300_i32)
            .property("buffer-optimal-size", 400_i32)
            .property("max-quantizer", 56_i32)
            .property("keyframe-max-dist", 3000_i32)
            .build()?;
        let (encoded, received) = channel();
        let input = gst::Pad::new(gst::PadDirection::Src);
        let output = gst::Pad::builder(gst::PadDirection::Sink)
            .event_function(|_, _, _| true)
            .chain_function(move |_, _, buffer| {
                encoded.send(buffer).map_err(|_| gst::FlowError::Eos)?;
                Ok(gst::FlowSuccess::Ok)
            })
            .build();
        let made = Self {
            input,
            output,
            encoded: received,
            began: Instant::now(),
            size: (width, height),
            convert,
            encoder,
        };
        made.start()?;
        Ok(made)
    }

    fn start(&self) -> Result<(), glib::BoolError> {
        let end = |element: &gst::Element, name| {
            let pad = element.static_pad(name);
            pad.ok_or_else(|| glib::bool_error!("no pad {name}"))
        };
        let link = |from: &gst::Pad, to: &gst::Pad| {
            let linked = from.link(to);
            linked.map_err(|error| glib::bool_error!("pads do not link: {error}"))
        };
        link(&self.input, &end(&self.convert, "sink")?)?;
        link(&end(&self.convert, "src")?, &end(&self.encoder, "sink")?)?;
        link(&end(&self.encoder, "src")?, &self.output)?;
        for pad in [&self.output, &self.input] {
            pad.set_active(true)?;
        }
        for element in [&self.encoder, &self.convert] {
            let started = element.set_state(gst::State::Playing);
            started.map_err(|error| glib::bool_error!("{}: {error}", element.name()))?;
        }
        let (width, height) = self.size;
        let info = VideoInfo::builder(VideoFormat::Rgb, width, height)
            .fps(gst::Fraction::new(RATE as i32, 1))
            .build()?;
        self.input.push_event(gst::event::StreamStart::new("live"));
        self.input
            .push_event(gst::event::Caps::new(&info.to_caps()?));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        self.input.push_event(gst::event::Segment::new(&segment));
        Ok(())
    }

    /// Width and height of its pictures.
    pub const fn size(&self) -> (u32, u32) {
        self.size
    }

    /// The next picture, so that it can be seen without those before it if `is_key`. `None` where the encoder left it
    /// out.
    pub fn encode(
        &self,
        picture: RgbImage,
        is_key: bool,
    ) -> Result<Option<gst::Buffer>, gst::FlowError> {
        if is_key {
            self.output
                .push_event(UpstreamForceKeyUnitEvent::builder().build());
        }
        let mut buffer = gst::Buffer::from_mut_slice(picture.into_raw());
        let time = gst::ClockTime::try_from(self.began.elapsed()).unwrap_or_default();
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(time);
        }
        self.input.push(buffer)?;
        Ok(self.encoded.try_iter().last())
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.input.set_active(false);
        for element in [&self.convert, &self.encoder] {
            let _ = element.set_state(gst::State::Null);
        }
    }
}
