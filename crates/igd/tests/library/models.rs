//! Model files and checkpoints: what is written is read again, and what is wrong is said in a line.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{dense_model, fixture, model_of_both, small_model};
use igd::model::{
    Detection, Detector, Model, ModelConfig, ModelError, PaperScale, Precision, Storage, import,
    read_tensors, tensors_of, write_tensors,
};
use tch::{Device, Kind, Tensor};
use tempfile::TempDir;

/// A folder with a good model in it.
fn with_model() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    small_model().save(&path, Storage::F32).unwrap();
    (folder, path)
}

/// The text of the error, which must be one line that names the file.
#[track_caller]
fn refused(path: &Path) -> String {
    text_of(path, Model::open(path, Device::Cpu))
}

#[track_caller]
fn text_of<T>(path: &Path, result: Result<T, ModelError>) -> String {
    let text = match result {
        Ok(_) => panic!("{} was taken for good", path.display()),
        Err(error) => error.to_string(),
    };
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with(&path.display().to_string()), "{text}");
    text
}

/// Writes the model's tensors and header after `change`.
fn rewrite(
    path: &Path,
    change: impl FnOnce(&mut HashMap<String, String>, &mut HashMap<String, Tensor>),
) {
    let (mut header, mut tensors) = read_tensors(path).unwrap();
    change(&mut header, &mut tensors);
    let tensors: Vec<_> = tensors.into_iter().collect();
    write_tensors(path, header, &tensors).unwrap();
}

#[test]
fn a_model_is_read_as_it_was_written() {
    let (_folder, path) = with_model();
    let written = small_model();
    let read = Model::open(&path, Device::Cpu).unwrap();
    assert_eq!(read.config, written.config);
    assert_eq!(read.calibration, written.calibration);
    assert_eq!(read.provenance.version, env!("CARGO_PKG_VERSION"));
    let (read, written) = (
        tensors_of(&read.networks.weights),
        tensors_of(&written.networks.weights),
    );
    assert_eq!(read.len(), written.len());
    for ((read_name, read), (name, written)) in read.iter().zip(&written) {
        assert_eq!(read_name, name);
        assert!(read.equal(written), "{name}");
    }
}

#[test]
fn half_precision_storage_is_read() {
    let (_folder, path) = with_model();
    small_model().save(&path, Storage::F16).unwrap();
    let read = Model::open(&path, Device::Cpu).unwrap();
    let weight = &read.networks.weights["local.ln1.weight"].tensor;
    assert_eq!(weight.kind(), Kind::Float);
    assert!(weight.allclose(
        &small_model().networks.weights["local.ln1.weight"].tensor,
        1e-2,
        1e-3,
        false
    ));
}

#[test]
fn saving_replaces_at_once_and_leaves_nothing_beside() {
    let (folder, path) = with_model();
    small_model().save(&path, Storage::F32).unwrap();
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1);
    let nowhere = folder.path().join("model.safetensors/below-a-file");
    text_of(&nowhere, small_model().save(&nowhere, Storage::F32));
    Model::open(&path, Device::Cpu).unwrap();
}

#[test]
fn files_that_are_no_models() {
    let (folder, path) = with_model();
    let missing = folder.path().join("missing.safetensors");
    assert!(refused(&missing).contains("No such file"));
    assert!(refused(folder.path()).contains("not a regular file"));
    for content in [&b""[..], b"hello", b"\x89PNG\r\n\x1a\n and so on", &[0; 64]] {
        fs::write(&path, content).unwrap();
        assert!(refused(&path).contains("not a model"));
    }
    // A .safetensors file of somebody else's.
    let tensor = (
        "weight".to_owned(),
        Tensor::ones([2], (Kind::Float, Device::Cpu)),
    );
    write_tensors(&path, HashMap::new(), &[tensor]).unwrap();
    assert!(refused(&path).contains("format=igd"));
}

#[test]
fn headers_that_claim_too_much() {
    let (_folder, path) = with_model();
    let good = fs::read(&path).unwrap();
    for claim in [u64::MAX, 1 << 40, 100 << 20, good.len() as u64] {
        let mut bytes = good.clone();
        bytes[..8].copy_from_slice(&claim.to_le_bytes());
        fs::write(&path, bytes).unwrap();
        assert!(refused(&path).contains("header claims"), "{claim}");
    }
    // A tensor of 2^60 bytes, and sizes whose product overflows.
    for shape in [
        "[1152921504606846976]",
        "[4294967296,4294967296,4294967296]",
    ] {
        let header = format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":[0,4]}}}}"#);
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend([0; 4]);
        fs::write(&path, bytes).unwrap();
        refused(&path);
    }
}

#[test]
fn models_cut_short_anywhere() {
    let (_folder, path) = with_model();
    let good = fs::read(&path).unwrap();
    let header = 8 + u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    let lengths = (0..header)
        .step_by(61)
        .chain((header..good.len()).step_by(9973));
    for length in lengths {
        fs::write(&path, &good[..length]).unwrap();
        refused(&path);
    }
}

#[test]
fn damaged_headers_never_panic() {
    let (_folder, path) = with_model();
    let good = fs::read(&path).unwrap();
    let header = 8 + u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    for place in (0..header).step_by(13) {
        for value in [0, b'{', b'9', 0xff] {
            let mut bytes = good.clone();
            bytes[place] = value;
            fs::write(&path, bytes).unwrap();
            // It may still be a model, if only a name in its provenance changed.
            let _ = Model::open(&path, Device::Cpu);
        }
    }
}

#[test]
fn wrong_entries_are_named() {
    type Tensors = HashMap<String, Tensor>;
    type Change = fn(&mut Tensors);
    let cases: [(Change, &str); 7] = [
        (
            |tensors| drop(tensors.remove("local.rb2.bn1.bias")),
            "entry `local.rb2.bn1.bias` is missing",
        ),
        (
            |tensors| {
                let tensor = Tensor::ones([3], (Kind::Float, Device::Cpu));
                tensors.insert("local.rb9.bias".to_owned(), tensor);
            },
            "entry `local.rb9.bias` is unknown",
        ),
        (
            |tensors| {
                let tensor = Tensor::ones([1, 1], (Kind::Float, Device::Cpu));
                tensors.insert("local.bn.weight".to_owned(), tensor);
            },
            "entry `local.bn.weight` has shape [1, 1], expected [1]",
        ),
        (
            |tensors| {
                let tensor = tensors["local.ln1.weight"].copy();
                let _ = tensor.get(0).fill_(f64::NAN);
                tensors.insert("local.ln1.weight".to_owned(), tensor);
            },
            "entry `local.ln1.weight` holds NaN",
        ),
        (
            |tensors| {
                tensors.insert(
                    "local.c".to_owned(),
                    Tensor::from_slice(&[[1f32, f32::INFINITY]].concat()).view([1, 2]),
                );
            },
            "entry `local.c` holds NaN or infinite",
        ),
        (
            |tensors| drop(tensors.insert("local.sigma".to_owned(), Tensor::from(0f32))),
            "entry `local.sigma` must be above zero",
        ),
        (
            |tensors| {
                tensors.insert(
                    "local.pretrain.ln1.weight".to_owned(),
                    Tensor::ones([512, 127], (Kind::Float, Device::Cpu)),
                );
            },
            "entry `local.pretrain.ln1.weight` has shape [512, 127], expected [512, 128]",
        ),
    ];
    for (change, expected) in cases {
        let (_folder, path) = with_model();
        rewrite(&path, |_, tensors| change(tensors));
        let text = refused(&path);
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn wrong_settings_are_named() {
    let cases = [
        ("version", "7", "version is 7"),
        ("config", "{}", "header entry `config`"),
        ("config", "not JSON", "header entry `config`"),
        (
            "calibration",
            r#"{"threshold":1}"#,
            "header entry `calibration`",
        ),
        ("provenance", "7", "header entry `provenance`"),
    ];
    for (name, value, expected) in cases {
        let (_folder, path) = with_model();
        rewrite(&path, |header, _| {
            header.insert(name.to_owned(), value.to_owned());
        });
        let text = refused(&path);
        assert!(text.contains(expected), "{text}");
    }
    let edits = [
        (r#""width":1"#, r#""width":0"#, "config.local.width is 0"),
        (
            r#""width":1"#,
            r#""width":9000000000"#,
            "config.local.width is 9000000000",
        ),
        (
            r#""latent":2"#,
            r#""latent":-2"#,
            "config.local.latent is -2",
        ),
        (r#""latent":2"#, r#""latent":4096"#, "shape"),
        (
            "[256,256]",
            "[1000000,1000000]",
            "config.input is 1000000x1000000",
        ),
        ("0.229", "0.0", "config.normalisation"),
    ];
    for (from, to, expected) in edits {
        let (_folder, path) = with_model();
        rewrite(&path, |header, _| {
            let config = header["config"].clone();
            assert!(config.contains(from), "{config}");
            header.insert("config".to_owned(), config.replace(from, to));
        });
        let text = refused(&path);
        assert!(text.contains(expected), "{text}");
    }
    let (_folder, path) = with_model();
    rewrite(&path, |header, _| {
        let upside_down =
            header["calibration"].replace(r#""threshold":0.5"#, r#""threshold":0.25"#);
        header.insert("calibration".to_owned(), upside_down);
    });
    assert!(refused(&path).contains("calibration.threshold (0.25) must be above"));
}

/// The published code's file, in both of PyTorch's containers. The entries hold one value each, by their names.
#[test]
fn published_checkpoints_are_imported() {
    for container in ["zip", "legacy"] {
        let model = import(
            None,
            Some(&fixture(&format!("pth/network-{container}.pth"))),
        )
        .unwrap();
        let ModelConfig::Paper(config) = &model.config else {
            panic!("{:?}", model.config);
        };
        let local = config.local.as_ref().unwrap();
        assert_eq!((local.width, local.encoder_width, local.latent), (1, 1, 2));
        assert!(config.global.is_none() && model.calibration.is_none());
        for (name, weight) in &model.networks.weights {
            let values = match name.strip_prefix("local.").unwrap() {
                "c" => Tensor::from_slice(&[0.25f32, -0.5]),
                "sigma" => Tensor::from(3f32),
                name if name.ends_with("running_var") => Tensor::from(1f32),
                name => {
                    Tensor::from((name.bytes().map(u64::from).sum::<u64>() % 97 + 1) as f32 / 500.0)
                }
            };
            assert!(
                (&weight.tensor - values).abs().max().double_value(&[]) < 1e-7,
                "{name}"
            );
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("imported.safetensors");
        model.save(&path, Storage::F32).unwrap();
        let mut detector = Detector::open(&path, Device::Cpu, Precision::Auto).unwrap();
        let mut detection = Detection::default();
        let picture: Vec<f32> = (0..3 * 256 * 256)
            .map(|index| (index % 251) as f32)
            .collect();
        detector
            .detect(&picture, (640, 480), &mut detection)
            .unwrap();
        assert!(detection.score.is_finite() && detection.scales.global.is_none());
        // Without a calibration nothing is anomalous, and no place is.
        assert_eq!(detection.threshold, f32::INFINITY);
        assert!(
            !detection.anomalous && detection.normalized == 0.0 && detection.regions.is_empty()
        );
    }
}

#[test]
fn one_of_two_networks_judges_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("both.safetensors");
    let both = model_of_both();
    both.save(&path, Storage::F32).unwrap();
    let picture: Vec<f32> = (0..3 * 256 * 256)
        .map(|index| (index % 251) as f32)
        .collect();
    let detect = |mut detector: Detector| {
        let mut detection = Detection::default();
        detector
            .detect(&picture, (640, 480), &mut detection)
            .unwrap();
        detection
    };
    let open = |path: &Path, scale| Detector::open_scale(path, scale, Device::Cpu, Precision::F32);
    let whole = detect(Detector::open(&path, Device::Cpu, Precision::F32).unwrap());
    for (scale, name) in [
        (PaperScale::Global, "global."),
        (PaperScale::Local, "local."),
    ] {
        // A model that never had the other.
        let mut config = both.config.clone();
        let ModelConfig::Paper(paper) = &mut config else {
            panic!("{config:?}");
        };
        match scale {
            PaperScale::Global => paper.local = None,
            PaperScale::Local => paper.global = None,
        }
        let tensors = tensors_of(&both.networks.weights).into_iter();
        let tensors = tensors.filter(|(entry, _)| entry.starts_with(name));
        let alone = Model::of_tensors(&config, &tensors.collect(), Device::Cpu).unwrap();
        let alone = detect(Detector::new(alone, Device::Cpu, Kind::Float).unwrap());
        let found = detect(open(&path, scale).unwrap());
        assert_eq!(found, alone);
        assert_ne!(found.score, whole.score);
    }

    let (_folder, local) = with_model();
    let text = text_of(&local, open(&local, PaperScale::Local));
    assert!(text.contains("not both"), "{text}");
    let dense = folder.path().join("dense.safetensors");
    dense_model().save(&dense, Storage::F16).unwrap();
    let text = text_of(&dense, open(&dense, PaperScale::Global));
    assert!(text.contains("not both"), "{text}");
}

#[test]
fn wrong_checkpoints_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("local.safetensors");
    let checkpoint = || -> HashMap<String, Tensor> {
        tensors_of(&small_model().networks.weights)
            .into_iter()
            .map(|(name, tensor)| (name.strip_prefix("local.").unwrap().to_owned(), tensor))
            .collect()
    };
    let write = |tensors: HashMap<String, Tensor>| {
        let tensors: Vec<_> = tensors.into_iter().collect();
        write_tensors(&path, HashMap::new(), &tensors).unwrap();
    };
    write(checkpoint());
    import(None, Some(&path)).unwrap();

    for entry in ["c", "sigma", "ln11.bias", "conv1.conv.weight"] {
        let mut tensors = checkpoint();
        tensors.remove(entry);
        write(tensors);
        let text = text_of(&path, import(None, Some(&path)));
        assert!(
            text.contains(&format!("entry `{entry}` is missing")),
            "{text}"
        );
    }
    let mut tensors = checkpoint();
    tensors.insert("module.extra".to_owned(), Tensor::from(1f32));
    write(tensors);
    let text = text_of(&path, import(None, Some(&path)));
    assert!(text.contains("entry `module.extra` is unknown"), "{text}");
    // A local network is no global one.
    write(checkpoint());
    text_of(&path, import(Some(&path), None));

    let whole_module = fixture("pth/module-zip.pth");
    let text = text_of(&whole_module, import(None, Some(&whole_module)));
    assert!(text.contains("save the state dict instead"), "{text}");
    let command = fixture("pth/command-zip.pth");
    let text = text_of(&command, import(None, Some(&command)));
    assert!(text.contains("posix.system"), "{text}");
}

#[test]
fn pictures_that_cannot_be_judged() {
    let (_folder, path) = with_model();
    let mut detector = Detector::open(&path, Device::Cpu, Precision::Auto).unwrap();
    let mut detection = Detection::default();
    let error = detector
        .detect(&[0.0; 7], (16, 16), &mut detection)
        .unwrap_err();
    assert!(error.to_string().contains("7 values"), "{error}");
    let nan = vec![f32::NAN; 3 * 256 * 256];
    let error = detector.detect(&nan, (16, 16), &mut detection).unwrap_err();
    assert!(error.to_string().contains("NaN"), "{error}");
    // The next picture is judged as if nothing had been.
    detector
        .detect(&vec![9.0; 3 * 256 * 256], (16, 16), &mut detection)
        .unwrap();
}
