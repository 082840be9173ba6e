//! Pictures turned, scaled and shifted.

/// An affine map from places in one picture to places in another, each in pixels from its picture's centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transform {
    /// Rows of the matrix.
    pub matrix: [[f32; 2]; 2],
    /// Where the centre goes.
    pub shift: [f32; 2],
}

impl Transform {
    /// Leaves everything where it is.
    pub const IDENTITY: Self = Self {
        matrix: [[1.0, 0.0], [0.0, 1.0]],
        shift: [0.0, 0.0],
    };

    /// A turn by so many degrees, with everything `scale` times as far from the centre, and then a shift. `stretch` is
    /// how much wider than high a pixel is: 1 unless the picture was squeezed.
    pub fn new(degrees: f32, scale: f32, shift: [f32; 2], stretch: f32) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (sin, cos) = (scale * sin, scale * cos);
        Self {
            matrix: [[cos, -sin / stretch], [sin * stretch, cos]],
            shift,
        }
    }

    /// Where a place goes.
    pub fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let [[xx, xy], [yx, yy]] = self.matrix;
        let [right, down] = self.shift;
        [xx * x + xy * y + right, yx * x + yy * y + down]
    }

    /// `first`, and then this.
    #[must_use]
    pub fn after(&self, first: &Self) -> Self {
        let column = |column: usize| {
            let [x, y] = [0, 1].map(|row| first.matrix[row][column]);
            let [[xx, xy], [yx, yy]] = self.matrix;
            [xx * x + xy * y, yx * x + yy * y]
        };
        let (left, right) = (column(0), column(1));
        Self {
            matrix: [[left[0], right[0]], [left[1], right[1]]],
            shift: self.apply(first.shift),
        }
    }

    /// The way back; not finite where there is none.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let [[xx, xy], [yx, yy]] = self.matrix;
        let determinant = xx * yy - xy * yx;
        let matrix = [[yy, -xy], [-yx, xx]].map(|row| row.map(|value| value / determinant));
        let linear = Self {
            matrix,
            shift: [0.0; 2],
        };
        Self {
            shift: linear.apply(self.shift).map(|value| -value),
            ..linear
        }
    }

    /// The same between pictures whose sides are so many times as long.
    #[must_use]
    pub fn scaled(&self, [across, down]: [f32; 2]) -> Self {
        let [[xx, xy], [yx, yy]] = self.matrix;
        Self {
            matrix: [[xx, xy * across / down], [yx * down / across, yy]],
            shift: [self.shift[0] * across, self.shift[1] * down],
        }
    }
}

/// Fills `out`, planes of `size` (width, height), with what the transform finds for each pixel in planes of size
/// `from`: between pixels bilinear, beyond the edges mirrored. As many planes as fit.
///
/// # Panics
/// Where a side of `from` is 0, or the slices have not as many planes.
pub fn warp(
    planes: &[f32],
    from: (usize, usize),
    transform: &Transform,
    out: &mut [f32],
    size: (usize, usize),
) {
    let (width, height) = size;
    let (area, from_area) = (width * height, from.0 * from.1);
    let count = out.len() / area;
    assert!(planes.len() >= count * from_area, "planes are missing");
    let center = |side: usize| (side as f32 - 1.0) / 2.0;
    let step = [transform.matrix[0][0], transform.matrix[1][0]];
    for row in 0..height {
        let [x, y] = transform.apply([-center(width), row as f32 - center(height)]);
        let start = [x + center(from.0), y + center(from.1)];
        for column in 0..width {
            let (x, right) = between(start[0] + step[0] * column as f32, from.0);
            let (y, down) = between(start[1] + step[1] * column as f32, from.1);
            let (left, above) = (1.0 - right, 1.0 - down);
            let here = y * from.0 + x;
            let across = usize::from(x + 1 < from.0);
            let below = if y + 1 < from.1 { from.0 } else { 0 };
            for plane in 0..count {
                let at = &planes[plane * from_area + here..];
                let top = at[0] * left + at[across] * right;
                let bottom = at[below] * left + at[below + across] * right;
                out[plane * area + row * width + column] = top * above + bottom * down;
            }
        }
    }
}

/// The pixel before a place on an axis, mirrored at the edges, and the share of the next one.
fn between(place: f32, side: usize) -> (usize, f32) {
    let last = side as f32 - 1.0;
    let inside = if (0.0..=last).contains(&place) {
        place
    } else if last <= 0.0 || !place.is_finite() {
        0.0
    } else {
        let there = place.rem_euclid(2.0 * last);
        there.min(2.0 * last - there).max(0.0)
    };
    // `as` rounds towards 0.
    let before = (inside as usize).min(side - 1);
    (before, inside - before as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(found: [f32; 2], expected: [f32; 2]) {
        for (found, expected) in found.into_iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-4,
                "{found} instead of {expected}"
            );
        }
    }

    #[test]
    fn there_and_back() {
        let there = Transform::new(30.0, 1.2, [3.0, -2.0], 1.5);
        let other = Transform::new(-7.0, 0.9, [1.0, 5.0], 1.0);
        let place = [4.0, -9.0];
        assert_close(there.inverse().apply(there.apply(place)), place);
        let both = there.after(&other);
        assert_close(both.apply(place), there.apply(other.apply(place)));
        // Of pixels that are twice as wide as high, four across are eight down.
        let quarter = Transform::new(90.0, 1.0, [0.0; 2], 2.0);
        assert_close(quarter.apply([4.0, 0.0]), [0.0, 8.0]);
        let larger = there.scaled([2.0, 3.0]);
        let [x, y] = there.apply(place);
        assert_close(larger.apply([8.0, -27.0]), [2.0 * x, 3.0 * y]);
    }

    #[test]
    fn pictures_are_shifted_turned_and_mirrored() {
        // Two planes of 4x2.
        let planes: Vec<f32> = (0..16).map(|value| value as f32).collect();
        let warped = |transform: Transform, size: (usize, usize)| {
            let mut out = vec![f32::NAN; 2 * size.0 * size.1];
            warp(&planes, (4, 2), &transform, &mut out, size);
            out
        };
        assert_eq!(warped(Transform::IDENTITY, (4, 2)), planes);
        // The middle alone.
        assert_eq!(
            warped(Transform::IDENTITY, (2, 2)),
            [1.0, 2.0, 5.0, 6.0, 9.0, 10.0, 13.0, 14.0]
        );
        let right = Transform {
            shift: [1.5, 0.0],
            ..Transform::IDENTITY
        };
        assert_eq!(
            warped(right, (4, 2)),
            [
                1.5, 2.5, 2.5, 1.5, 5.5, 6.5, 6.5, 5.5, 9.5, 10.5, 10.5, 9.5, 13.5, 14.5, 14.5,
                13.5
            ]
        );
        let half_turn = warped(Transform::new(180.0, 1.0, [0.0; 2], 1.0), (4, 2));
        let expected = [7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8];
        for (found, expected) in half_turn.iter().zip(expected) {
            assert!((found - expected as f32).abs() < 1e-4);
        }
    }
}
