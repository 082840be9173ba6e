//! What the thresholds say of score and map.

use super::graph::{Graph, Value, integer};
use super::proto::INT32;
use super::{ANOMALOUS, NORMALIZED, NORMALIZED_MAP};
use crate::model::Calibration;

/// The outputs that are made of scores (N) and maps (N, 1, H, W).
pub fn of(
    graph: &mut Graph,
    score: &Value,
    map: &Value,
    calibration: &Calibration,
    has_head: bool,
) {
    let Calibration {
        threshold,
        median,
        pixel_threshold,
        pixel_median,
        ..
    } = *calibration;
    let limit = graph.number("threshold", threshold);
    let above = graph.plain("Greater", "above", &[score, &limit]);
    // GStreamer's onnxinference takes no truth values.
    let to = vec![integer("to", INT32.into())];
    graph.node("Cast", ANOMALOUS, &[&above], to);
    normalise(graph, NORMALIZED, score, (threshold, median));
    // Without a head the score is the highest value of the map.
    let of_pixels = if has_head { pixel_threshold } else { threshold };
    normalise(graph, NORMALIZED_MAP, map, (of_pixels, pixel_median));
}

/// 0 at the median, 0.5 at the threshold, at most 1.
fn normalise(graph: &mut Graph, name: &str, value: &Value, (threshold, median): (f32, f32)) {
    let numbers = [
        ("threshold", threshold),
        ("slope", Calibration::slope(threshold, median)),
        ("middle", 0.5),
        ("least", 0.0),
        ("most", 1.0),
    ];
    let [threshold, slope, middle, least, most] =
        numbers.map(|(part, number)| graph.number(&format!("{name}.{part}"), number));
    let above = graph.plain("Sub", &format!("{name}.above"), &[value, &threshold]);
    let scaled = graph.plain("Mul", &format!("{name}.scaled"), &[&above, &slope]);
    let around = graph.plain("Add", &format!("{name}.around"), &[&scaled, &middle]);
    graph.plain("Clip", name, &[&around, &least, &most]);
}
