//! Writes what the fuzzers of files start from: a folder a target, in the folder that is named.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use igd::data::packed::{write_idx_labels, write_idx_pictures};
use igd::model::{Model, Storage};
use igd_fuzz::models::{fixture, model_of_both, small_model};
use image::{DynamicImage, ImageFormat};

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("usage: seeds FOLDER"));
    let target = |name: &str| {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).expect("a folder that can be written");
        folder
    };
    models(&target("model"));
    configurations(&target("configuration"));
    checkpoints(&target("checkpoint"));
    let idx = target("idx");
    let pictures: Vec<u8> = (0..24).collect();
    write_idx_pictures(&idx.join("pictures"), (4, 3), &pictures).expect("room");
    write_idx_labels(&idx.join("labels"), &[7, 9]).expect("room");
    fs::write(target("cifar").join("first"), [1, 2, 3]).expect("room");
    masks(&target("mask"));
}

fn models(folder: &Path) {
    let save = |model: Model, name: &str, storage| {
        model.save(&folder.join(name), storage).expect("room");
    };
    save(small_model(), "local", Storage::F32);
    save(small_model(), "half", Storage::F16);
    save(model_of_both(), "both", Storage::F32);
}

/// The first byte says which text and which model: see the target.
fn configurations(folder: &Path) {
    let mut number = 0;
    for model in [small_model(), model_of_both()] {
        let texts = [
            serde_json::to_vec(&model.config),
            serde_json::to_vec(&model.calibration),
            serde_json::to_vec(&model.provenance),
        ];
        for text in texts {
            let mut input = vec![number];
            input.extend(text.expect("plain structs"));
            fs::write(folder.join(number.to_string()), input).expect("room");
            number += 1;
        }
    }
}

fn checkpoints(folder: &Path) {
    for entry in fs::read_dir(fixture("pth")).expect("fixtures").flatten() {
        fs::copy(entry.path(), folder.join(entry.file_name())).expect("room");
    }
}

/// Small pictures of all kinds that are read.
fn masks(folder: &Path) {
    let rgb = image::RgbImage::from_fn(9, 7, |x, y| image::Rgb([x as u8 * 20, y as u8 * 30, 200]));
    let rgb = DynamicImage::ImageRgb8(rgb);
    let kinds = [
        ("rgb", rgb.clone()),
        ("gray", rgb.to_luma8().into()),
        ("gray16", rgb.to_luma16().into()),
        ("alpha", rgb.to_luma_alpha8().into()),
        ("rgba16", rgb.to_rgba16().into()),
    ];
    for (name, picture) in kinds {
        for format in [
            ImageFormat::Png,
            ImageFormat::Jpeg,
            ImageFormat::Bmp,
            ImageFormat::Tiff,
        ] {
            let mut bytes = Cursor::new(Vec::new());
            // Not every format has every kind.
            if picture.write_to(&mut bytes, format).is_ok() {
                let ending = format.extensions_str()[0];
                fs::write(folder.join(format!("{name}.{ending}")), bytes.into_inner())
                    .expect("room");
            }
        }
    }
}
