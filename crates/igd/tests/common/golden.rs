//! The published code's numbers (`tests/fixtures/golden`) and the networks they were made with.

use std::collections::HashMap;

use igd::criterion::Descriptor;
use igd::model::{Model, ModelConfig, Networks, Precision, Provenance};
use igd::nn::{Builder, EncoderKind, Global, GlobalConfig, Local, LocalConfig, Normalisation};
use tch::{Device, Kind, Tensor};

use super::formula;

pub const CPU: Device = Device::Cpu;

/// One golden size.
pub struct Golden {
    pub tensors: HashMap<String, Tensor>,
    pub shapes: serde_json::Value,
    pub width: i64,
    pub latent: i64,
}

impl Golden {
    pub fn read(size: &str) -> Self {
        let folder = super::fixture("golden");
        let tensors = ["common", size]
            .iter()
            .flat_map(|name| {
                Tensor::read_safetensors(folder.join(format!("{name}.safetensors"))).unwrap()
            })
            .collect();
        let shapes = std::fs::read_to_string(folder.join(format!("{size}.json"))).unwrap();
        let shapes: serde_json::Value = serde_json::from_str(&shapes).unwrap();
        Self {
            tensors,
            width: shapes["dim"].as_i64().unwrap(),
            latent: shapes["latent"].as_i64().unwrap(),
            shapes,
        }
    }

    pub fn both() -> [Self; 2] {
        ["small", "full"].map(Self::read)
    }

    pub fn get(&self, name: &str) -> &Tensor {
        &self.tensors[name]
    }

    pub fn checkpoint(&self, network: &str) -> HashMap<String, Tensor> {
        formula::checkpoint(&self.shapes, network)
    }

    /// The entries of both networks as in a model file, and the critics' beside them.
    pub fn entries(&self) -> HashMap<String, Tensor> {
        let mut entries = HashMap::new();
        for network in ["global", "local", "critic_global", "critic_local"] {
            let checkpoint = self.checkpoint(network);
            let checkpoint = checkpoint.into_iter();
            entries.extend(checkpoint.map(|(name, tensor)| (format!("{network}.{name}"), tensor)));
        }
        for scale in ["global", "local"] {
            let Descriptor { c, sigma } = self.descriptor(scale);
            entries.insert(format!("{scale}.c"), c.view([1, self.latent]));
            entries.insert(format!("{scale}.sigma"), sigma.squeeze());
        }
        entries
    }

    /// The model of both networks, without thresholds.
    pub fn model(&self) -> Model {
        let mut entries = self.entries();
        entries.retain(|name, _| !name.starts_with("critic_"));
        let builder = Builder::for_inference(entries, CPU);
        let root = builder.root();
        let config = ModelConfig::paper(
            Some(GlobalConfig::of_checkpoint(&(&root / "global")).unwrap()),
            Some(LocalConfig::of_checkpoint(&(&root / "local")).unwrap()),
        );
        Model {
            networks: Networks::new(builder, &config).unwrap(),
            config,
            calibration: None,
            provenance: Provenance::now(),
            history: Vec::new(),
        }
    }

    /// CPUs without instructions for bf16 compute with it one number at a time.
    pub fn is_quick_in_bf16(&self) -> bool {
        self.width <= 16 || Precision::Auto.on(CPU) == Ok(Kind::BFloat16)
    }

    /// The picture as a detector takes it: planar, 0..=255.
    pub fn rgb(&self) -> Vec<f32> {
        let planar = self.get("image.u8").permute([2, 0, 1]);
        Vec::try_from(planar.to_kind(Kind::Float).flatten(0, -1)).unwrap()
    }

    /// The picture as the networks see it: (1, 3, 256, 256).
    pub fn picture(&self) -> Tensor {
        let picture = self.get("image.u8").to_kind(Kind::Float) / 255.0;
        let per_channel = |values: [f64; 3]| Tensor::from_slice(&values).to_kind(Kind::Float);
        let Normalisation { mean, std } = Normalisation::IMAGENET;
        ((picture - per_channel(mean)) / per_channel(std))
            .permute([2, 0, 1])
            .unsqueeze(0)
            .contiguous()
    }

    pub fn global(&self) -> Global {
        let builder = Builder::for_inference(self.checkpoint("global"), CPU);
        let config = GlobalConfig::of_checkpoint(&builder.root()).unwrap();
        assert_eq!(
            (config.encoder, config.width, config.latent),
            (EncoderKind::Resnet18, self.width, self.latent)
        );
        let global = Global::new(builder.root(), &config, &Normalisation::IMAGENET).unwrap();
        builder.finish().unwrap();
        global
    }

    pub fn local(&self) -> Local {
        let builder = Builder::for_inference(self.checkpoint("local"), CPU);
        let config = LocalConfig::of_checkpoint(&builder.root()).unwrap();
        let local = Local::new(builder.root(), &config, &Normalisation::IMAGENET).unwrap();
        builder.finish().unwrap();
        local
    }

    pub fn descriptor(&self, scale: &str) -> Descriptor {
        Descriptor {
            c: self.get(&format!("{scale}.c")).shallow_clone(),
            sigma: self.get(&format!("{scale}.sigma")).shallow_clone(),
        }
    }

    /// A picture that resembles the input: 0.9 times its 5x5 means, shifted, with noise by formula.
    pub fn near(&self, scale: &str, pictures: &Tensor) -> Tensor {
        let means = pictures.reflection_pad2d([2, 2, 2, 2]).avg_pool2d(
            [5, 5],
            [1, 1],
            [0, 0],
            false,
            true,
            None,
        );
        let noise: Vec<f32> = formula::values(&format!("a:near.{scale}"), pictures.numel())
            .into_iter()
            .map(|value| value as f32)
            .collect();
        means * 0.9 + 0.05 + Tensor::from_slice(&noise).view(pictures.size().as_slice()) * 0.15
    }
}

pub fn greatest_difference(found: &Tensor, expected: &Tensor) -> f64 {
    let expected = expected.view(found.size().as_slice());
    (found - expected).abs().max().double_value(&[])
}

/// Within `tolerance` absolute.
#[track_caller]
pub fn assert_near(what: &str, found: &Tensor, expected: &Tensor, tolerance: f64) {
    let difference = greatest_difference(found, expected);
    println!("{what}: {difference:.2e}");
    assert!(
        difference <= tolerance,
        "{what} is off by {difference:.2e}, allowed are {tolerance:.0e}"
    );
}

/// Within 1e-4 of the largest magnitude expected.
#[track_caller]
pub fn assert_close(what: &str, found: &Tensor, expected: &Tensor) {
    let largest = expected.abs().max().double_value(&[]);
    assert_near(what, found, expected, 1e-4 * largest);
}
