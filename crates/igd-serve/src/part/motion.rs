//! Whether something moves before a camera.

/// Width and height of what is compared.
pub const SIDE: usize = 32;

/// Follows a camera's frames.
#[derive(Clone, Debug)]
pub struct Motion {
    /// Mean change of a pixel, 0 to 255, above which something moves.
    limit: f32,
    before: Vec<f32>,
    moves: bool,
}

impl Motion {
    /// `limit`: the mean change of a pixel, 0 to 255, above which something moves.
    pub const fn new(limit: f32) -> Self {
        Self {
            limit,
            before: Vec::new(),
            moves: false,
        }
    }

    /// Takes the next frame, `SIDE` x `SIDE` values of 0 to 255. True where what moved has come to rest with it.
    pub fn rests(&mut self, thumbnail: Vec<f32>) -> bool {
        let differences = thumbnail.iter().zip(&self.before);
        let change: f32 = differences.map(|(now, before)| (now - before).abs()).sum();
        // Before the first frame there is nothing to compare with.
        let moves = change / (SIDE * SIDE) as f32 > self.limit;
        let rests = self.moves && !moves;
        (self.before, self.moves) = (thumbnail, moves);
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
            .map(|value| motion.rests(vec![value; SIDE * SIDE]))
            .into_iter()
            .collect();
        let rests = [4, 8];
        let expected: Vec<_> = (0..9).map(|frame| rests.contains(&frame)).collect();
        assert_eq!(told, expected);
    }
}
