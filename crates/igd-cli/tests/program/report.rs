//! What `igd eval` says of a test set, and its page in a browser.

use crate::common;
use crate::common::browser::Opened;
use crate::program::command;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use igd::data::{Selection, test_pictures};
use igd::libtorch::choose_device;
use igd::model::{Calibration, Detection, Detector, Model, Precision, Storage};
use image::{GrayImage, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

/// What a page must not take for its own.
const ODD_NAME: &str = "<img src=x onerror=alert(1)>&\".png";
const SIZE: (u32, u32) = (48, 32);

/// A test set in the layout of MVTec AD, and a model.
struct Bench {
    folder: TempDir,
}

impl Bench {
    /// Six good pictures and four that are called defective: three with a bright spot and a mask of it, and one without
    /// any.
    fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let mut random = fastrand::Rng::with_seed(1);
        let mut picture = |path: PathBuf, has_spot: bool| {
            let picture = RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
                let is_spot = has_spot && is_spot(x, y);
                [if is_spot { 255 } else { random.u8(60..120) }; 3].into()
            });
            picture.save(path).unwrap();
        };
        for kind in ["test/good", "test/spot", "ground_truth/spot"] {
            fs::create_dir_all(bench.data().join(kind)).unwrap();
        }
        for index in 0..5 {
            picture(bench.data().join(format!("test/good/{index}.png")), false);
        }
        picture(bench.data().join("test/good").join(ODD_NAME), false);
        for index in 0..4 {
            let path = bench.data().join(format!("test/spot/{index}.png"));
            picture(path, index < 3);
        }
        for index in 0..3 {
            bench.mask(index, SIZE);
        }
        bench.save(0.5);
        // Half are flagged: the spots, and two that look alike.
        let mut scores = bench.scores();
        scores.sort_by(f32::total_cmp);
        bench.save(0.5 * (scores[4] + scores[5]));
        bench
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn model(&self) -> PathBuf {
        self.folder.path().join("model.safetensors")
    }

    fn mask(&self, index: usize, size: (u32, u32)) {
        let mask = GrayImage::from_fn(size.0, size.1, |x, y| {
            [if is_spot(x, y) { 255 } else { 0 }].into()
        });
        let name = format!("ground_truth/spot/{index}_mask.png");
        mask.save(self.data().join(name)).unwrap();
    }

    fn save(&self, threshold: f32) {
        let model = Model {
            calibration: Some(Calibration {
                threshold,
                median: threshold - 0.01,
                false_positive_rate: 0.01,
                pixel_threshold: 0.5,
                pixel_median: 0.1,
                pictures: 3,
                method: Default::default(),
            }),
            ..common::small_model()
        };
        model.save(&self.model(), Storage::F32).unwrap();
    }

    fn scores(&self) -> Vec<f32> {
        let device = choose_device("cpu").unwrap().device;
        let mut detector = Detector::open(&self.model(), device, Precision::Auto).unwrap();
        let mut detection = Detection::default();
        let pictures = test_pictures(&self.data(), &Selection::default()).unwrap();
        let mut score = |rgb: igd::data::Picture| {
            let resized = rgb.resized(detector.input_size());
            detector
                .detect(&resized, rgb.size(), &mut detection)
                .unwrap();
            detection.score
        };
        let pictures = pictures.iter().map(|picture| picture.sample.open());
        pictures.map(|rgb| score(rgb.unwrap())).collect()
    }

    fn eval(&self, arguments: &[&str]) -> Output {
        let mut command = command(&[]);
        command
            .args(["eval", "--device", "cpu", "--model"])
            .arg(self.model())
            .arg("--data")
            .arg(self.data())
            .args(arguments);
        command.output().unwrap()
    }
}

fn is_spot(x: u32, y: u32) -> bool {
    (10..20).contains(&x) && (8..20).contains(&y)
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn metrics_of_a_set_with_masks() {
    let bench = Bench::new();
    let output = bench.eval(&["--json"]);
    let found = json(&output);
    for name in [
        "image_auroc",
        "image_average_precision",
        "pixel_auroc",
        "pixel_average_precision",
        "aupro",
    ] {
        let value = found[name].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&value), "{name}: {value}");
    }
    assert_eq!(found["pixel_pictures"], 9);
    assert_eq!(found["pixel_left_out"], 1);
    assert_eq!(found["pixel_regions"], 3);
    assert_eq!(found["false_positive_rate"]["pictures"], 6);
    assert_eq!(found["detection_rate"]["pictures"], 4);
    let terms = found["terms"].as_object().unwrap();
    let names: Vec<_> = terms.keys().collect();
    assert_eq!(names, ["local.gaussian", "local.reconstruction"]);
    let notes = text(&output.stderr);
    assert!(
        notes.contains("leave out 1 of the anomalous pictures"),
        "{notes}"
    );

    let lines = text(&bench.eval(&[]).stdout);
    for start in [
        "image AUROC ",
        "AUPRO to 30 % false positives ",
        "detection rate ",
    ] {
        assert!(lines.lines().any(|line| line.starts_with(start)), "{lines}");
    }
    assert!(!lines.contains("unknown"), "{lines}");
}

#[test]
fn a_mask_of_another_size_is_an_error_that_names_it() {
    let bench = Bench::new();
    bench.mask(1, (SIZE.1, SIZE.0));
    let output = bench.eval(&[]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(
        error.contains("ground_truth/spot/1_mask.png: the mask has 32x48"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_measured_is_null_and_told() {
    let bench = Bench::new();
    fs::remove_dir_all(bench.data().join("ground_truth")).unwrap();
    fs::remove_dir_all(bench.data().join("test/good")).unwrap();
    let output = bench.eval(&["--json"]);
    let found = json(&output);
    for name in [
        "image_auroc",
        "image_f1_max",
        "pixel_auroc",
        "aupro",
        "false_positive_rate",
    ] {
        assert!(found[name].is_null(), "{name}: {}", found[name]);
    }
    let notes = text(&output.stderr);
    for note in ["no normal pictures", "no masks"] {
        assert!(notes.contains(note), "{notes}");
    }
}

/// The page of a bench that stays as it is.
fn report() -> &'static Path {
    static REPORT: OnceLock<(Bench, PathBuf)> = OnceLock::new();
    let (_, page) = REPORT.get_or_init(|| {
        let bench = Bench::new();
        let page = bench.folder.path().join("report.html");
        let output = bench.eval(&["--report", page.to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
        (bench, page)
    });
    page
}

fn address() -> String {
    format!("file://{}", report().display())
}

#[test]
fn the_page_works_in_a_browser_and_asks_for_nothing() {
    let page = Opened::new(&address(), 1200, false);
    assert_eq!(
        page.value("document.querySelectorAll('.chart svg').length"),
        3
    );
    assert_eq!(
        page.value("document.querySelectorAll('.sortable tbody tr').length"),
        10
    );

    // Ten pictures, each with a verdict; of those that passed there are no pictures.
    let shown = "document.querySelectorAll('.gallery figure').length";
    let passed = "[...document.querySelectorAll('.sortable td')].filter(cell => cell.textContent === 'passed').length";
    assert_eq!(page.value(&format!("{shown} + {passed}")), 10);
    assert!(page.value(shown).as_i64() > Some(3));
    let pictures = "[...document.images].filter(image => image.naturalWidth === 48).length";
    assert_eq!(page.value(&format!("{pictures} - 3 * {shown}")), 0);

    let names = "[...document.querySelectorAll('.sortable .name')].map(cell => cell.textContent).join('\\n')";
    let odd = format!("test/good/{ODD_NAME}");
    let listed = page.value(names);
    assert!(listed.as_str().unwrap().contains(&odd), "{listed}");
    assert_eq!(
        page.value("document.querySelectorAll('img[src=x]').length"),
        0
    );

    assert!(page.saw_the_page());
    assert_eq!(page.requests(), [""; 0]);
    assert_eq!(page.complaints(), [""; 0]);
}

/// A column of the table as text.
fn column(page: &Opened, index: usize) -> Vec<String> {
    let cells = format!(
        "[...document.querySelectorAll('.sortable tbody tr')].map(row => row.cells[{index}].textContent).join('\\n')"
    );
    let text = page.value(&cells);
    text.as_str().unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_table_sorts_by_keyboard() {
    let page = Opened::new(&address(), 1200, false);
    let is_sorted = |index, descending: bool| {
        let cells = column(&page, index);
        let mut sorted = cells.clone();
        match index {
            2 => sorted.sort_by(|a, b| a.parse::<f32>().unwrap().total_cmp(&b.parse().unwrap())),
            _ => sorted.sort(),
        }
        if descending {
            sorted.reverse();
        }
        sorted == cells
    };
    let order = |index: usize| {
        page.value(&format!(
            "document.querySelectorAll('.sortable th')[{index}].getAttribute('aria-sort')"
        ))
    };
    assert!(is_sorted(2, true));
    for (index, key) in [(2, "Enter"), (1, "Enter"), (3, " "), (2, "Enter")] {
        page.value(&format!(
            "document.querySelectorAll('.sortable button')[{index}].focus()"
        ));
        page.press(key);
        assert_eq!(order(index), "ascending");
        assert!(is_sorted(index, false), "{:?}", column(&page, index));
        page.press(key);
        assert_eq!(order(index), "descending");
        assert!(is_sorted(index, true), "{:?}", column(&page, index));
    }
    assert!(order(1).is_null());
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn the_page_fits_a_phone() {
    let page = Opened::new(&address(), 320, true);
    for width in [320, 390] {
        page.resize(width, true);
        assert_eq!(page.value("window.innerWidth"), width);
        let wide = page.value("document.documentElement.scrollWidth");
        assert!(wide.as_u64() <= Some(u64::from(width)), "{wide}");
    }
}

#[test]
fn a_video_has_a_page_without_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let line =
        |frame: usize| format!("{{\"frame\":{frame},\"score\":0.{frame},\"threshold\":0.25}}\n");
    fs::write(path("lines"), (0..4).map(line).collect::<String>()).unwrap();
    fs::write(path("labels"), "good\ngood\nscratch\nscratch\n").unwrap();
    let output = command(&[])
        .args(["eval", "--json", "--lines"])
        .arg(path("lines"))
        .arg("--labels")
        .arg(path("labels"))
        .arg("--report")
        .arg(path("report.html"))
        .output()
        .unwrap();
    assert_eq!(json(&output)["image_auroc"], 1.0);
    let page = fs::read_to_string(path("report.html")).unwrap();
    assert!(page.contains("frame 3") && !page.contains("<img"));
}
