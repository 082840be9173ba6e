//! A dense model from the picture to its verdict.

use tch::Tensor;

use super::backbone::stages;
use super::field::Places;
use super::graph::{Graph, Value, integer, text};
use super::head::taught;
use super::map::sharp;
use super::proto::{FLOAT, INT32};
use super::{ANOMALOUS, MAP, NORMALIZED, NORMALIZED_MAP, PICTURE, SCORE, tiles, verdict};
use crate::criterion::Field;
use crate::model::{Calibration, DenseConfig, DenseNetworks};
use crate::nn::dense::CELL;
use crate::nn::efficientnet_lite::{MEAN, SCALE};

/// All of its nodes, with the input and the outputs.
pub fn build(
    graph: &mut Graph,
    config: &DenseConfig,
    networks: &DenseNetworks,
    calibration: &Calibration,
) {
    let [width, height] = config.picture().map(|side| side as i64);
    let doc = "RGB in 0..1, at the model's size";
    let pictures = graph.input(PICTURE, &[3, height, width], doc);
    let pictures = normalised(graph, &pictures);
    let tiling = &config.tiling;
    let tiles = tiles::cut(graph, pictures, tiling);
    let stages = stages(graph, &networks.backbone, tiles, tiling.tile);

    let places = places(graph, config, &networks.field, &stages);
    let laid = tiles::lay(graph, "places.laid", &places.distances, tiling, CELL);
    let smooth = smooth(graph, &laid);
    let largest = graph.largest("places.largest", &smooth, &[1, 2, 3]);
    let score = match &networks.head {
        None => graph.reshape(SCORE, &largest, &[-1]),
        Some(head) => taught(graph, config, head, &places, &smooth, &largest),
    };
    let map = match &networks.details {
        None => graph.enlarge(MAP, &smooth, CELL),
        Some(field) => sharp(graph, config, field, &smooth, &stages),
    };
    let has_head = networks.head.is_some();
    verdict::of(graph, &score, &map, calibration, has_head);

    let sides = [1, height, width];
    let outputs: [(&str, i32, &[i64], &str); 5] = [
        (SCORE, FLOAT, &[], "the raw score"),
        (MAP, FLOAT, &sides, "the raw map"),
        (
            NORMALIZED,
            FLOAT,
            &[],
            "the score in 0..1, 0.5 at the threshold",
        ),
        (ANOMALOUS, INT32, &[], "1 above the threshold, else 0"),
        (
            NORMALIZED_MAP,
            FLOAT,
            &sides,
            "the map in 0..1, anomalous from 0.5",
        ),
    ];
    for (name, data_type, shape, doc) in outputs {
        graph.output(name, data_type, shape, doc);
    }
}

/// As the backbone wants them. Not folded into its first layer: that pads with zeros of the new scale.
fn normalised(graph: &mut Graph, pictures: &Value) -> Value {
    let factor = graph.number("picture.factor", 255.0 / SCALE);
    let offset = graph.number("picture.offset", -MEAN / SCALE);
    let scaled = graph.plain("Mul", "picture.scaled", &[pictures, &factor]);
    graph.plain("Add", "picture.normalised", &[&scaled, &offset])
}

/// Those of fine features and coarse ones, as [`join`](crate::nn::dense::join) puts them together.
fn places(graph: &mut Graph, config: &DenseConfig, field: &Field, stages: &[Value]) -> Places {
    let [.., fine, coarse] = stages else {
        unreachable!("the backbone has six stages");
    };
    let coarse = graph.enlarge("features.coarse", coarse, 2);
    let channels = vec![integer("axis", 1)];
    let features = graph.node("Concat", "features", &[fine, &coarse], channels);
    Places::new(graph, "places", config, field, &features)
}

/// Distances (N, 1, rows, columns) smoothed with [1 2 1] in both directions.
fn smooth(graph: &mut Graph, laid: &Value) -> Value {
    let pads = graph.numbers("places.padded.pads", &[0, 0, 1, 1, 0, 0, 1, 1]);
    let edge = vec![text("mode", "edge")];
    let padded = graph.node("Pad", "places.padded", &[laid, &pads], edge);
    let weights = Tensor::from_slice(&[1.0_f32, 2.0, 1.0]);
    let kernel = weights.outer(&weights).view([1, 1, 3, 3]) / 16.0;
    let kernel = graph.constant("places.smooth.kernel", &kernel);
    graph.plain("Conv", "places.smooth", &[&padded, &kernel])
}
