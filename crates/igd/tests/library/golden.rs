//! Networks, criterion and training step against the numbers of the published code (`tests/fixtures/golden`).

use std::collections::HashMap;

use crate::common;
use crate::common::formula;
use crate::common::golden::{CPU, Golden, assert_close, assert_near};
use igd::criterion::{
    self, Descriptor, MsSsim, PatchFold, Reference, Residuals, ScoreWeights, mean_of_overlap,
    residual_map,
};
use igd::model::{Detector, Precision, Storage, import, write_tensors};
use igd::nn::{
    Autoencoder, Builder, Critic, EncoderKind, Global, GlobalConfig, Local, LocalConfig, Mode,
    Normalisation, PATCHES, PICTURE, STRIDE, patches, resnet18,
};
use igd::train::paper::{Adversary, Losses};
use tch::{Device, Tensor, no_grad};

const RANGE: f64 = 4.7579;

#[test]
fn networks() {
    let _guard = tch::no_grad_guard();
    for golden in Golden::both() {
        let picture = golden.picture();
        let global = golden.global();
        let features = global.features(&picture, Mode::Evaluate);
        assert_close("global.features", &features, golden.get("global.features"));
        let z = global.latent(&features);
        assert_close("global.z", &z, golden.get("global.z"));
        let recon = global.generate(&z, Mode::Evaluate);
        assert_close("global.recon", &recon, golden.get("global.recon"));
        let builder = Builder::for_inference(golden.checkpoint("critic_global"), CPU);
        let critic = Critic::global(builder.root(), golden.width).unwrap();
        builder.finish().unwrap();
        let shares = critic.forward(&recon);
        assert_close("critic_global", &shares, golden.get("critic_global.recon"));

        let local = golden.local();
        let z = local.latent(&local.features(&patches(&picture), Mode::Evaluate));
        assert_close("local.z", &z, golden.get("local.z"));
        let recon = local.generate(&z.narrow(0, 0, 8), Mode::Evaluate);
        assert_close("local.recon", &recon, golden.get("local.recon.first8"));
        let builder = Builder::for_inference(golden.checkpoint("critic_local"), CPU);
        let critic = Critic::local(builder.root(), golden.width).unwrap();
        builder.finish().unwrap();
        let shares = critic.forward(&recon);
        let expected = golden.get("critic_local.recon.first8");
        assert_close("critic_local", &shares, expected);
    }
}

/// A checkpoint with torchvision's names makes the same encoder.
#[test]
fn resnet18_with_torchvision_names() {
    let _guard = tch::no_grad_guard();
    let golden = Golden::read("small");
    let places = [
        ("0.", "conv1."),
        ("1.", "bn1."),
        ("4.", "layer1."),
        ("5.", "layer2."),
        ("6.", "layer3."),
        ("7.", "layer4."),
    ];
    let mut torchvision: HashMap<String, Tensor> = golden
        .checkpoint("global")
        .into_iter()
        .filter_map(|(name, tensor)| {
            let name = name.strip_prefix("pretrain.")?;
            let (place, layer) = places.iter().find(|(place, _)| name.starts_with(place))?;
            Some((format!("{layer}{}", &name[place.len()..]), tensor))
        })
        .collect();
    assert!(torchvision.contains_key("layer4.1.bn2.running_var"));
    torchvision.insert("fc.weight".to_owned(), Tensor::from(0f32));
    torchvision.insert("fc.bias".to_owned(), Tensor::from(0f32));
    let features = frozen_features(
        EncoderKind::Resnet18,
        resnet18::from_torchvision(torchvision),
        &golden.picture(),
    );
    assert_close("features", &features, golden.get("global.features"));
}

/// Held to a PyTorch forward pass that names the right ImageNet classes with the published weights.
#[test]
fn efficientnet_lite0() {
    let _guard = tch::no_grad_guard();
    let golden = Golden::read("small");
    let folder = common::fixture("golden");
    let features = frozen_features(
        EncoderKind::EfficientnetLite0,
        formula::efficientnet_lite0(),
        &golden.picture(),
    );
    let expected = Tensor::read_safetensors(folder.join("efficientnet_lite0.safetensors")).unwrap();
    assert_close("features", &features, &expected[0].1);
}

/// The features of a global network that stands on the given encoder.
fn frozen_features(
    encoder: EncoderKind,
    entries: HashMap<String, Tensor>,
    picture: &Tensor,
) -> Tensor {
    let given = entries
        .into_iter()
        .map(|(name, tensor)| (format!("pretrain.{name}"), tensor))
        .collect();
    let builder = Builder::for_training(given, CPU);
    let config = GlobalConfig {
        encoder,
        width: 1,
        latent: 2,
    };
    let global = Global::new(builder.root(), &config, &Normalisation::IMAGENET).unwrap();
    builder.finish().unwrap();
    assert!(global.frozen());
    global.features(picture, Mode::Train)
}

/// The criterion alone, on stand-in reconstructions.
#[test]
fn criterion_of_stand_ins() {
    let _guard = tch::no_grad_guard();
    for golden in Golden::both() {
        let picture = golden.picture();
        let near = golden.near("global", &picture);
        let criterion = MsSsim::global(RANGE, CPU);
        let similarity = criterion.compare(&picture, &near);
        let expected = golden.get("criterion.global.ms_ssim");
        assert_near("global MS-SSIM", &similarity.value, expected, 1e-5);
        let expected = golden.get("criterion.global.ssim_map.4");
        assert_near("coarsest SSIM map", &similarity.maps[4], expected, 1e-4);
        let reconstruction = criterion::reconstruction(&picture, &near, &similarity.value, RANGE);
        let expected = golden.get("criterion.global.reconstruction");
        assert_near("global reconstruction", &reconstruction, expected, 1e-5);
        let global_map = residual_map(&picture, &near, &similarity, &criterion);
        let expected = golden.get("criterion.global.heatmap");
        assert_near(
            "global heatmap",
            &global_map,
            &expected.view([1, 1, 256, 256]),
            1e-4,
        );

        let patches = patches(&picture);
        let near = golden.near("local", &patches);
        let criterion = MsSsim::local(RANGE, CPU);
        let similarity = criterion.compare(&patches, &near);
        let expected = golden.get("criterion.local.ms_ssim");
        assert_near("local MS-SSIM", &similarity.value, expected, 1e-5);
        let local = criterion::reconstruction(&patches, &near, &similarity.value, RANGE);
        let expected = golden.get("criterion.local.reconstruction");
        assert_near("local reconstruction", &local, expected, 1e-5);
        let maps = residual_map(&patches, &near, &similarity, &criterion);
        let local_map = PatchFold::new(PICTURE, CPU).mean(&maps);
        let expected = golden.get("criterion.local.heatmap.mean");
        assert_near("local heatmap", &local_map, expected, 1e-4);
        let both = (&global_map + &local_map) * 0.5;
        assert_near("heatmap", &both, golden.get("criterion.heatmap"), 1e-4);

        let gaussian = golden.descriptor("global").distance(golden.get("global.z"));
        let expected = golden.get("criterion.global.gaussian");
        assert_near("global Gaussian", &gaussian, expected, 1e-5);
        let local_gaussian = golden.descriptor("local").distance(golden.get("local.z"));
        let expected = golden.get("criterion.local.gaussian");
        assert_near("local Gaussian", &local_gaussian, expected, 1e-5);

        let weights = ScoreWeights::PAPER;
        let global = weights
            .global
            .mix(value(&reconstruction, 0), value(&gaussian, 0));
        let local = (0..225)
            .map(|patch| {
                let gaussian = value(&local_gaussian, patch);
                weights.local.mix(value(&local, patch), gaussian)
            })
            .fold(f32::MIN, f32::max);
        let score = Tensor::from(weights.combine(Some(global), Some(local)));
        assert_near("score", &score, golden.get("criterion.score"), 1e-5);
    }
}

/// The same numbers from the loops that inference on the CPU uses.
#[test]
fn residuals_of_stand_ins() {
    let _guard = tch::no_grad_guard();
    let floats = |tensor: &Tensor| Vec::<f32>::try_from(tensor.flatten(0, -1)).unwrap();
    let side = PICTURE as usize;
    for golden in Golden::both() {
        let picture = golden.picture();
        let near = golden.near("global", &picture);
        let mut reference = Reference::global(RANGE);
        let mut residuals = Residuals::new(&reference);
        let mut map = vec![0.0; side * side];
        reference.set(&floats(&picture));
        let error = residuals.compare(&reference, &floats(&near), (0, 0), &mut map);
        let expected = golden.get("criterion.global.reconstruction");
        assert_near(
            "global reconstruction",
            &Tensor::from(error),
            expected,
            1e-5,
        );
        let expected = golden.get("criterion.global.heatmap");
        assert_near("global heatmap", &Tensor::from_slice(&map), expected, 1e-4);

        let near = golden.near("local", &patches(&picture));
        let mut reference = Reference::local(PICTURE as usize, RANGE);
        let mut residuals = Residuals::new(&reference);
        let mut map = vec![0.0; side * side];
        reference.set(&floats(&picture));
        let errors: Vec<f32> = (0..PATCHES * PATCHES)
            .map(|patch| {
                let corner = |place: i64| (place * STRIDE) as usize;
                let corner = (corner(patch % PATCHES), corner(patch / PATCHES));
                let map = &mut map[corner.1 * side + corner.0..];
                residuals.compare(&reference, &floats(&near.get(patch)), corner, map)
            })
            .collect();
        let expected = golden.get("criterion.local.reconstruction");
        assert_near(
            "local reconstruction",
            &Tensor::from_slice(&errors),
            expected,
            1e-5,
        );
        mean_of_overlap(&mut map);
        let expected = golden.get("criterion.local.heatmap.mean");
        assert_near("local heatmap", &Tensor::from_slice(&map), expected, 1e-4);
    }
}

/// A scalar without its graph: (1).
fn on_cpu(scalar: &Tensor) -> Tensor {
    scalar.detach().view([1]).to_device(CPU)
}

fn value(tensor: &Tensor, index: i64) -> f32 {
    tensor.double_value(&[index]) as f32
}

/// The descriptor's own estimate of the latents it was made from.
#[test]
fn descriptor() {
    for golden in Golden::both() {
        let found = Descriptor::estimate(golden.get("local.z"));
        assert_close("local.c", &found.c, golden.get("local.c"));
        assert_close(
            "local.sigma",
            &found.sigma.view([1]),
            golden.get("local.sigma"),
        );
    }
}

/// Imported as a user would, and judged end to end.
#[test]
fn detector() {
    for golden in Golden::both() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = |scale: &str| {
            let mut tensors = golden.checkpoint(scale);
            for entry in ["c", "sigma"] {
                let tensor = golden.get(&format!("{scale}.{entry}"));
                tensors.insert(entry.to_owned(), tensor.shallow_clone());
            }
            let path = folder.path().join(format!("{scale}.safetensors"));
            let tensors: Vec<_> = tensors.into_iter().collect();
            write_tensors(&path, HashMap::new(), &tensors).unwrap();
            path
        };
        let model = import(Some(&checkpoint("global")), Some(&checkpoint("local"))).unwrap();
        let path = folder.path().join("model.safetensors");
        model.save(&path, Storage::F32).unwrap();
        // With bf16 a model's thresholds must still hold.
        for (precision, score_tolerance, map_tolerance) in
            [(Precision::F32, 1e-5, 1e-4), (Precision::Bf16, 5e-3, 5e-2)]
        {
            if precision == Precision::Bf16 && !golden.is_quick_in_bf16() {
                println!(
                    "skipped: this CPU would take minutes for width {} in bf16",
                    golden.width
                );
                continue;
            }
            let mut detector = Detector::open(&path, CPU, precision).unwrap();
            let measurement = detector.measure(&golden.rgb()).unwrap();
            let score = Tensor::from(measurement.score);
            let expected = golden.get("model.score");
            assert_near(
                &format!("{precision} score"),
                &score,
                expected,
                score_tolerance,
            );
            let map = Tensor::from_slice(&detector.raw_map());
            let expected = golden.get("model.heatmap");
            assert_near(
                &format!("{precision} heatmap"),
                &map,
                expected,
                map_tolerance,
            );
        }
    }
}

#[test]
fn training_step() {
    training_step_on(CPU);
}

/// One step of the local network on eight patches.
pub fn training_step_on(device: Device) {
    for golden in Golden::both() {
        let builder = Builder::for_training(golden.checkpoint("local"), device);
        let mut config = LocalConfig::of_checkpoint(&builder.root()).unwrap();
        config.frozen_encoder = false;
        let local = Local::new(builder.root(), &config, &Normalisation::IMAGENET).unwrap();
        let weights = builder.finish().unwrap();
        let builder = Builder::for_training(golden.checkpoint("critic_local"), device);
        let critic = Critic::local(builder.root(), golden.width).unwrap();
        let pictures = &golden.get("train.batch").to_device(device);
        let features = local.features(pictures, Mode::Train);
        let descriptor = golden.descriptor("local");
        let losses = Losses::compute(
            &local,
            Some(Adversary {
                critic: &critic,
                share: 0.1,
            }),
            &MsSsim::local(RANGE, device),
            &Descriptor {
                c: descriptor.c.to_device(device),
                sigma: descriptor.sigma.to_device(device),
            },
            pictures,
            &features,
            &golden.get("train.alpha").to_device(device),
        );
        let terms = [
            ("reconstruction", &losses.reconstruction),
            ("gaussian", &losses.gaussian),
            ("interpolation", &losses.interpolation),
            ("total", &losses.total),
        ];
        for (name, loss) in terms {
            let expected = golden.get(&format!("train.loss.{name}"));
            assert_near(name, &on_cpu(loss), expected, 1e-4);
        }
        losses.total.backward();
        let critic_loss = losses.critic(&critic, pictures).unwrap();
        let expected = golden.get("train.loss.critic");
        assert_near("critic", &on_cpu(&critic_loss), expected, 1e-4);
        for (name, weight) in &weights {
            if let Some(expected) = golden.tensors.get(&format!("train.grad_norm.{name}")) {
                let norm = no_grad(|| on_cpu(&weight.tensor.grad().norm()));
                let allowed = 1e-3 * expected.double_value(&[0]);
                assert_near(&format!("gradient of {name}"), &norm, expected, allowed);
            }
        }
        assert_eq!(
            golden
                .tensors
                .keys()
                .filter(|name| name.starts_with("train.grad_norm."))
                .count(),
            weights
                .keys()
                .filter(|name| golden
                    .tensors
                    .contains_key(&format!("train.grad_norm.{name}")))
                .count(),
        );
    }
}
