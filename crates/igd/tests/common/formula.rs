//! Tensors that are a formula of their names, so that a checkpoint of any size is rebuilt without storing it. The
//! formula is told in `tests/fixtures/golden/README.md`.

use std::collections::HashMap;

use serde_json::Value;
use tch::{Kind, Tensor};

fn fnv1a64(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn splitmix64(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// `count` values in -1..1.
pub fn values(name: &str, count: usize) -> Vec<f64> {
    let start = fnv1a64(name);
    (0..count as u64)
        .map(|index| {
            let bits = splitmix64(start.wrapping_add(index)) >> 40;
            2.0 * (bits as f64 / f64::from(1 << 24)) - 1.0
        })
        .collect()
}

/// The value of a state dict's entry.
fn parameter(salted: &str, shape: &[i64]) -> Tensor {
    let count: i64 = shape.iter().product();
    let last = salted.rsplit('.').next().unwrap();
    if last == "num_batches_tracked" {
        return Tensor::zeros(shape, (Kind::Int64, tch::Device::Cpu));
    }
    let fan_in: i64 = shape.iter().skip(1).product();
    let (base, factor) = match (last, shape.len()) {
        ("running_var", _) => (1.0, 0.3),
        ("running_mean" | "bias", _) => (0.0, 0.1),
        ("weight", 1 | 3) => (1.0, 0.2),
        _ => (0.0, (3.0 / fan_in as f64).sqrt()),
    };
    let values: Vec<f32> = values(salted, count as usize)
        .into_iter()
        .map(|value| (base + factor * value) as f32)
        .collect();
    Tensor::from_slice(&values).view(shape)
}

/// The formula checkpoint of a network: `shapes` is the object of `state_dict_shapes` named `network`.
pub fn checkpoint(shapes: &Value, network: &str) -> HashMap<String, Tensor> {
    shapes["state_dict_shapes"][network]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, shape)| {
            let shape: Vec<i64> = serde_json::from_value(shape.clone()).unwrap();
            let tensor = parameter(&format!("a:{network}:{name}"), &shape);
            (name.clone(), tensor)
        })
        .collect()
}

/// The formula checkpoint of EfficientNet-Lite0, after its published head has been dropped.
pub fn efficientnet_lite0() -> HashMap<String, Tensor> {
    let path = super::fixture("golden/efficientnet_lite0.json");
    let shapes = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut checkpoint = checkpoint(&shapes, "efficientnet_lite0");
    checkpoint.insert("_fc.bias".to_owned(), Tensor::from(0f32));
    igd::nn::efficientnet_lite::without_head(checkpoint)
}
