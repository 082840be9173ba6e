//! How good a model is by the number of its pictures: ELPV's solar cells, fetched once.

use std::path::PathBuf;

use igd::data::{Selection, TrainingSet, elpv, pictures_in};
use igd::eval::auroc;
use igd::model::Precision;
use igd::train::Options;

use crate::common::network::{fetched, has_weights};
use crate::solar_cells::{drawn, fit, flagged, link, open, scores};

const DRAWS: u64 = 6;

/// Mean and standard deviation, in words.
fn spread(values: &[f64]) -> String {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    match values.len() {
        1 => format!("{mean:.3}"),
        _ => format!("{mean:.3} ± {:.3}", (squares / (count - 1.0)).sqrt()),
    }
}

#[test]
#[ignore = "long"]
fn solar_cells_by_number() {
    let folder = tempfile::tempdir().unwrap();
    let elpv = folder.path().join("elpv");
    if fetched("ELPV", elpv::write(&elpv)).is_none() || !has_weights() {
        return;
    }
    let pictures = |kind: &str| pictures_in(&elpv.join(kind)).unwrap();
    let [training, good, defective] = ["train/good", "test/good", "test/defective"].map(pictures);
    println!("| good cells | AUROC | at 1 %: good | defective | at 5 %: good | defective |");
    let mut before = 0.0_f64;
    for count in [10, 20, 50, 100, 200, training.len()] {
        let draws = if count < training.len() { DRAWS } else { 1 };
        let mut columns: [Vec<f64>; 5] = Default::default();
        for draw in 1..=draws {
            let data = folder.path().join(format!("{count}-{draw}"));
            link(&data, drawn(&training, count, draw));
            let out = folder.path().join("cells.safetensors");
            let cells = TrainingSet::open(&data, &Selection::default()).unwrap();
            let (_, measurements) = fit(&Options::new(cells, out.clone()));
            let mut detector = open(&out, Precision::Auto);
            let mut judge = |paths: &Vec<PathBuf>| scores(&mut detector, paths);
            let (normal, anomalous) = (judge(&good), judge(&defective));
            let [[false_1, found_1], [false_5, found_5]] =
                [0.01, 0.05].map(|rate| flagged(&measurements, rate, [&normal, &anomalous]));
            let area = auroc(&normal, &anomalous).unwrap();
            for (column, value) in columns
                .iter_mut()
                .zip([area, false_1, found_1, false_5, found_5])
            {
                column.push(value);
            }
        }
        let cells = columns.each_ref().map(|column| spread(column));
        println!("| {count} | {} |", cells.join(" | "));
        let mean = columns[0].iter().sum::<f64>() / draws as f64;
        assert!(mean > before.max(0.8), "{mean}");
        before = mean;
    }
}
