//! Whether something moves before a camera.

use crate::thumbnail::Thumbnail;

/// Follows a camera's frames.
#[derive(Clone, Debug)]
pub struct Motion {
    /// Mean change of a pixel, 0 to 255, above which something moves.
    limit: f32,
    before: Option<Thumbnail>,
    moves: bool,
}

impl Motion {
    /// `limit`: the mean change of a pixel, 0 to 255, above which something moves.
    pub const fn new(limit: f32) -> Self {
        Self {
            limit,
            before: None,
            moves: false,
        }
    }

    /// Takes the next frame. True where what moved has come to rest with it.
    pub fn rests(&mut self, now: Thumbnail) -> bool {
        let change = |before: &Thumbnail| now.difference(before);
        let moves = self.before.as_ref().map_or(0.0, change) > self.limit;
        let rests = self.moves && !moves;
        (self.before, self.moves) = (Some(now), moves);
        rests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_comes_to_rest_is_told_once() {
        let mut motion = Motion::new(4.0);
        let frames = [0.0, 0.0, 40.0, 90.0, 91.0, 91.0, 90.0, 0.0, 0.0];
        let told: Vec<_> = frames
            .map(|value| motion.rests(Thumbnail::plain(value)))
            .into_iter()
            .collect();
        let rests = [4, 8];
        let expected: Vec<_> = (0..9).map(|frame| rests.contains(&frame)).collect();
        assert_eq!(told, expected);
    }
}
