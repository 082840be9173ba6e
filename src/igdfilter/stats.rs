//! The property `stats`.

use std::time::{Duration, Instant};

use gst::glib::gstr;

/// How long the frame rate is counted before it is renewed.
const WINDOW: Duration = Duration::from_secs(1);

/// Counts since the element has started.
#[derive(Debug, Default)]
pub(super) struct Stats {
    frames: u64,
    inferred: u64,
    learned: u64,
    late: u64,
    anomalous: u64,
    last_latency: Duration,
    total_latency: Duration,
    drift: Option<f32>,
    rate: FrameRate,
}

impl Stats {
    /// A frame has passed.
    pub(super) fn frame(&mut self, now: Instant) {
        self.frames += 1;
        self.rate.count(now);
    }

    /// The result of a frame has come, `latency` after the frame, and with it how far frames have drifted.
    pub(super) fn infer(&mut self, latency: Duration, anomalous: bool, drift: Option<f32>) {
        self.drift = drift;
        self.inferred += 1;
        self.anomalous += u64::from(anomalous);
        self.last_latency = latency;
        self.total_latency += latency;
    }

    /// A frame was learned from.
    pub(super) fn learn(&mut self) {
        self.learned += 1;
    }

    /// A frame was not inferred because downstream was late.
    pub(super) fn skip_late(&mut self) {
        self.late += 1;
    }

    pub(super) fn to_structure(&self) -> gst::Structure {
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
        let mean = milliseconds(self.total_latency) / self.inferred.max(1) as f64;
        gst::Structure::builder("igdfilter-stats")
            .field(gstr!("frames"), self.frames)
            .field(gstr!("inferred"), self.inferred)
            .field(gstr!("learned"), self.learned)
            .field(
                gstr!("skipped"),
                self.frames.saturating_sub(self.inferred + self.learned),
            )
            .field(gstr!("late"), self.late)
            .field(gstr!("anomalous"), self.anomalous)
            .field(gstr!("mean-latency"), mean)
            .field(gstr!("last-latency"), milliseconds(self.last_latency))
            .field(gstr!("drift"), self.drift.map_or(0.0, f64::from))
            .field(gstr!("fps"), self.rate.fps)
            .build()
    }
}

/// Frames a second over the last full window; over all frames so far until there is one.
#[derive(Debug, Default)]
struct FrameRate {
    window: Option<Instant>,
    frames: u64,
    full: bool,
    fps: f64,
}

impl FrameRate {
    fn count(&mut self, now: Instant) {
        let Some(start) = self.window else {
            self.window = Some(now);
            return;
        };
        self.frames += 1;
        let elapsed = now.saturating_duration_since(start);
        let over = elapsed >= WINDOW;
        if (over || !self.full) && !elapsed.is_zero() {
            self.fps = self.frames as f64 / elapsed.as_secs_f64();
        }
        if over {
            self.window = Some(now);
            self.frames = 0;
            self.full = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_by_what_happened_to_them() {
        gst::init().unwrap();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut stats = Stats::default();
        for ms in [0, 100, 200, 300] {
            stats.frame(at(ms));
        }
        stats.infer(Duration::from_millis(10), false, None);
        stats.infer(Duration::from_millis(30), true, Some(0.5));
        stats.skip_late();
        stats.learn();
        let structure = stats.to_structure();
        let count = |name: &str| structure.get::<u64>(name).unwrap();
        assert_eq!(
            [
                "frames",
                "inferred",
                "learned",
                "skipped",
                "late",
                "anomalous"
            ]
            .map(count),
            [4, 2, 1, 1, 1, 1]
        );
        let number = |name: &str| structure.get::<f64>(name).unwrap();
        assert!((number("mean-latency") - 20.0).abs() < 1e-9);
        assert!((number("last-latency") - 30.0).abs() < 1e-9);
        assert!((number("fps") - 10.0).abs() < 1e-9);
        assert_eq!(number("drift"), 0.5);
    }

    #[test]
    fn the_rate_follows_the_last_second() {
        let start = Instant::now();
        let mut rate = FrameRate::default();
        for frame in 0..=20 {
            rate.count(start + Duration::from_millis(frame * 50));
        }
        assert!((rate.fps - 20.0).abs() < 1e-9);
        for frame in 1..=10 {
            rate.count(start + Duration::from_millis(1000 + frame * 100));
        }
        assert!((rate.fps - 10.0).abs() < 1e-9);
    }
}
