//! What flows: buffers, and events that say there is none.

use super::gate::Time;

#[derive(Clone, Debug)]
pub enum Media {
    Buffer(gst::Buffer),
    Gap {
        position: gst::ClockTime,
        duration: Option<gst::ClockTime>,
    },
}

impl Media {
    /// When it is shown, in the time of its segment.
    pub fn position(&self) -> Option<gst::ClockTime> {
        match self {
            Self::Buffer(buffer) => buffer.pts(),
            Self::Gap { position, .. } => Some(*position),
        }
    }

    pub fn duration(&self) -> Option<gst::ClockTime> {
        match self {
            Self::Buffer(buffer) => buffer.duration(),
            Self::Gap { duration, .. } => *duration,
        }
    }

    /// Moves it to an earlier time.
    pub fn advance(&mut self, by: Time) {
        let earlier = |time: gst::ClockTime| {
            gst::ClockTime::from_nseconds(time.nseconds().saturating_sub(by.max(0) as u64))
        };
        match self {
            Self::Buffer(buffer) => {
                let (pts, dts) = (buffer.pts(), buffer.dts());
                let buffer = buffer.make_mut();
                buffer.set_pts(pts.map(earlier));
                buffer.set_dts(dts.map(earlier));
            }
            Self::Gap { position, .. } => *position = earlier(*position),
        }
    }
}
