//! Masks of polygons.

use image::{GrayImage, Luma};

use crate::config::Shape;

const INSPECTED: Luma<u8> = Luma([255]);

/// A picture of `size` that is white where it is inspected. Where shapes cover a place, the last one tells; elsewhere
/// it is inspected unless the first one says what is.
pub(super) fn mask(shapes: &[Shape], (width, height): (u32, u32)) -> GrayImage {
    let colour = |inspect| if inspect { INSPECTED } else { Luma([0]) };
    let is_first_inspected = shapes.first().is_some_and(|shape| shape.inspect);
    let mut mask = GrayImage::from_pixel(width, height, colour(!is_first_inspected));
    for shape in shapes {
        let corner = |[x, y]: [f32; 2]| [x * width as f32, y * height as f32];
        let corners: Vec<_> = shape.points.iter().copied().map(corner).collect();
        for y in 0..height {
            let mut crossings = crossings(&corners, y as f32 + 0.5);
            crossings.sort_by(f32::total_cmp);
            for pair in crossings.chunks_exact(2) {
                // The pixels whose middle lies between.
                let pixel = |x: f32| (x - 0.5).ceil().clamp(0.0, width as f32) as u32;
                for x in pixel(pair[0])..pixel(pair[1]) {
                    mask.put_pixel(x, y, colour(shape.inspect));
                }
            }
        }
    }
    mask
}

/// Where the edges of a polygon cross a level line.
fn crossings(corners: &[[f32; 2]], level: f32) -> Vec<f32> {
    let next = corners.iter().cycle().skip(1);
    let edges = corners.iter().zip(next);
    let crossing = |(&[x, y], &[to_x, to_y]): (&[f32; 2], &[f32; 2])| {
        ((y <= level) != (to_y <= level)).then(|| x + (level - y) / (to_y - y) * (to_x - x))
    };
    edges.filter_map(crossing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(inspect: bool, points: &[[f32; 2]]) -> Shape {
        Shape {
            inspect,
            points: points.to_vec(),
        }
    }

    /// A letter a pixel.
    fn drawn(shapes: &[Shape]) -> Vec<String> {
        let mask = mask(shapes, (8, 4));
        let letter = |value: &u8| if *value == 255 { '#' } else { '.' };
        mask.chunks(8)
            .map(|row| row.iter().map(letter).collect())
            .collect()
    }

    #[test]
    fn the_last_shape_tells_and_the_first_what_lies_outside() {
        let left = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]];
        let middle = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]];
        assert_eq!(drawn(&[]), ["########"; 4]);
        assert_eq!(drawn(&[shape(true, &left)]), ["####...."; 4]);
        assert_eq!(drawn(&[shape(false, &left)]), ["....####"; 4]);
        assert_eq!(
            drawn(&[shape(true, &left), shape(false, &middle)]),
            ["####....", "##......", "##......", "####...."]
        );
    }

    #[test]
    fn a_triangle_is_one_and_what_lies_off_the_frame_is_cut() {
        let triangle = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
        let expected = ["#######.", "#####...", "###.....", "#......."];
        assert_eq!(drawn(&[shape(true, &triangle)]), expected);
        let wide = [[-5.0, -5.0], [5.0, -5.0], [5.0, 5.0], [-5.0, 5.0]];
        assert_eq!(drawn(&[shape(true, &wide)]), ["########"; 4]);
    }
}
