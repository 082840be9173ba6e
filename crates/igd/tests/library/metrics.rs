//! The metrics against those of `fixtures/metrics.py`, and against their definitions.

use crate::common;
use std::fs;

use igd::data::GroundTruth;
use igd::eval::{Pixels, Ranking, Rate};
use serde::Deserialize;

const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Fixture {
    images: Vec<Images>,
    pixels: Vec<Maps>,
    rates: Vec<Interval>,
}

#[derive(Deserialize)]
struct Images {
    normal: Vec<f32>,
    anomalous: Vec<f32>,
    auroc: f64,
    average_precision: f64,
    f1_max: f64,
    f1_threshold: f32,
}

#[derive(Deserialize)]
struct Maps {
    width: usize,
    height: usize,
    /// A digit a pixel, 1 where it is anomalous.
    masks: Vec<String>,
    maps: Vec<Vec<f32>>,
    auroc: f64,
    average_precision: f64,
    aupro: f64,
    regions: usize,
}

#[derive(Deserialize)]
struct Interval {
    flagged: usize,
    pictures: usize,
    low: f64,
    high: f64,
}

fn fixture() -> Fixture {
    let text = fs::read_to_string(common::fixture("metrics.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[track_caller]
fn assert_near(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < TOLERANCE,
        "{found} instead of {expected}"
    );
}

#[test]
fn scores_of_images() {
    for images in fixture().images {
        let ranking = Ranking::new(images.normal, images.anomalous).unwrap();
        assert_near(ranking.auroc(), images.auroc);
        assert_near(ranking.average_precision(), images.average_precision);
        let best = ranking.f1_max();
        assert_near(best.value, images.f1_max);
        assert_eq!(best.threshold, images.f1_threshold);
    }
}

#[test]
fn pixels_of_maps() {
    for Maps {
        width,
        height,
        masks,
        maps,
        auroc,
        average_precision,
        aupro,
        regions,
    } in fixture().pixels
    {
        let mut pixels = Pixels::default();
        for (mask, map) in masks.iter().zip(&maps) {
            let truth = GroundTruth {
                width,
                height,
                anomalous: mask.bytes().map(|digit| digit == b'1').collect(),
            };
            pixels.add(map, (width, height), Some(&truth));
        }
        let found = pixels.measure();
        assert_near(found.pixel_auroc.unwrap(), auroc);
        assert_near(found.pixel_average_precision.unwrap(), average_precision);
        assert_near(found.aupro.unwrap(), aupro);
        assert_eq!(
            (found.pixel_regions, found.pixel_pictures),
            (regions, maps.len())
        );
    }
}

#[test]
fn intervals_of_rates() {
    for Interval {
        flagged,
        pictures,
        low,
        high,
    } in fixture().rates
    {
        let rate = Rate::new(flagged, pictures).unwrap();
        assert_near(rate.low, low);
        assert_near(rate.high, high);
    }
}

/// Each metric by its definition, with everything counted anew for each threshold.
#[test]
fn definitions() {
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..200 {
        let levels = if round % 2 == 0 { 4 } else { 1000 };
        let mut draw = |count, shift| -> Vec<f32> {
            (0..count)
                .map(|_| (random.i32(0..levels) + shift) as f32)
                .collect()
        };
        let (normal, anomalous) = (draw(1 + round % 17, 0), draw(1 + round % 13, levels / 4));
        let ranking = Ranking::new(normal.clone(), anomalous.clone()).unwrap();

        let pairs = normal
            .iter()
            .flat_map(|normal| anomalous.iter().map(move |anomalous| (normal, anomalous)));
        let wins: f64 = pairs
            .map(|(normal, anomalous)| match anomalous.total_cmp(normal) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            })
            .sum();
        assert_near(
            ranking.auroc(),
            wins / (normal.len() * anomalous.len()) as f64,
        );

        let at_least = |scores: &[f32], threshold: f32| {
            scores.iter().filter(|&&score| score >= threshold).count() as f64
        };
        // The precision at the score of each anomalous one, on the average.
        let precisions = anomalous.iter().map(|&threshold| {
            let found = at_least(&anomalous, threshold);
            found / (found + at_least(&normal, threshold))
        });
        assert_near(
            ranking.average_precision(),
            precisions.sum::<f64>() / anomalous.len() as f64,
        );

        let f1 = |threshold| {
            let found = at_least(&anomalous, threshold);
            let precision = found / (found + at_least(&normal, threshold));
            let recall = found / anomalous.len() as f64;
            match found {
                0.0 => 0.0,
                _ => 2.0 * precision * recall / (precision + recall),
            }
        };
        let best = ranking.f1_max();
        let thresholds = normal.iter().chain(&anomalous).copied();
        assert_near(best.value, thresholds.map(f1).fold(0.0, f64::max));
        assert_near(f1(best.threshold), best.value);
    }
}
