//! How many pictures a second a device judges in tensors, and trains on, beside the published method as a plain graph
//! there: `cargo bench --bench device -- cuda`. A line of JSON a figure, which is the median of some rounds. `-- cpu small`
//! takes networks of the small golden size.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/plain/mod.rs"]
mod plain;
mod time;
mod trainer;

use std::env;

use common::dense_model;
use common::golden::Golden;
use igd::libtorch::choose_device;
use igd::model::{Detector, InputPicture, Model, tensors_of};
use igd::nn::{Autoencoder, Mode};
use igd::train::paper::{Losses, Trainer};
use plain::{Entries, Training};
use serde_json::json;
use tch::{Device, Kind, Tensor, no_grad};
use time::{median, seconds};

fn main() {
    let mut arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    let device = arguments.next().expect("a device: cpu, cuda or cuda:N");
    let device = choose_device(&device).expect("a device").device;
    let size = arguments.next().unwrap_or_else(|| "full".to_owned());
    let golden = Golden::read(&size);
    let entries = golden.entries().into_iter();
    let entries: Entries = entries
        .map(|(name, tensor)| (name, tensor.to_device(device)))
        .collect();
    let width = golden.width;
    let kinds: &[Kind] = match device {
        // Which computes f16 one number at a time.
        Device::Cpu => &[Kind::Float, Kind::BFloat16],
        _ => &[Kind::Float, Kind::BFloat16, Kind::Half],
    };

    for together in [1, 16] {
        for &kind in kinds {
            let model = on(device, &dense_model());
            judge("dense", model, device, kind, together);
        }
    }
    let paper = format!("paper, width {width}");
    for together in [1, 8] {
        for &kind in kinds {
            judge(&paper, on(device, &golden.model()), device, kind, together);
        }
    }
    let plain = plain::Detector::new(
        entries
            .iter()
            .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
            .collect(),
    );
    let picture = golden.picture().to_device(device);
    let time = rounds(|| drop(plain.measure(&picture)));
    report(
        "judges",
        &format!("{paper}, published graph"),
        Kind::Float,
        1,
        time,
    );

    // As many as a training takes by itself.
    let (pictures, patches) = if size == "small" { (2, 32) } else { (16, 450) };
    let pictures = Tensor::randn([pictures, 3, 256, 256], (Kind::Float, device));
    train(
        "global",
        trainer::global(&entries, device),
        plain::GLOBAL,
        &entries,
        &pictures,
    );
    let patches = Tensor::randn([patches, 3, 32, 32], (Kind::Float, device));
    train(
        "local",
        trainer::local(&entries, device),
        plain::LOCAL,
        &entries,
        &patches,
    );
}

/// The model there.
fn on(device: Device, model: &Model) -> Model {
    let tensors = tensors_of(&model.networks.weights).into_iter().collect();
    Model::of_tensors(&model.config, &tensors, device).expect("a model's tensors")
}

fn judge(what: &str, model: Model, device: Device, kind: Kind, together: usize) {
    let mut detector = Detector::in_tensors(model, device, kind).expect("a detector");
    let (width, height) = detector.input_size();
    let picture = InputPicture {
        rgb: (0..3 * width * height)
            .map(|index| (index * 7919 % 256) as f32)
            .collect(),
        ..InputPicture::default()
    };
    let mut pictures = vec![picture; together];
    let time = rounds(|| {
        let mut all: Vec<&mut InputPicture> = pictures.iter_mut().collect();
        detector.infer(&mut all).expect("what was found");
    });
    report("judges", what, kind, together, time);
}

fn train<N: Autoencoder>(
    name: &str,
    mut trainer: Trainer<N>,
    scale: plain::Scale,
    entries: &Entries,
    pictures: &Tensor,
) {
    let together = pictures.size()[0] as usize;
    let time = rounds(|| {
        let features = no_grad(|| trainer.scale.network.features(pictures, Mode::Train));
        trainer.step(pictures, &features);
    });
    report("trains", name, Kind::Float, together, time);
    let mut published = Training::new(entries, scale, trainer::LEARNING_RATE);
    let shares = Losses::draw_shares(pictures);
    let time = rounds(|| {
        published.step(pictures, &shares);
    });
    let what = format!("{name}, published graph");
    report("trains", &what, Kind::Float, together, time);
}

/// Seconds that the work takes, after it has found its kernels and its memory: half a second of rounds.
fn rounds(mut work: impl FnMut()) -> f64 {
    let first = seconds(&mut work);
    let again = if first < 1.0 {
        seconds(&mut work)
    } else {
        first
    };
    let count = (0.5 / again).clamp(1.0, 200.0) as usize;
    median((0..count).map(|_| seconds(&mut work)).collect())
}

fn report(does: &str, what: &str, kind: Kind, together: usize, time: f64) {
    let rate = together as f64 / time;
    let kind = format!("{kind:?}");
    println!(
        "{}",
        json!({
            "does": does,
            "what": what,
            "precision": kind,
            "together": together,
            "milliseconds": time * 1e3,
            "a second": rate,
        })
    );
}
