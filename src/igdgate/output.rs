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
        let here = self.passed.max(Some(frame.decode_time));
        self.closed_since = self.closed_since.or(here);
        let since = |last: Time| frame.time.saturating_sub(last);
        if self.is_raw || continuous || self.last_gap.is_some_and(|last| since(last) < GAP_INTERVAL)
        {
            return false;
        }
        self.last_gap = Some(frame.time);
        true
    }

    /// The frame as it is passed.
    pub fn pass(&mut self, frame: Frame<Media>, continuous: bool) -> Media {
        let mut media = frame.media;
        if let Some(since) = self.closed_since.take() {
            let cut = frame.time.saturating_sub(since).max(0);
            self.cut += cut;
            self.cut_here += cut;
        }
        let duration = media.duration().unwrap_or_default().nseconds();
        let end = frame.time.saturating_add(duration as Time);
        self.passed = self.passed.max(Some(end));
        let stop = media
            .position()
            .map(|position| position + media.duration().unwrap_or_default());
        self.end = self.end.max(self.segment.to_stream_time(stop));
        if continuous {
            media.advance(self.cut_here);
        }
        media
    }

    /// The running time that a frame has when it leaves.
    pub fn running_time(&self, time: Time, continuous: bool) -> gst::ClockTime {
        let cut = if continuous { self.cut } else { 0 };
        gst::ClockTime::from_nseconds(time.saturating_sub(cut).max(0) as u64)
    }

    /// An event begins with a frame that is shown at `position`.
    pub fn begin(&mut self, position: Option<gst::ClockTime>) {
        self.start = self.segment.to_stream_time(position);
        self.end = None;
    }

    /// Time begins anew; the caps stay.
    pub fn flush(&mut self) {
        *self = Self {
            is_raw: self.is_raw,
            ..Self::default()
        };
    }
}
