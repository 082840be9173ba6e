//! What marked pictures have taught.

use tch::Tensor;

use super::SCORE;
use super::field::Places;
use super::graph::{Graph, Value, integers};
use super::tiles;
use crate::criterion::Head;
use crate::model::DenseConfig;
use crate::nn::dense::CELL;

/// The score (N): the largest distance (N, 1, 1, 1) times the [`Head`]'s factor for the picture's departure. `smooth`
/// are the distances of the picture's places.
pub fn taught(
    graph: &mut Graph,
    config: &DenseConfig,
    head: &Head,
    places: &Places,
    smooth: &Value,
    largest: &Value,
) -> Value {
    let weights = weights(graph, config, smooth, largest);
    let order = vec![integers("perm", &[2, 0, 1, 3])];
    let inputs = [&places.residuals];
    let residuals = graph.node("Transpose", "head.of_pictures", &inputs, order);
    let dimensions = config.dimensions as i64;
    let all = (config.tiling.count() * config.tiling.cells()) as i64;
    let residuals = graph.reshape("head.residuals", &residuals, &[-1, all, dimensions]);
    // The departure (N, 1, d), of whatever length.
    let departure = graph.plain("MatMul", "head.departure", &[&weights, &residuals]);
    let axes = vec![integers("axes", &[2])];
    let length = graph.node("ReduceL2", "head.length", &[&departure], axes);
    // One that has none goes nowhere.
    let least = graph.number("head.length.least", f32::MIN_POSITIVE);
    let length = graph.plain("Max", "head.length.positive", &[&length, &least]);
    let direction = Tensor::from_slice(&head.direction) * (dimensions as f64).sqrt();
    let direction = graph.constant("head.direction", &direction.view([dimensions, 1]));
    let along = graph.plain("MatMul", "head.along", &[&departure, &direction]);
    let along = graph.plain("Div", "head.along.scaled", &[&along, &length]);
    let offset = graph.number("head.offset", head.offset);
    let exponent = graph.plain("Sub", "head.exponent", &[&along, &offset]);
    let factor = graph.plain("Exp", "head.factor", &[&exponent]);
    let factor = graph.reshape("head.factor.row", &factor, &[-1]);
    let largest = graph.reshape("places.largest.row", largest, &[-1]);
    graph.plain("Mul", SCORE, &[&largest, &factor])
}

/// How much each place of each tile counts for the departure: (N, 1, tiles * places).
fn weights(graph: &mut Graph, config: &DenseConfig, smooth: &Value, largest: &Value) -> Value {
    let sharpness = graph.number("head.sharpness", Head::SHARPNESS);
    let below = graph.plain("Sub", "head.below", &[smooth, largest]);
    let exponents = graph.plain("Mul", "head.exponents", &[&below, &sharpness]);
    let weights = graph.plain("Exp", "head.weights", &[&exponents]);
    tiles::of_each(
        graph,
        "head.weights.of_each",
        &weights,
        &config.tiling,
        CELL,
    )
}
