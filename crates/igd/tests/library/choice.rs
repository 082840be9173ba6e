//! A few known defects choose among models.

use std::fs;
use std::path::{Path, PathBuf};

use igd::choice::{ChoiceError, Options, Tried, best, candidates, choose, found};
use igd::data::{Sample, pictures_in};
use igd::eval::auroc;
use igd::model::{DenseConfig, Detector, Precision, Tiling};
use igd::train::{Options as Training, Profile, dense, train};
use image::Luma;

use crate::common::network::has_weights;
use crate::common::small_dense_training;
use crate::common::textures::{texture, write};
use crate::solar_cells::{cells, drawn, fit, link};

const SIZE: (u32, u32) = (128, 128);

/// Textures with a finely checked square, which is lost where the picture is seen at a half.
fn write_spoilt(folder: &Path, numbers: std::ops::Range<usize>, side: u32) {
    fs::create_dir_all(folder).unwrap();
    for number in numbers {
        let mut picture = texture(number, SIZE);
        let start = number as u32 * 37 % (SIZE.0 - side);
        for (x, y) in (0..side).flat_map(|x| (0..side).map(move |y| (x, y))) {
            let Luma([value]) = picture.get_pixel_mut(start + x, start + y);
            *value = match (x + y) % 2 {
                0 => value.saturating_sub(60),
                _ => value.saturating_add(60),
            };
        }
        picture.save(folder.join(format!("{number}.png"))).unwrap();
    }
}

fn samples(folder: &Path) -> Vec<Sample> {
    let pictures = pictures_in(folder).unwrap();
    pictures.into_iter().map(Sample::File).collect()
}

fn whole(side: usize) -> dense::Options {
    dense::Options {
        config: DenseConfig {
            tiling: Tiling::whole([side, side]),
            shared: false,
            dimensions: 32,
            ..DenseConfig::usual()
        },
        ..dense::Options::default()
    }
}

#[test]
fn small_defects_choose_more_pixels() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write(&path("good"), 0..50, SIZE);
    write_spoilt(&path("bad"), 100..106, 24);
    fs::write(path("bad").join("broken.png"), "no picture").unwrap();
    let training = small_dense_training(&path("good"), &path("m.safetensors"), 64, 32);
    let larger = [Profile::Dense(whole(128))];
    let bad = samples(&path("bad"));
    let options = Options {
        training: &training,
        sizes: false,
        others: &larger,
        bad: &bad,
    };
    let choice = choose(&options, |_| ()).unwrap();
    let tried = &choice.tried;
    let aurocs: Vec<f64> = tried.iter().map(Tried::auroc).collect();
    assert!(aurocs[1] > aurocs[0], "{aurocs:?}");
    assert_eq!((choice.best, choice.pictures, choice.skipped), (1, 50, 1));
    assert_eq!((tried[0].good.len(), tried[1].bad.len()), (50, 6));
    let chosen = Training {
        profile: tried[choice.best].profile.clone(),
        ..training.clone()
    };
    let outcome = train(&chosen, |_| ()).unwrap();
    // Candidates and model were fitted to the same pictures, and no defect has moved the threshold.
    let threshold = outcome.calibration.unwrap().threshold;
    assert!((threshold / tried[1].threshold - 1.0).abs() < 1e-3);
    let rate = found(&chosen.out, &bad, 2).unwrap();
    assert_eq!(rate.flagged, tried[1].found().unwrap().flagged);

    let both = [bad[0].clone(), training.data.samples[3].clone()];
    let error = choose(
        &Options {
            bad: &both,
            ..options
        },
        |_| (),
    )
    .unwrap_err();
    assert!(matches!(error, ChoiceError::Both(_)), "{error}");
    let unusable = [Sample::File(path("bad").join("broken.png"))];
    let error = choose(
        &Options {
            bad: &unusable,
            ..options
        },
        |_| (),
    )
    .unwrap_err();
    assert!(matches!(error, ChoiceError::NoDefects), "{error}");
}

/// Five defects choose, and all others judge the choice. Each draw of good cells is fitted to once for each candidate,
/// and many draws of five choose among these.
#[test]
#[ignore = "long"]
fn five_solar_cells_choose() {
    const KNOWN: usize = 5;
    const CHOICES: u64 = 200;
    let folder = tempfile::tempdir().unwrap();
    let Some([training, good, defective]) = cells(folder.path()) else {
        return;
    };
    let usual = dense::Options::default();
    let configs: Vec<_> = [usual.clone()]
        .into_iter()
        .chain(candidates(&usual, (300, 300)))
        .collect();
    println!(
        "| good cells | candidate | AUROC | chosen | AUROC of what is chosen, less the usual one's |"
    );
    for draw in 1..=2 {
        let data = folder.path().join(format!("cells-{draw}"));
        link(&data, drawn(&training, igd::choice::MOST_PICTURES, draw));
        let judged: Vec<(Tried, Vec<f32>)> = configs
            .iter()
            .map(|config| {
                let out = folder.path().join("cells.safetensors");
                let mut options = small_dense_training(&data, &out, 256, 192);
                options.profile = Profile::Dense(config.clone());
                let (outcome, measurements) = fit(&options);
                let [normal, bad] = [&good, &defective].map(|paths| scores(&out, paths));
                let tried = Tried {
                    profile: options.profile,
                    good: measurements.iter().map(|one| one.score).collect(),
                    bad,
                    threshold: outcome.calibration.unwrap().threshold,
                    time: std::time::Duration::ZERO,
                };
                (tried, normal)
            })
            .collect();
        let (mut chosen, mut gains) = (vec![0; configs.len()], Vec::new());
        for choice in 1..=CHOICES {
            let indices: Vec<PathBuf> = (0..defective.len())
                .map(|index| index.to_string().into())
                .collect();
            let known: Vec<usize> = drawn(&indices, KNOWN, choice)
                .into_iter()
                .map(|index| index.to_str().unwrap().parse().unwrap())
                .collect();
            let tried: Vec<Tried> = judged
                .iter()
                .map(|(all, _)| Tried {
                    bad: known.iter().map(|&index| all.bad[index]).collect(),
                    ..all.clone()
                })
                .collect();
            let best = best(&tried);
            chosen[best] += 1;
            let rest = |(all, normal): &(Tried, Vec<f32>)| {
                let rest = (0..all.bad.len()).filter(|index| !known.contains(index));
                auroc(
                    normal,
                    &rest.map(|index| all.bad[index]).collect::<Vec<_>>(),
                )
                .unwrap()
            };
            gains.push(rest(&judged[best]) - rest(&judged[0]));
        }
        let mean = gains.iter().sum::<f64>() / gains.len() as f64;
        let worst = gains.iter().copied().fold(0.0, f64::min);
        for ((config, (all, normal)), chosen) in configs.iter().zip(&judged).zip(&chosen) {
            println!(
                "| draw {draw} | {:?} | {:.4} | {chosen} of {CHOICES} | {mean:.4}, at worst {worst:.4} |",
                config.config.tiling.picture(),
                auroc(normal, &all.bad).unwrap()
            );
        }
        // What is chosen is hardly worse on the average.
        assert!(mean > -0.005, "{mean}");
    }
}

fn scores(model: &Path, paths: &[PathBuf]) -> Vec<f32> {
    let mut detector = Detector::open(model, tch::Device::Cpu, Precision::Auto).unwrap();
    let samples: Vec<_> = paths.iter().cloned().map(Sample::File).collect();
    let measurements = igd::train::measure(&mut detector, &samples, |_| Ok(())).unwrap();
    measurements.iter().map(|one| one.score).collect()
}
