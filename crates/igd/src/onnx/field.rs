//! How far from normal places are.

use tch::Kind;

use super::graph::{Graph, Value, integer, integers};
use super::proto::FLOAT;
use crate::criterion::Field;
use crate::model::DenseConfig;

/// What places of tiles come to. There are as many sets of descriptors as tiles, or one for all of them.
pub struct Places {
    /// P x - c: (sets, places, N, d), or with all tiles in the place of the pictures where there is one set.
    pub residuals: Value,
    /// (N, tiles * places).
    pub distances: Value,
}

impl Places {
    /// From features (N tiles, features, rows, columns).
    pub fn new(
        graph: &mut Graph,
        name: &str,
        config: &DenseConfig,
        field: &Field,
        features: &Value,
    ) -> Self {
        let tiles = config.tiling.count() as i64;
        let sets = if config.shared { 1 } else { tiles };
        let [all, dimensions] = field.c.size()[..] else {
            unreachable!("a centre a place");
        };
        let places = all / sets;

        let projection = field.projection.unsqueeze(-1).unsqueeze(-1);
        let projection = graph.constant(&format!("{name}.projection"), &projection);
        let inputs = [features, &projection];
        let projected = graph.plain("Conv", &format!("{name}.projected"), &inputs);
        let rows = [-1, sets, dimensions, places];
        let rows = graph.reshape(&format!("{name}.by_set"), &projected, &rows);
        let order = vec![integers("perm", &[1, 3, 0, 2])];
        let latents = graph.node("Transpose", &format!("{name}.latents"), &[&rows], order);
        let c = field.c.view([sets, places, 1, dimensions]);
        let c = graph.constant(&format!("{name}.c"), &c);
        let residuals = format!("{name}.residuals");
        let residuals = graph.plain("Sub", &residuals, &[&latents, &c]);

        // As model files and detectors have them: in f16.
        let whiteners = field.matrices().transpose(1, 2).to_kind(Kind::Half);
        let whiteners = whiteners.reshape([sets, places, dimensions, dimensions]);
        let whiteners = graph.constant(&format!("{name}.whiteners.f16"), &whiteners);
        let to = vec![integer("to", FLOAT.into())];
        let whiteners = graph.node("Cast", &format!("{name}.whiteners"), &[&whiteners], to);
        let inputs = [&residuals, &whiteners];
        let whitened = graph.plain("MatMul", &format!("{name}.whitened"), &inputs);
        let attributes = vec![integers("axes", &[3]), integer("keepdims", 0)];
        let norms = graph.node(
            "ReduceL2",
            &format!("{name}.norms"),
            &[&whitened],
            attributes,
        );
        let scale = 1.0 / (dimensions as f32).sqrt();
        let scale = graph.number(&format!("{name}.scale"), scale);
        let scaled = format!("{name}.scaled");
        let scaled = graph.plain("Mul", &scaled, &[&norms, &scale]);
        let order = vec![integers("perm", &[2, 0, 1])];
        let of_pictures = format!("{name}.of_pictures");
        let of_pictures = graph.node("Transpose", &of_pictures, &[&scaled], order);
        let distances = format!("{name}.distances");
        let distances = graph.reshape(&distances, &of_pictures, &[-1, tiles * places]);
        Self {
            residuals,
            distances,
        }
    }
}
