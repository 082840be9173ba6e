//! Whether frames come too late, and by how much this element delays them.

use std::time::Duration;

/// What a delay has to grow by before the pipeline is told: less is noise.
const NOTICEABLE: Duration = Duration::from_millis(1);

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

/// The longest that frames have been kept.
#[derive(Debug, Default)]
pub struct Latency {
    worst: Duration,
    /// What the pipeline was told last.
    told: Option<Duration>,
}

impl Latency {
    /// A frame was kept so long. Returns whether the pipeline has to be told.
    pub fn note(&mut self, kept: Duration) -> bool {
        self.worst = self.worst.max(kept);
        let Some(told) = self.told else {
            return false;
        };
        let is_news = self.worst > told + (told / 10).max(NOTICEABLE);
        if is_news {
            // Once is enough.
            self.told = Some(self.worst);
        }
        is_news
    }

    pub fn is_known(&self) -> bool {
        self.worst > Duration::ZERO
    }

    /// What to tell the pipeline.
    pub fn tell(&mut self) -> Duration {
        self.told = Some(self.worst);
        self.worst
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
        let mut latency = Latency::default();
        assert!(!latency.is_known());
        // Nobody has asked yet.
        assert!(!latency.note(ms(20)));
        assert_eq!(latency.tell(), ms(20));
        assert!(!latency.note(ms(21)));
        assert!(latency.note(ms(30)));
        assert!(!latency.note(ms(30)));
        assert_eq!(latency.tell(), ms(30));
    }
}
