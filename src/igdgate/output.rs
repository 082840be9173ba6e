//! The stream as it leaves: timestamps, and what is said of the times that are left out.

use super::gate::{Frame, Time};
use super::media::Media;

/// Between two GAP events.
const GAP_INTERVAL: Time = 1_000_000_000;

#[derive(Debug, Default)]
pub struct Output {
    /// As it came.
    segment: gst::FormattedSegment<gst::ClockTime>,
    is_raw: bool,
    /// The running time that is cut out of all timestamps, and how much of it the present segment does not account for.
    cut: Time,
    cut_here: Time,
    /// Where the last passed frame ended.
    passed: Option<Time>,
    /// When the last passed key frame is shown after it has left.
    last_key: Option<Time>,
    /// Since when frames are left out.
    closed_since: Option<Time>,
    last_gap: Option<Time>,
    /// Of the present event, in stream time.
    pub start: Option<gst::ClockTime>,
    pub end: Option<gst::ClockTime>,
}

impl Output {
    /// Takes note of an event that goes out. The times that are left out are cut out of a segment.
    pub fn hand(&mut self, event: gst::Event, continuous: bool) -> gst::Event {
        match event.view() {
            gst::EventView::Caps(caps) => {
                let kind = caps.caps().structure(0).map(|caps| caps.name());
                self.is_raw = kind.is_some_and(|kind| kind.ends_with("/x-raw"));
            }
            gst::EventView::Segment(segment) => {
                if let Some(segment) = segment.segment().downcast_ref::<gst::ClockTime>() {
                    self.segment = segment.clone();
                    return self.cut_segment(&event, continuous);
                }
            }
            _ => (),
        }
        event
    }

    fn cut_segment(&mut self, event: &gst::Event, continuous: bool) -> gst::Event {
        let base = self.segment.base().unwrap_or_default().nseconds();
        let cut = base.min(self.cut as u64);
        self.cut_here = self.cut - cut as Time;
        if !continuous || cut == 0 {
            return event.clone();
        }
        let mut segment = self.segment.clone();
        segment.set_base(gst::ClockTime::from_nseconds(base - cut));
        gst::event::Segment::builder(&segment)
            .seqnum(event.seqnum())
            .build()
    }

    /// Takes note of a frame that is left out. Whether a GAP event is due.
    pub fn leave_out(&mut self, frame: &Frame<Media>, continuous: bool) -> bool {
        // Nothing may move to before the first frame, whose decode time may lie before the segment.
        let here = match self.passed {
            Some(passed) => passed.max(frame.decode_time),
            None => frame.time,
        };
        self.closed_since.get_or_insert(here);
        let since = |last: Time| frame.time.saturating_sub(last);
        if self.is_raw || continuous || self.last_gap.is_some_and(|last| since(last) < GAP_INTERVAL)
        {
            return false;
        }
        self.last_gap = Some(frame.time);
        true
    }

    /// An event begins with a frame. Returns the running time that parts it from all before once it has left.
    pub fn begin(&mut self, frame: &Frame<Media>, continuous: bool) -> gst::ClockTime {
        let since = self.closed_since.take().unwrap_or(frame.time);
        let cut = frame.time.saturating_sub(since).max(0);
        self.cut += cut;
        self.cut_here += cut;
        self.start = self.segment.to_stream_time(frame.media.position());
        self.end = None;
        // Frames after the key frame may be shown before it, though not before it is decoded.
        let begins = self.leaves_at(frame.decode_time, continuous);
        let begins = self.last_key.map_or(begins, |key| begins.max(key + 1));
        gst::ClockTime::from_nseconds(begins.max(0) as u64)
    }

    /// The frame as it is passed.
    pub fn pass(&mut self, frame: Frame<Media>, continuous: bool) -> Media {
        if frame.key {
            self.last_key = Some(self.leaves_at(frame.time, continuous));
        }
        let mut media = frame.media;
        let duration = media.duration().unwrap_or_default();
        let end = frame.time.saturating_add(duration.nseconds() as Time);
        self.passed = self.passed.max(Some(end));
        let end = media.position().map(|position| position + duration);
        self.end = self.end.max(self.segment.to_stream_time(end));
        if continuous {
            media.advance(self.cut_here);
        }
        media
    }

    fn leaves_at(&self, time: Time, continuous: bool) -> Time {
        time.saturating_sub(if continuous { self.cut } else { 0 })
    }

    /// Time begins anew; the caps stay.
    pub fn flush(&mut self) {
        *self = Self {
            is_raw: self.is_raw,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Time = 1_000_000;

    /// A frame of 40 ms, in a segment that begins at 80 ms.
    fn frame(time: Time, decode_time: Time, key: bool) -> Frame<Media> {
        let mut buffer = gst::Buffer::new();
        let writable = buffer.make_mut();
        writable.set_pts(gst::ClockTime::from_mseconds((time + 80) as u64));
        writable.set_dts(gst::ClockTime::from_mseconds((decode_time + 80) as u64));
        writable.set_duration(gst::ClockTime::from_mseconds(40));
        Frame {
            time: time * MS,
            decode_time: decode_time * MS,
            key,
            media: Media::Buffer(buffer),
        }
    }

    fn output() -> Output {
        gst::init().unwrap();
        let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
        segment.set_start(gst::ClockTime::from_mseconds(80));
        let mut output = Output::default();
        output.hand(gst::event::Segment::new(&segment), true);
        output
    }

    fn times(media: Media) -> (Option<u64>, Option<u64>) {
        let Media::Buffer(buffer) = media else {
            panic!("no buffer");
        };
        let milliseconds = |time: Option<gst::ClockTime>| Some(time?.mseconds());
        (milliseconds(buffer.pts()), milliseconds(buffer.dts()))
    }

    #[test]
    fn the_first_event_moves_to_where_the_stream_began_and_no_further() {
        let mut output = output();
        output.leave_out(&frame(0, -80, true), true);
        output.leave_out(&frame(120, -40, false), true);
        let first = frame(1000, 920, true);
        assert_eq!(output.begin(&first, true), gst::ClockTime::ZERO);
        assert_eq!(times(output.pass(first, true)), (Some(80), Some(0)));
        assert_eq!(output.start, Some(gst::ClockTime::from_mseconds(1000)));
        assert_eq!(output.end, Some(gst::ClockTime::from_mseconds(1040)));
    }

    #[test]
    fn the_next_event_follows_what_was_passed_last() {
        let mut output = output();
        for (time, decode_time, key) in [(0, -80, true), (120, 40, true)] {
            let frame = frame(time, decode_time, key);
            if time == 0 {
                output.begin(&frame, true);
            }
            output.pass(frame, true);
        }
        output.leave_out(&frame(240, 80, false), true);
        let next = frame(1000, 920, true);
        // Later than the key frame before, although that is shown after this one is decoded.
        let parts = output.begin(&next, true);
        assert_eq!(parts.nseconds(), 120 * MS as u64 + 1);
        assert_eq!(times(output.pass(next, true)), (Some(240), Some(160)));
    }

    #[test]
    fn timestamps_stay_where_they_are_kept() {
        let mut output = output();
        output.leave_out(&frame(0, -80, true), false);
        let first = frame(1000, 920, true);
        assert_eq!(output.begin(&first, false).mseconds(), 920);
        assert_eq!(times(output.pass(first, false)), (Some(1080), Some(1000)));
    }
}
