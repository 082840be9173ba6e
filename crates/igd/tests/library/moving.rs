//! Models of parts that do not lie still.

use std::fs;
use std::path::{Path, PathBuf};

use image::{GrayImage, Luma};

use crate::common::network::has_weights;
use crate::common::{formula, small_dense_training};
use igd::data::Picture;
use igd::model::{
    Alignment, Detection, Detector, Model, ModelConfig, Precision, read_tensors, write_tensors,
};
use igd::train::{Augmentation, Options, Outcome, Profile, TrainError, dense, train};
use igd::warp::Transform;
use tch::Device;
use tempfile::TempDir;

/// As a file has them.
type NamedTensors = Vec<(String, tch::Tensor)>;

/// Of a picture.
const SIDE: u32 = 128;
/// Of what is judged of it by a model that looks for its part.
const JUDGED: usize = 96;

/// A board with holes and a strip on a dark table, moved from where it should lie. Where there is a defect it is a spot
/// there, in pixels from the middle of the board.
fn board(number: usize, moved: &Transform, defect: Option<[f32; 2]>) -> GrayImage {
    let noise = formula::values(&format!("board {number}"), 4099);
    let back = moved.inverse();
    let inside = |distance: f32| (0.5 - distance).clamp(0.0, 1.0);
    let disc = |[x, y]: [f32; 2], [left, top]: [f32; 2], radius: f32| {
        inside((x - left).hypot(y - top) - radius)
    };
    let bar = |[x, y]: [f32; 2], [left, top]: [f32; 2], [width, height]: [f32; 2]| {
        inside(((x - left).abs() - width).max((y - top).abs() - height))
    };
    GrayImage::from_fn(SIDE, SIDE, |x, y| {
        let middle = (SIDE as f32 - 1.0) / 2.0;
        let place = back.apply([x as f32 - middle, y as f32 - middle]);
        let mut value = 40.0 + 90.0 * bar(place, [0.0, 0.0], [40.0, 36.0]);
        for hole in [[-30.0, -26.0], [30.0, -26.0], [-30.0, 26.0], [24.0, 20.0]] {
            value -= 80.0 * disc(place, hole, 5.0);
        }
        value += 60.0 * bar(place, [4.0, -6.0], [22.0, 3.0]);
        value -= 40.0 * bar(place, [-14.0, 12.0], [2.5, 16.0]);
        if let Some(defect) = defect {
            value += 70.0 * disc(place, defect, 5.0);
        }
        let noise = noise[(x as usize * 131 + y as usize * 7919) % 4099] as f32;
        Luma([(value + 6.0 * noise).clamp(0.0, 255.0) as u8])
    })
}

/// Elsewhere for each number: shifted by up to so many pixels and turned by up to so many degrees.
fn moved(number: usize, pixels: f32, degrees: f32) -> Transform {
    let lot = |factor: f32| 2.0 * (number as f32 * factor).fract() - 1.0;
    let shift = [pixels * lot(0.754_877_7), pixels * lot(0.569_840_3)];
    Transform::new(degrees * lot(0.618_034), 1.0, shift, 1.0)
}

/// Boards of which each lies a little elsewhere.
fn boards(count: usize) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("good");
    fs::create_dir(&data).unwrap();
    for number in 0..count {
        let picture = board(number, &moved(number, 1.5, 0.5), None);
        picture.save(data.join(format!("{number:03}.png"))).unwrap();
    }
    (folder, data)
}

fn with(mut options: Options, change: impl FnOnce(&mut dense::Options)) -> Options {
    match &mut options.profile {
        Profile::Dense(dense) => change(dense),
        Profile::Paper(_) => unreachable!("it is none"),
    }
    options
}

/// A fit to one copy of each picture, too.
fn augmented(data: &Path, out: &Path) -> Options {
    with(small_dense_training(data, out, 96, 64), |dense| {
        dense.augmentation = Some(Augmentation {
            copies: 1,
            ..Augmentation::USUAL
        });
    })
}

/// One that looks for the board.
fn aligned(data: &Path, out: &Path) -> Options {
    with(augmented(data, out), |dense| {
        dense.config.align = Some(Alignment { margin: [16, 16] });
    })
}

fn fit(options: &Options) -> Outcome {
    train(options, |_| ()).unwrap()
}

fn planes(picture: &GrayImage, detector: &Detector) -> Vec<f32> {
    let picture = Picture::from(image::DynamicImage::from(picture.clone()).into_rgb8());
    picture.resized(detector.input_size())
}

/// How many of ten good boards that lie elsewhere are flagged.
fn flagged(detector: &mut Detector, pixels: f32, degrees: f32) -> usize {
    let mut detection = Detection::default();
    let mut is_flagged = |number: &usize| {
        let picture = board(*number, &moved(*number, pixels, degrees), None);
        let rgb = planes(&picture, detector);
        detector.detect(&rgb, (SIDE, SIDE), &mut detection).unwrap();
        detection.anomalous
    };
    (100..110).filter(|number| is_flagged(number)).count()
}

fn open(path: &Path) -> Detector {
    Detector::open(path, Device::Cpu, Precision::F32).unwrap()
}

#[test]
fn copies_are_fitted_to_and_calibrate() {
    if !has_weights() {
        return;
    }
    let (folder, data) = boards(60);
    let [still, out] = ["still", "out"].map(|name| folder.path().join(name));
    fit(&small_dense_training(&data, &still, 96, 64));
    let outcome = fit(&Options {
        keep: true,
        ..augmented(&data, &out)
    });
    let (known, calibration) = (outcome.augmented.unwrap(), outcome.calibration.unwrap());
    assert_eq!((known.copies, calibration.pictures), (1, 60));
    assert!(known.threshold_of_still < calibration.threshold);
    let [still, moving] = [&still, &out].map(|path| flagged(&mut open(path), 3.5, 2.5));
    assert!(still >= 5 && moving <= 2, "{still} and {moving} of 10");

    // What is kept is of copies, and what is held out has them too.
    let other = Options {
        resume: true,
        ..small_dense_training(&data, &out, 96, 64)
    };
    let refused = train(&other, |_| ()).unwrap_err();
    assert!(matches!(refused, TrainError::Resume { .. }), "{refused}");
    assert!(refused.to_string().contains("--augment"), "{refused}");
    let outcome = fit(&Options {
        hold_out: Some(0.2),
        ..augmented(&data, &folder.path().join("held-out"))
    });
    assert_eq!(outcome.calibration.unwrap().pictures, 12);
    assert!(outcome.augmented.unwrap().threshold_of_still > 0.0);
}

#[test]
fn parts_are_looked_for() {
    if !has_weights() {
        return;
    }
    let (folder, data) = boards(60);
    let out = folder.path().join("boards.safetensors");
    fit(&aligned(&data, &out));
    let mut detector = open(&out);
    assert_eq!(detector.input_size(), (128, 128));
    let found = flagged(&mut detector, 9.0, 5.0);
    assert!(found <= 2, "{found} of 10");

    // A spot of the board is where the board was moved to, in the frame.
    let mut detection = Detection::default();
    for (number, spot) in [
        (200, [-16.0, -14.0]),
        (201, [14.0, 24.0]),
        (202, [28.0, -4.0]),
    ] {
        let moved = moved(number, 9.0, 5.0);
        let rgb = planes(&board(number, &moved, Some(spot)), &detector);
        let frame = (4 * SIDE, 2 * SIDE);
        detector.detect(&rgb, frame, &mut detection).unwrap();
        assert!(detection.anomalous);
        let region = detection.regions[0];
        let center =
            |start: u32, length: u32, scale: f32| (start as f32 + length as f32 / 2.0) / scale;
        let found = [
            center(region.x, region.w, 4.0),
            center(region.y, region.h, 2.0),
        ];
        let expected = moved.apply(spot).map(|place| place + SIDE as f32 / 2.0);
        for (found, expected) in found.into_iter().zip(expected) {
            assert!(
                (found - expected).abs() < 8.0,
                "{found} instead of {expected}"
            );
        }
    }

    // What shows nothing is judged where it is.
    let nothing = GrayImage::from_pixel(SIDE, SIDE, Luma([90]));
    let rgb = planes(&nothing, &detector);
    detector.detect(&rgb, (SIDE, SIDE), &mut detection).unwrap();
    assert!(detection.anomalous);
    for (index, value) in detector.raw_map().iter().enumerate() {
        let judged = [index % 128, index / 128]
            .iter()
            .all(|place| (16..112).contains(place));
        assert_eq!(*value > 0.0, judged, "{index}");
    }
    assert_eq!(
        detector.dense_config().unwrap().tiling.picture(),
        [JUDGED; 2]
    );

    // It goes on with the same references.
    let more = Options {
        keep: true,
        ..aligned(&data, &out)
    };
    fit(&more);
    let references = |path: &Path| {
        let (_, mut tensors) = read_tensors(path).unwrap();
        tensors.remove("dense.align.references").unwrap()
    };
    let first = references(&out);
    board(60, &moved(60, 1.5, 0.5), None)
        .save(data.join("060.png"))
        .unwrap();
    let outcome = fit(&Options {
        resume: true,
        ..aligned(&data, &out)
    });
    assert_eq!(outcome.pictures, 61);
    assert!(references(&out).equal(&first));
    files_say_what_they_need(&out);
}

/// A model that aligns is refused without references, and with settings that are not known.
fn files_say_what_they_need(path: &Path) {
    let refused = |change: &dyn Fn(&mut String, &mut NamedTensors)| {
        let (mut header, tensors) = read_tensors(path).unwrap();
        let mut tensors: Vec<_> = tensors.into_iter().collect();
        change(header.get_mut("config").unwrap(), &mut tensors);
        let other = path.with_extension("other");
        write_tensors(&other, header, &tensors).unwrap();
        Model::open(&other, Device::Cpu).unwrap_err().to_string()
    };
    let error = refused(&|_, tensors| tensors.retain(|(name, _)| !name.ends_with(".references")));
    assert!(error.contains("dense.align.references"), "{error}");
    let error = refused(&|_, tensors| {
        let (_, values) = tensors
            .iter_mut()
            .find(|(name, _)| name.ends_with(".references"))
            .unwrap();
        *values = values.narrow(0, 1, values.size()[0] - 1);
    });
    assert!(error.contains("dense.align.references"), "{error}");
    let error = refused(&|config, _| *config = config.replace("\"margin\"", "\"edge\""));
    assert!(error.contains("edge"), "{error}");
    let error = refused(&|config, _| *config = config.replace("[16,16]", "[0,16]"));
    assert!(error.contains("0x16"), "{error}");
    // Files of versions before have no such entry.
    let error =
        refused(&|config, _| *config = config.replace(",\"align\":{\"margin\":[16,16]}", ""));
    assert!(error.contains("dense.align"), "{error}");
    let before: ModelConfig = serde_json::from_str(
        r#"{"profile":"dense","tiling":{"tile":[256,256],"tiles":[1,1],"overlap":32},"shared":false,"dimensions":192}"#,
    )
    .unwrap();
    assert_eq!(before.dense().unwrap().align, None);
}
