//! How long to wait before a camera, a broker or an address is tried again.

use std::time::Duration;

/// Pauses between attempts: half a second, and twice as long each time up to half a minute.
#[derive(Debug)]
pub struct Pauses(Duration);

impl Pauses {
    const FIRST: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(30);

    /// The first is half a second.
    pub const fn new() -> Self {
        Self(Self::FIRST)
    }

    /// The next one.
    pub fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(Self::LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_half_a_minute() {
        let mut pauses = Pauses::new();
        let told: Vec<_> = (0..8).map(|_| pauses.next().as_secs_f32()).collect();
        assert_eq!(told, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
    }
}
