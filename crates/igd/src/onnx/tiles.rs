//! How a picture is cut into tiles, and how what is found of them is laid on the picture again.

use tch::Tensor;

use super::graph::{Graph, Value, integer, integers};
use crate::model::Tiling;

/// Pictures (N, 3, H, W) to their tiles (N tiles, 3, height, width), those of a picture one after the other.
pub fn cut(graph: &mut Graph, pictures: Value, tiling: &Tiling) -> Value {
    if tiling.count() == 1 {
        return pictures;
    }
    let [width, height] = tiling.tile.map(|side| side as i64);
    // (N, 3, rows of tiles, height, columns of tiles, width)
    let mut cut = pictures;
    for (axis, dimension, name) in [(1, 2, "tiles.rows"), (0, 4, "tiles.columns")] {
        let pixels = pixels(tiling, axis);
        let pixels = graph.constant(&format!("{name}.pixels"), &pixels);
        let attributes = vec![integer("axis", dimension)];
        cut = graph.node("Gather", name, &[&cut, &pixels], attributes);
    }
    let order = vec![integers("perm", &[0, 2, 4, 1, 3, 5])];
    let cut = graph.node("Transpose", "tiles.first", &[&cut], order);
    graph.reshape("tiles", &cut, &[-1, 3, height, width])
}

/// What is known of each tile's places (N, tiles * places), as the places of the picture (N, 1, rows, columns), which
/// have sides of so many pixels: where tiles overlap, the larger.
pub fn lay(graph: &mut Graph, name: &str, places: &Value, tiling: &Tiling, side: i64) -> Value {
    let [columns, rows] = grid(tiling, side);
    let shape = [-1, 1, rows, columns];
    if tiling.count() == 1 {
        return graph.reshape(name, places, &shape);
    }
    let sources = graph.constant(&format!("{name}.sources"), &sources(tiling, side));
    let overlapping = format!("{name}.overlapping");
    let axis = vec![integer("axis", 1)];
    let overlapping = graph.node("Gather", &overlapping, &[places, &sources], axis);
    let laid = graph.largest(&format!("{name}.larger"), &overlapping, &[1]);
    graph.reshape(name, &laid, &shape)
}

/// The way back: what is known of the picture's places, for each tile's places (N, 1, tiles * places).
pub fn of_each(graph: &mut Graph, name: &str, laid: &Value, tiling: &Tiling, side: i64) -> Value {
    let [columns, rows] = grid(tiling, side);
    let row = format!("{name}.row");
    let row = graph.reshape(&row, laid, &[-1, 1, rows * columns]);
    if tiling.count() == 1 {
        return row;
    }
    let positions = graph.numbers(&format!("{name}.positions"), &positions(tiling, side));
    graph.node(
        "Gather",
        name,
        &[&row, &positions],
        vec![integer("axis", 2)],
    )
}

/// Columns and rows of the picture's places.
fn grid(tiling: &Tiling, side: i64) -> [i64; 2] {
    tiling.picture().map(|pixels| pixels as i64 / side)
}

/// Where the pixels of each tile lie along an axis of the picture: (tiles, pixels).
fn pixels(tiling: &Tiling, axis: usize) -> Tensor {
    let (tiles, pixels) = (tiling.tiles[axis], tiling.tile[axis]);
    let step = pixels - tiling.overlap;
    let all = (0..tiles).flat_map(|tile| tile * step..tile * step + pixels);
    let all: Vec<i64> = all.map(|pixel| pixel as i64).collect();
    Tensor::from_slice(&all).view([tiles as i64, pixels as i64])
}

/// Where in the picture's places, row by row, each place of each tile lies.
fn positions(tiling: &Tiling, side: i64) -> Vec<i64> {
    let [columns, _] = grid(tiling, side);
    let [across, down] = tiling.tile.map(|pixels| pixels as i64 / side);
    let mut positions = Vec::new();
    for tile in 0..tiling.count() {
        let [x, y] = tiling.corner(tile).map(|pixel| pixel as i64 / side);
        for row in y..y + down {
            positions.extend(row * columns + x..row * columns + x + across);
        }
    }
    positions
}

/// For each place of the picture those of tiles that lie there, some of them more than once: (as many as there are at
/// most, places).
fn sources(tiling: &Tiling, side: i64) -> Tensor {
    let [columns, rows] = grid(tiling, side);
    let mut sources = vec![Vec::new(); (columns * rows) as usize];
    for (place, position) in (0_i64..).zip(positions(tiling, side)) {
        sources[position as usize].push(place);
    }
    let most = sources.iter().map(Vec::len).max().unwrap_or_default();
    let all: Vec<i64> = (0..most)
        .flat_map(|number| sources.iter().map(move |here| here[number % here.len()]))
        .collect();
    Tensor::from_slice(&all).view([most as i64, columns * rows])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_tiles_lie_where_the_tiles_do() {
        // Two tiles of 4x4 places, which share a column.
        let tiling = Tiling::new([64, 64], [2, 1]);
        let positions = positions(&tiling, 16);
        assert_eq!(positions[..5], [0, 1, 2, 3, 7]);
        assert_eq!(positions[16..21], [3, 4, 5, 6, 10]);
        let sources = sources(&tiling, 16);
        assert_eq!(sources.size(), [2, 28]);
        let at = |place: i64| Vec::<i64>::try_from(sources.select(1, place)).unwrap();
        assert_eq!([at(0), at(3), at(13)], [[0, 0], [3, 16], [23, 23]]);
        let pixels = pixels(&tiling, 0);
        assert_eq!(
            (pixels.size(), pixels.int64_value(&[1, 0])),
            (vec![2, 64], 48)
        );
    }
}
