//! What is known of the stream and of the results.

use super::gate::{Action, AnomalyEvent, Frame, Gate, Sighting, Time};
use super::hysteresis::Hysteresis;
use super::media::Media;
use super::settings::Settings;
use super::stats::Stats;
use crate::meta::AnomalyMeta;

/// Buffers in a row that have no time of their own; a few are usual, such as headers.
const MOST_UNTIMED: u32 = 1000;

pub type GateAction = Action<Media, gst::Event>;
type TimeSegment = gst::FormattedSegment<gst::ClockTime>;

/// A stream that cannot be put in order with the results.
#[derive(Debug, thiserror::Error)]
#[error(
    "{MOST_UNTIMED} buffers in a row have no timestamp: put a parser such as h264parse before igdgate, or \
    do-timestamp=true on the source"
)]
pub struct Untimed;

#[derive(Debug, Default)]
pub struct State {
    gate: Gate<Media, gst::Event>,
    hysteresis: Hysteresis,
    segment: TimeSegment,
    times: Option<Times>,
    untimed: u32,
    /// Of the pad `result`, where there is one.
    pub results: Option<Results>,
    /// Nothing waits.
    pub flushing: bool,
    pub stats: Stats,
}

/// Running times of the frames so far.
#[derive(Clone, Copy, Debug)]
struct Times {
    first: Time,
    /// Of the frame that came last.
    present: Time,
    /// The latest to be shown.
    newest: Time,
    /// How far decoding has come, which is where later frames are shown at the earliest.
    decoded: Time,
}

/// The branch that the results come from.
#[derive(Debug, Default)]
pub struct Results {
    segment: TimeSegment,
    /// Later frames alone are to be judged.
    judged: Option<Time>,
    /// Counts all that came, so that a waiting stream sees progress.
    pub count: u64,
    pub ended: bool,
    /// It was waited for in vain.
    stalled: bool,
    /// That was said already.
    told: bool,
}

impl Results {
    pub fn set_segment(&mut self, segment: &gst::Segment) {
        self.segment = segment.downcast_ref().cloned().unwrap_or_default();
    }

    /// There are no frames before `position`.
    pub fn advance_to(&mut self, position: gst::ClockTime) {
        self.advance(running_time(&self.segment, Some(position)));
    }

    /// Nothing before `time` is to come.
    fn advance(&mut self, time: Option<Time>) {
        self.judged = self.judged.max(time);
        self.count += 1;
        self.stalled = false;
    }

    /// Goes on without them, until more come. Whether that is news.
    pub fn give_up(&mut self) -> bool {
        self.stalled = true;
        !std::mem::replace(&mut self.told, true)
    }

    /// What came belongs to the past.
    pub fn flush(&mut self) {
        *self = Self {
            count: self.count + 1,
            ..Self::default()
        };
    }
}

fn running_time(segment: &TimeSegment, time: Option<gst::ClockTime>) -> Option<Time> {
    let time = segment.to_running_time_full(time?)?;
    Some(match time {
        gst::Signed::Positive(time) => time.nseconds().try_into().unwrap_or(Time::MAX),
        gst::Signed::Negative(time) => time
            .nseconds()
            .try_into()
            .map_or(Time::MIN, |time: Time| -time),
    })
}

impl State {
    /// Nothing is known but whether there is a branch of results.
    pub fn start(&mut self) {
        *self = Self {
            results: self.results.as_ref().map(|_| Results::default()),
            ..Self::default()
        };
    }

    pub fn is_open(&self) -> bool {
        self.gate.is_open()
    }

    pub fn has_frames(&self) -> bool {
        self.times.is_some()
    }

    pub fn set_segment(&mut self, segment: &gst::Segment) {
        // Without times in it, all buffers are untimed.
        self.segment = segment.downcast_ref().cloned().unwrap_or_default();
    }

    /// An event that stays behind the buffers before it.
    pub fn add_event(&mut self, event: gst::Event) {
        self.gate.add_note(event);
    }

    pub fn add_gap(&mut self, position: gst::ClockTime, duration: Option<gst::ClockTime>) {
        let Some(time) = running_time(&self.segment, Some(position)) else {
            return;
        };
        self.add(time, time, false, Media::Gap { position, duration });
    }

    pub fn add_buffer(&mut self, buffer: gst::Buffer, settings: &Settings) -> Result<(), Untimed> {
        let pts = running_time(&self.segment, buffer.pts());
        let dts = running_time(&self.segment, buffer.dts());
        self.untimed = match pts.or(dts) {
            Some(_) => 0,
            None => self.untimed + 1,
        };
        if self.untimed > MOST_UNTIMED {
            return Err(Untimed);
        }
        // Without a time of its own it belongs to the one before.
        let time = pts
            .or(dts)
            .or(self.times.map(|times| times.present))
            .unwrap_or(0);
        let decode_time = dts.map_or(time, |dts| dts.min(time));
        let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        self.stats.buffers += 1;
        if self.results.is_none() {
            self.decide(
                &buffer,
                time,
                self.segment.to_stream_time(buffer.pts()),
                settings,
            );
        }
        if self.times.is_none()
            && let Some(pts) = buffer.pts()
        {
            // Sinks wait for something.
            self.gate.add_note(gst::event::Gap::builder(pts).build());
        }
        self.add(time, decode_time, is_key, Media::Buffer(buffer));
        Ok(())
    }

    fn add(&mut self, time: Time, decode_time: Time, key: bool, media: Media) {
        let times = self.times.get_or_insert(Times {
            first: decode_time,
            present: time,
            newest: time,
            decoded: decode_time,
        });
        times.present = time;
        times.newest = times.newest.max(time);
        times.decoded = times.decoded.max(decode_time);
        self.gate.add(Frame {
            time,
            decode_time,
            key,
            media,
        });
    }

    /// A frame of the branch `result`.
    pub fn add_result(&mut self, buffer: &gst::BufferRef, settings: &Settings) {
        let Some(results) = &mut self.results else {
            return;
        };
        let time = running_time(&results.segment, buffer.pts());
        let stream_time = results.segment.to_stream_time(buffer.pts());
        results.advance(time);
        if let Some(time) = time {
            self.decide(buffer, time, stream_time, settings);
        }
    }

    fn decide(
        &mut self,
        buffer: &gst::BufferRef,
        time: Time,
        stream_time: Option<gst::ClockTime>,
        settings: &Settings,
    ) {
        // What cannot be read is no result.
        let Ok(Some(result)) = AnomalyMeta::from_buffer(buffer) else {
            return;
        };
        self.stats.results += 1;
        if self.hysteresis.is_anomalous(&result, settings.rule()) {
            let sighting = Sighting {
                time,
                timestamp: buffer.pts(),
                stream_time,
                score: result.score,
                normalized: result.normalized,
            };
            self.gate.report(sighting, settings.rolls());
        }
    }

    /// Whether results are to come, that the stream may not be further ahead of than `lead`.
    pub fn is_ahead(&self, lead: Time) -> bool {
        self.lacks_results_until(|times| times.decoded.saturating_sub(lead))
    }

    /// Whether results for some frames are to come.
    pub fn is_unsettled(&self) -> bool {
        self.lacks_results_until(|times| times.newest)
    }

    fn lacks_results_until(&self, time: impl Fn(Times) -> Time) -> bool {
        match (&self.results, self.times) {
            (Some(results), Some(times)) if !self.flushing => {
                let judged = results.judged.unwrap_or(times.first);
                !results.ended && !results.stalled && judged < time(times)
            }
            _ => false,
        }
    }

    /// What is to be done by now.
    pub fn settle(&mut self, settings: &Settings) -> Vec<GateAction> {
        let horizon = self.times.map_or(Time::MIN, |times| match &self.results {
            Some(results) if results.stalled => {
                let given_up = times.decoded.saturating_sub(settings.max_wait());
                results.judged.max(Some(given_up)).unwrap_or(given_up)
            }
            Some(results) if !results.ended => results.judged.unwrap_or(times.first),
            _ => times.decoded,
        });
        let actions = self.gate.settle(horizon, settings.rolls());
        self.count(&actions);
        actions
    }

    /// What is to be done at the end of the stream.
    pub fn finish(&mut self, settings: &Settings) -> Vec<GateAction> {
        let actions = self.gate.finish(settings.rolls());
        self.count(&actions);
        self.hysteresis = Hysteresis::default();
        self.times = None;
        actions
    }

    fn count(&mut self, actions: &[GateAction]) {
        for action in actions {
            match action {
                Action::Pass(Frame {
                    media: Media::Buffer(_),
                    ..
                }) => self.stats.passed += 1,
                Action::LeaveOut(Frame {
                    media: Media::Buffer(_),
                    ..
                }) => self.stats.left_out += 1,
                _ => (),
            }
        }
    }

    /// Forgets the stream but not the counts. Returns the event that was being passed, and the events that were held.
    pub fn flush(&mut self) -> (Option<AnomalyEvent>, Vec<gst::Event>) {
        let left = self.gate.abandon();
        let stats = &mut self.stats;
        stats.left_out = stats.buffers - stats.passed;
        self.hysteresis = Hysteresis::default();
        self.segment = TimeSegment::default();
        self.times = None;
        self.untimed = 0;
        self.flushing = false;
        if let Some(results) = &mut self.results {
            results.flush();
        }
        left
    }
}
