//! A map at another size.

use crate::resize::{PlaneView, Resizer};

/// Stretches a map of `from` (width, height) to `to`: as pictures are resized.
///
/// # Panics
/// Where the map has fewer values than `from` says.
pub fn stretch(map: &[f32], from: (usize, usize), to: (usize, usize)) -> Vec<f32> {
    let mut stretched = vec![0.0; to.0 * to.1];
    let map = PlaneView {
        data: map,
        stride: from.0,
        pixel_stride: 1,
    };
    Resizer::new(from, to)
        .run(map, &[0], &mut stretched)
        .unwrap_or_else(|error| panic!("{error}"));
    stretched
}

#[cfg(test)]
mod tests {
    use super::stretch;

    #[test]
    fn half_pixel_centres_and_any_range() {
        let found = stretch(&[0.0, 8.0], (2, 1), (4, 2));
        assert_eq!(found, [0.0, 2.0, 6.0, 8.0, 0.0, 2.0, 6.0, 8.0]);
        assert_eq!(stretch(&[-3.0, 9.0], (1, 2), (1, 1)), [3.0]);
    }
}
