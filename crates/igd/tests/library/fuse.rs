//! The networks rewritten for inference against the plain ones.

use std::collections::HashMap;

use crate::common::formula;
use crate::common::golden::{CPU, Golden, greatest_difference};
use igd::nn::{
    Autoencoder, Builder, EncoderKind, Fused, Global, GlobalConfig, Local, LocalConfig,
    LocalEncoderKind, Mode, Normalisation, Role, Scope, WeightsError, patches,
};
use tch::{Kind, Tensor};

/// Latents and reconstructions differ by at most `tolerance` of the largest magnitude.
#[track_caller]
fn assert_equal(
    what: &str,
    fused: &Fused,
    plain: &impl Autoencoder,
    pictures: &Tensor,
    tolerance: f64,
) {
    let z = plain.latent(&plain.features(pictures, Mode::Evaluate));
    let reconstructed = plain.generate(&z, Mode::Evaluate);
    let fused_z = fused.encode(pictures);
    // From the same latents, so that each half is judged by itself.
    let fused_reconstructed = fused.decode(&z);
    for (part, found, expected) in [
        ("z", &fused_z, &z),
        ("reconstruction", &fused_reconstructed, &reconstructed),
    ] {
        assert_eq!(found.size(), expected.size());
        let largest = expected.abs().max().double_value(&[]);
        let error = greatest_difference(found, expected) / largest;
        println!("{what} {part}: {error:.1e}");
        assert!(
            error <= tolerance,
            "{what}: {part} is off by {error:.1e} of its largest value, allowed are {tolerance:.0e}"
        );
    }
}

#[test]
fn the_small_golden_size() {
    are_equal(&Golden::read("small"));
}

/// `golden::detector` holds it to the published numbers in an ordinary run.
#[test]
#[ignore = "long"]
fn the_full_golden_size() {
    are_equal(&Golden::read("full"));
}

/// Both networks, in both precisions.
fn are_equal(golden: &Golden) {
    let _guard = tch::no_grad_guard();
    let picture = golden.picture();
    let patches = patches(&picture);
    let (global, local) = (golden.global(), golden.local());
    for (kind, tolerance) in [(Kind::Float, 1e-5), (Kind::BFloat16, 3e-2)] {
        if kind == Kind::BFloat16 && !golden.is_quick_in_bf16() {
            println!(
                "skipped: this CPU would take minutes for width {} in bf16",
                golden.width
            );
            continue;
        }
        let what = |scale: &str| format!("{scale} of width {} in {kind:?}", golden.width);
        for packed in [true, false] {
            let batch = |batch| packed.then_some(batch);
            let fused = Fused::global(&global, kind, batch(1));
            assert_equal(&what("global"), &fused, &global, &picture, tolerance);
            let fused = Fused::local(&local, kind, batch(225));
            assert_equal(&what("local"), &fused, &local, &patches, tolerance);
        }
    }
}

/// The encoders that the golden numbers of the whole do not have.
#[test]
fn other_encoders() {
    let _guard = tch::no_grad_guard();
    let picture = Golden::read("small").picture();
    let two = Tensor::cat(&[&picture, &picture.flip([3])], 0);
    for (encoder, given) in [
        (EncoderKind::Scratch, HashMap::new()),
        (
            EncoderKind::EfficientnetLite0,
            formula::efficientnet_lite0(),
        ),
        (EncoderKind::EfficientnetLite0Places, without_last_stage()),
    ] {
        let config = GlobalConfig {
            encoder,
            width: 8,
            latent: 16,
        };
        let global = drawn(given, |scope| {
            Global::new(scope, &config, &Normalisation::IMAGENET)
        });
        let fused = Fused::global(&global, Kind::Float, Some(2));
        assert_equal(&format!("{encoder:?}"), &fused, &global, &two, 1e-5);
    }
    let config = LocalConfig {
        encoder: LocalEncoderKind::EfficientnetLite0Places,
        frozen_encoder: true,
        encoder_width: 32,
        width: 8,
        latent: 16,
    };
    let local = drawn(without_last_stage(), |scope| {
        Local::new(scope, &config, &Normalisation::IMAGENET)
    });
    let patches = two.narrow(2, 64, 32).narrow(3, 32, 32);
    let fused = Fused::local(&local, Kind::Float, Some(2));
    assert_equal("local", &fused, &local, &patches, 1e-5);
}

/// EfficientNet-Lite0 as far as places are made of it.
fn without_last_stage() -> HashMap<String, Tensor> {
    let entries = formula::efficientnet_lite0().into_iter();
    entries
        .filter(|(name, _)| !name.starts_with("_blocks.15."))
        .collect()
}

/// A network with drawn weights where none are given, and batch norms that have seen something.
fn drawn<N>(
    encoder: HashMap<String, Tensor>,
    network: impl FnOnce(Scope) -> Result<N, WeightsError>,
) -> N {
    tch::manual_seed(7);
    let given = encoder
        .into_iter()
        .map(|(name, tensor)| (format!("pretrain.{name}"), tensor));
    let builder = Builder::for_training(given.collect(), CPU);
    let network = network(builder.root()).unwrap();
    for (name, mut weight) in builder.finish().unwrap() {
        if weight.role != Role::Frozen && weight.tensor.dim() == 1 {
            let lowest = if name.ends_with("running_var") {
                0.7
            } else {
                -0.3
            };
            let _ = weight.tensor.uniform_(lowest, lowest + 0.6);
        }
    }
    network
}
