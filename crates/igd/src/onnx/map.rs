//! The map of a model with details.

use super::MAP;
use super::field::Places;
use super::graph::{Graph, Value};
use super::tiles;
use crate::criterion::Field;
use crate::model::{DenseConfig, NEAR};
use crate::nn::dense::{CELL, DETAIL};

/// The map (N, 1, H, W) at the scale of the threshold, from the distances of the picture's places. The raw one, which is
/// an output, is on the way to it.
pub fn sharp(
    graph: &mut Graph,
    config: &DenseConfig,
    field: &Field,
    smooth: &Value,
    stages: &[Value],
) -> Value {
    let details = Places::new(graph, "details", config, field, &stages[2]).distances;
    let laid = tiles::lay(graph, "details.laid", &details, &config.tiling, DETAIL);
    let details = graph.enlarge("details.map", &laid, DETAIL);
    let roots = graph.plain("Sqrt", "details.roots", &[&details]);
    let map = graph.enlarge("places.map", smooth, CELL);
    let product = graph.plain("Mul", MAP, &[&map, &roots]);

    // As high as the map of the places where that is high.
    let all = [1, 2, 3];
    let before = graph.largest("sharp.before", &map, &all);
    let share = graph.number("sharp.near.share", NEAR);
    let least = graph.plain("Mul", "sharp.near.least", &[&before, &share]);
    let is_near = graph.plain("GreaterOrEqual", "sharp.near", &[&map, &least]);
    let zero = graph.number("sharp.zero", 0.0);
    let near = graph.plain("Where", "sharp.near.product", &[&is_near, &product, &zero]);
    let after = graph.largest("sharp.after", &near, &all);
    let scale = graph.plain("Div", "sharp.scale", &[&before, &after]);
    let scaled = graph.plain("Mul", "sharp.scaled", &[&product, &scale]);
    // Where no detail differs from normal at all, they say nothing.
    let says = graph.plain("Greater", "sharp.says", &[&after, &zero]);
    graph.plain("Where", "sharp", &[&says, &scaled, &map])
}
