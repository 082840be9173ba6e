//! Models as graphs of ONNX, which ONNX Runtime, OpenVINO and others run without this library.
//!
//! A file has the whole of a dense model, from the picture to the verdict:
//!
//! | | name | type and shape | |
//! |---|---|---|---|
//! | input | `picture` | f32 (N, 3, H, W) | RGB in 0..=1 at the model's size |
//! | outputs | `score` | f32 (N) | raw, as [`Detection::score`](crate::model::Detection::score) |
//! | | `map` | f32 (N, 1, H, W) | raw, as [`Detector::raw_map`](crate::model::Detector::raw_map) |
//! | | `normalized` | f32 (N) | the score in 0..=1, 0.5 at the threshold |
//! | | `anomalous` | i32 (N) | 1 where the score is above the threshold, else 0 |
//! | | `normalized_map` | f32 (N, 1, H, W) | the map in 0..=1, anomalous from 0.5 |
//!
//! Its metadata say where it comes from and what its thresholds are.

mod backbone;
mod dense;
mod field;
mod graph;
mod head;
mod map;
mod proto;
mod tiles;
mod verdict;

use prost::Message;

use self::graph::Graph;
use self::proto::{ModelProto, OperatorSetIdProto, StringStringEntryProto};
use crate::model::{Calibration, Model, ModelConfig, ProfileNetworks};

/// The name of the input.
pub const PICTURE: &str = "picture";
/// The name of the output with raw scores.
pub const SCORE: &str = "score";
/// The name of the output with raw maps.
pub const MAP: &str = "map";
/// The name of the output with normalised scores.
pub const NORMALIZED: &str = "normalized";
/// The name of the output with verdicts.
pub const ANOMALOUS: &str = "anomalous";
/// The name of the output with normalised maps.
pub const NORMALIZED_MAP: &str = "normalized_map";

/// The newest one that takes the axes of reductions as attributes, and that ONNX Runtime has had since 1.12.
const OPERATORS: i64 = 17;
/// The version of the format that goes with them.
const IR_VERSION: i64 = 8;
/// Where readers of protocol buffers end.
const LARGEST_FILE: usize = i32::MAX as usize;

/// Why a model is no graph.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ExportError {
    /// It has another profile.
    #[error("only models of profile dense can be exported: train one with `igd train`")]
    NotDense,
    /// It was trained to look for the part.
    #[error(
        "it looks for the part in each picture, which no graph does: train one without --align"
    )]
    Aligns,
    /// It would have no verdicts.
    #[error("it has no threshold: `igd calibrate` sets one from normal pictures")]
    NotCalibrated,
    /// The descriptors of its tiles are too many.
    #[error("its graph has {bytes} bytes, and ONNX ends at 2 GB: train with --tile-model one")]
    TooLarge {
        /// Of the file.
        bytes: usize,
    },
}

/// The bytes of a file with the graph of a model, which goes by that name.
pub fn export(model: &Model, name: &str) -> Result<Vec<u8>, ExportError> {
    let (ModelConfig::Dense(config), ProfileNetworks::Dense(networks)) =
        (&model.config, &model.networks.profile)
    else {
        return Err(ExportError::NotDense);
    };
    if config.align.is_some() {
        return Err(ExportError::Aligns);
    }
    let calibration = model.calibration.as_ref();
    let calibration = calibration.ok_or(ExportError::NotCalibrated)?;
    let mut graph = Graph::new(name);
    tch::no_grad(|| dense::build(&mut graph, config, networks, calibration));
    let file = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "gst-igd".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph.finish()),
        opset_import: vec![OperatorSetIdProto {
            version: OPERATORS,
            ..OperatorSetIdProto::default()
        }],
        metadata_props: metadata(model, calibration, name),
    };
    match file.encoded_len() {
        bytes if bytes > LARGEST_FILE => Err(ExportError::TooLarge { bytes }),
        _ => Ok(file.encode_to_vec()),
    }
}

/// What the model is, and the identity that GStreamer's onnxinference gives the tensor of each output.
fn metadata(model: &Model, calibration: &Calibration, name: &str) -> Vec<StringStringEntryProto> {
    let [width, height] = model.config.input();
    let provenance = &model.provenance;
    let known = [
        ("name", name.to_owned()),
        ("version", provenance.version.clone()),
        ("profile", "dense".to_owned()),
        ("size", format!("{width}x{height}")),
        ("threshold", calibration.threshold.to_string()),
        ("median", calibration.median.to_string()),
        ("pixel_threshold", calibration.pixel_threshold.to_string()),
        ("pixel_median", calibration.pixel_median.to_string()),
    ];
    let bits = provenance.significant_bits.map(|bits| bits.to_string());
    let told = [
        ("significant_bits", bits),
        ("data_licence", provenance.data_licence.clone()),
        ("encoder_licence", provenance.encoder_licence.clone()),
    ];
    let told = told
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)));
    let outputs = [SCORE, MAP, NORMALIZED, ANOMALOUS, NORMALIZED_MAP];
    let outputs = outputs.map(|output| (output, format!("igd-{}", output.replace('_', "-"))));
    let all = known.into_iter().chain(told).chain(outputs);
    all.map(|(key, value)| StringStringEntryProto {
        key: key.to_owned(),
        value,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use tch::{Device, Kind, Tensor};

    use super::proto::{FLOAT, FLOAT16, GraphProto, INT32, INT64, ValueInfoProto};
    use super::*;
    use crate::model::{CalibrationMethod, DenseConfig, Networks, Provenance, Tensors, Tiling};
    use crate::nn::Builder;

    const CALIBRATION: Calibration = Calibration {
        threshold: 2.5,
        median: 1.5,
        false_positive_rate: 0.01,
        pixel_threshold: 2.0,
        pixel_median: 1.0,
        pictures: 20,
        method: CalibrationMethod::HeldOut,
    };

    /// With drawn weights where none are given.
    fn model(tiling: Tiling, given: Tensors) -> Model {
        let config = ModelConfig::Dense(DenseConfig {
            tiling,
            dimensions: 16,
            ..DenseConfig::usual()
        });
        Model {
            networks: Networks::new(Builder::for_training(given, Device::Cpu), &config).unwrap(),
            config,
            calibration: Some(CALIBRATION),
            provenance: Provenance::default(),
            history: Vec::new(),
        }
    }

    fn head_and_details() -> Tensors {
        let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
        let given = [
            ("dense.head.direction", zeros(&[16])),
            ("dense.head.offset", zeros(&[])),
            ("dense.details.projection", zeros(&[32, 40])),
        ];
        given.map(|(name, tensor)| (name.to_owned(), tensor)).into()
    }

    fn decoded(model: &Model) -> (ModelProto, GraphProto) {
        let bytes = export(model, "part").unwrap();
        let mut file = ModelProto::decode(&bytes[..]).unwrap();
        let graph = file.graph.take().unwrap();
        (file, graph)
    }

    /// Its type and its sides behind N.
    fn shape(value: &ValueInfoProto) -> (i32, Vec<i64>) {
        let tensor = value.r#type.as_ref().unwrap().tensor_type.as_ref().unwrap();
        let [pictures, sides @ ..] = &tensor.shape.as_ref().unwrap().dim[..] else {
            panic!("no pictures");
        };
        assert_eq!(pictures.dim_param.as_deref(), Some("N"));
        let sides = sides.iter().map(|side| side.dim_value.unwrap());
        (tensor.elem_type, sides.collect())
    }

    #[test]
    fn each_node_comes_after_what_it_needs() {
        for (tiling, given) in [
            (Tiling::whole([96, 64]), Tensors::new()),
            (Tiling::new([64, 64], [2, 2]), head_and_details()),
        ] {
            let (_, graph) = decoded(&model(tiling, given));
            let mut known = HashSet::from([String::new(), PICTURE.to_owned()]);
            for constant in &graph.initializer {
                let size = match constant.data_type {
                    FLOAT => 4,
                    FLOAT16 => 2,
                    INT64 => 8,
                    other => panic!("{other}"),
                };
                let count: i64 = constant.dims.iter().product();
                assert_eq!(constant.raw_data.len() as i64, size * count);
                assert!(known.insert(constant.name.clone()), "{}", constant.name);
            }
            for node in &graph.node {
                for input in &node.input {
                    assert!(known.contains(input), "{} needs {input}", node.name);
                }
                assert!(known.insert(node.output[0].clone()), "{}", node.name);
            }
            let mut outputs = graph.output.iter();
            assert!(outputs.all(|output| known.contains(&output.name)));
        }
    }

    #[test]
    fn a_file_says_what_it_is() {
        let (file, graph) = decoded(&model(Tiling::whole([96, 64]), head_and_details()));
        assert_eq!((file.ir_version, file.opset_import[0].version), (8, 17));
        assert_eq!(shape(&graph.input[0]), (FLOAT, vec![3, 64, 96]));
        let outputs = graph
            .output
            .iter()
            .map(|output| (&output.name[..], shape(output)));
        let maps = (FLOAT, vec![1, 64, 96]);
        let expected = [
            (SCORE, (FLOAT, vec![])),
            (MAP, maps.clone()),
            (NORMALIZED, (FLOAT, vec![])),
            (ANOMALOUS, (INT32, vec![])),
            (NORMALIZED_MAP, maps),
        ];
        assert_eq!(outputs.collect::<Vec<_>>(), expected);
        let told = |key: &str| {
            let mut entries = file.metadata_props.iter();
            let entry = entries.find(|entry| entry.key == key);
            entry.map(|entry| entry.value.as_str())
        };
        assert_eq!(told("size"), Some("96x64"));
        assert_eq!(
            (told("name"), told("profile")),
            (Some("part"), Some("dense"))
        );
        assert_eq!(
            (told("threshold"), told("median")),
            (Some("2.5"), Some("1.5"))
        );
        assert_eq!(told(ANOMALOUS), Some("igd-anomalous"));
        assert_eq!(told("data_licence"), None);
        // Stem, 15 blocks of which one does not widen, two projections, and what smooths.
        let convolutions = graph.node.iter().filter(|node| node.op_type == "Conv");
        assert_eq!(convolutions.count(), 1 + 15 * 3 - 1 + 2 + 1);
    }

    #[test]
    fn the_same_model_is_the_same_file() {
        let model = model(Tiling::whole([64, 64]), head_and_details());
        assert_eq!(export(&model, "part"), export(&model, "part"));
    }

    #[test]
    fn what_is_no_graph_is_refused() {
        let uncalibrated = Model {
            calibration: None,
            ..model(Tiling::whole([64, 64]), Tensors::new())
        };
        assert_eq!(
            export(&uncalibrated, "part"),
            Err(ExportError::NotCalibrated)
        );
    }
}
