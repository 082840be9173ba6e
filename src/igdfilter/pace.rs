//! Whether frames come too late, and by how much this element delays them.

use std::time::{Duration, Instant};

/// What a delay has to change by before the pipeline is told: less is noise.
const NOTICEABLE: Duration = Duration::from_millis(1);

/// How long frames have to be kept for less before the pipeline is told: once or twice as long.
const WINDOW: Duration = Duration::from_secs(10);

/// Downstream's last complaint.
#[derive(Debug, Default)]
pub struct Lateness {
    /// Running time up to which frames will be late.
    until: Option<gst::ClockTime>,
}

impl Lateness {
    /// Takes a QoS event's numbers: the running time of a frame, and how late (above 0) or early it was, in
    /// nanoseconds.
    pub fn take(&mut self, timestamp: Option<gst::ClockTime>, jitter: i64) {
        self.until = timestamp.and_then(|timestamp| {
            // As far again as it was late: when this frame is through, more time has passed.
            let ahead = if jitter > 0 {
                jitter.saturating_mul(2)
            } else {
                jitter
            };
            let nanoseconds = timestamp.nseconds().saturating_add_signed(ahead);
            // All ones would stand for no time.
            gst::ClockTime::try_from(nanoseconds).ok()
        });
    }

    /// Whether a frame of this running time will be late.
    pub fn concerns(&self, running_time: Option<gst::ClockTime>) -> bool {
        let pair = running_time.zip(self.until);
        pair.is_some_and(|(running_time, until)| running_time <= until)
    }
}

/// The longest that frames have been kept of late.
#[derive(Debug, Default)]
pub struct Latency {
    /// In the present window, and in the one before.
    longest: [Duration; 2],
    /// When the present window began.
    since: Option<Instant>,
    /// What the pipeline was told last.
    told: Option<Duration>,
}

impl Latency {
    /// A frame was kept so long until `now`. Returns whether the pipeline has to be told.
    pub fn note(&mut self, kept: Duration, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let window_ends = now.saturating_duration_since(since) >= WINDOW;
        if window_ends {
            self.longest = [Duration::ZERO, self.longest[0]];
            self.since = Some(now);
        }
        self.longest[0] = self.longest[0].max(kept);
        let Some(told) = self.told else {
            return false;
        };
        let longest = self.longest();
        let is_longer = longest > told + (told / 10).max(NOTICEABLE);
        // Each change disturbs the sinks; so much has to be won by it.
        let is_shorter = window_ends && longest + (told / 4).max(NOTICEABLE) < told;
        if is_longer || is_shorter {
            // Once is enough.
            self.told = Some(longest);
        }
        is_longer || is_shorter
    }

    fn longest(&self) -> Duration {
        self.longest[0].max(self.longest[1])
    }

    pub fn is_known(&self) -> bool {
        self.longest() > Duration::ZERO
    }

    /// What to tell the pipeline.
    pub fn tell(&mut self) -> Duration {
        let longest = self.longest();
        self.told = Some(longest);
        longest
    }

    /// Before the first frame: so long may they be kept. It counts until there is a window of them.
    pub fn guess(&mut self, time: Duration) {
        self.longest[1] = time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_up_to_twice_the_delay_are_late() {
        let at = gst::ClockTime::from_mseconds;
        let mut lateness = Lateness::default();
        assert!(!lateness.concerns(Some(at(0))));
        lateness.take(Some(at(100)), 20_000_000);
        assert!(lateness.concerns(Some(at(140))));
        assert!(!lateness.concerns(Some(at(141))));
        assert!(!lateness.concerns(None));
        lateness.take(Some(at(200)), -50_000_000);
        assert!(lateness.concerns(Some(at(150))));
        assert!(!lateness.concerns(Some(at(151))));
        lateness.take(Some(at(10)), i64::MIN);
        assert!(!lateness.concerns(Some(at(1))));
        lateness.take(None, 5);
        assert!(!lateness.concerns(Some(at(0))));
    }

    #[test]
    fn a_longer_delay_is_told_once() {
        let ms = Duration::from_millis;
        let now = Instant::now();
        let mut latency = Latency::default();
        assert!(!latency.is_known());
        // Nobody has asked yet.
        assert!(!latency.note(ms(20), now));
        assert_eq!(latency.tell(), ms(20));
        assert!(!latency.note(ms(21), now));
        assert!(latency.note(ms(30), now));
        assert!(!latency.note(ms(30), now));
        assert_eq!(latency.tell(), ms(30));
    }

    /// Frames of 40 ms from a time on, in seconds; when the pipeline was told.
    fn told_at(latency: &mut Latency, start: Instant, seconds: std::ops::Range<u64>) -> Vec<u64> {
        let frames = seconds.start * 25..seconds.end * 25;
        let told = frames.filter(|frame| {
            let now = start + Duration::from_millis(40) * (*frame as u32);
            latency.note(Duration::from_millis(10), now)
        });
        told.map(|frame| frame / 25).collect()
    }

    #[test]
    fn one_long_delay_is_forgotten_after_a_while() {
        let ms = Duration::from_millis;
        let start = Instant::now();
        let mut latency = Latency::default();
        latency.note(ms(10), start);
        assert_eq!(latency.tell(), ms(10));
        assert!(told_at(&mut latency, start, 0..5).is_empty());
        assert!(latency.note(ms(400), start + ms(5000)));
        assert_eq!(latency.tell(), ms(400));
        // The window that it lies in is over, and another one.
        assert_eq!(told_at(&mut latency, start, 5..60), [20]);
        assert_eq!(latency.tell(), ms(10));
    }

    #[test]
    fn a_guess_is_corrected() {
        let ms = Duration::from_millis;
        let start = Instant::now();
        let mut latency = Latency::default();
        latency.guess(ms(500));
        assert!(latency.is_known());
        assert_eq!(latency.tell(), ms(500));
        assert_eq!(told_at(&mut latency, start, 0..30), [10]);
        assert_eq!(latency.tell(), ms(10));
        latency = Latency::default();
        latency.guess(ms(500));
        assert_eq!(latency.tell(), ms(500));
        assert!(latency.note(ms(600), start));
    }
}
