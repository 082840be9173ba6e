//! Versions of models over starts, and recipes that outputs ask for.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use igd::model::{Model, Revision, Storage};
use igd_serve::line::Refit;
use igd_serve::record::Mark;
use igd_serve::store::{Marked, Version};
use igd_serve::{Line, LineConfig};
use jiff::Timestamp;
use tch::Device;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::http::model::model;
use crate::page::bench::{Bench, DEFECTIVE, ORDINARY, Plate, UNUSUAL};

const CAMERA: &str = "[cameras.left]\nrecipe = 'one'\n\
                      source = 'videotestsrc is-live=true ! video/x-raw,width=64,height=64,framerate=5/1'\n";

/// A line with a camera; it ends with this.
struct Started {
    line: Arc<Line>,
    _runtime: Runtime,
}

impl Started {
    /// `recipe` follows the model of the recipe `one`.
    fn at(folder: &Path, recipe: &str) -> Self {
        let text =
            format!("name = 'test'\n[recipes.one]\nmodel = 'one.safetensors'\n{recipe}\n{CAMERA}");
        let config = LineConfig::parse(&text, folder).unwrap();
        let runtime = Runtime::new().unwrap();
        Self {
            line: Line::start(config, runtime.handle()).unwrap(),
            _runtime: runtime,
        }
    }

    fn versions(&self) -> Vec<Version> {
        self.line.recipes().unwrap().remove(0).versions
    }

    fn active(&self) -> Version {
        let mut versions = self.versions().into_iter();
        versions.find(|version| version.active).unwrap()
    }

    /// Adds one that marks could have made, which judges from then on.
    fn accept(&self) -> PathBuf {
        let name = format!("one-{}.safetensors", Uuid::now_v7());
        let file = self.active().file.with_file_name(name);
        calibrate(&file, 0.7);
        fs::write(file.with_extension("scores.json"), "{}").unwrap();
        let version = Version {
            recipe: "one".into(),
            number: 0,
            file: file.clone(),
            created: Timestamp::now(),
            revision: Some(Revision::default()),
            taught: None,
            threshold: None,
            active: false,
        };
        let number = self.line.store().add_version(&version).unwrap();
        self.line.activate("one", number, "a test").unwrap();
        file
    }

    /// Texts of its events of a kind, the oldest first.
    fn events(&self, kind: &str) -> Vec<String> {
        let events = self.line.store().events(1000).unwrap().into_iter().rev();
        let of_kind = events.filter(|event| event.kind == kind);
        of_kind.map(|event| event.text).collect()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.line.stop();
    }
}

#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}: never");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Writes a model that tells itself from those of other thresholds.
fn calibrate(path: &Path, threshold: f32) {
    let mut model = Model::open(model(), Device::Cpu).unwrap();
    model.calibration.as_mut().unwrap().threshold = threshold;
    model.save(path, Storage::F32).unwrap();
}

/// With the configuration's model.
fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let configured = folder.path().join("one.safetensors");
    calibrate(&configured, 0.9);
    (folder, configured)
}

#[test]
fn what_was_accepted_goes_on_until_the_configuration_s_file_is_another_one() {
    let (folder, configured) = folder();
    let bytes = fs::read(&configured).unwrap();
    let line = Started::at(folder.path(), "");
    assert_eq!((line.active().number, line.active().revision), (1, None));
    line.accept();
    drop(line);

    let line = Started::at(folder.path(), "");
    assert_eq!((line.active().number, line.versions().len()), (2, 2));
    assert_eq!(line.events("version").len(), 1);
    drop(line);

    // Another file at the same path; the first version stays what it was.
    calibrate(&configured, 0.8);
    let line = Started::at(folder.path(), "");
    assert_eq!((line.active().number, line.versions().len()), (3, 3));
    assert_eq!(line.line.cameras()[0].version, 3);
    let first = Model::open(&line.versions()[0].file, Device::Cpu).unwrap();
    assert_eq!(first.calibration.unwrap().threshold, 0.9);
    let told = line.events("version");
    let text = format!("version 3 judges from now on: {}", configured.display());
    assert!(told.len() == 2 && told[1].starts_with(&text), "{told:?}");
    drop(line);

    fs::write(&configured, bytes).unwrap();
    let line = Started::at(folder.path(), "");
    assert_eq!((line.active().number, line.versions().len()), (1, 3));
    drop(line);

    // Copies are enough once they are made.
    fs::remove_file(&configured).unwrap();
    let line = Started::at(folder.path(), "");
    assert_eq!((line.active().number, line.versions().len()), (1, 3));
}

#[test]
fn a_threshold_of_the_configuration_holds_until_another_one_is_set() {
    let (folder, _) = folder();
    let threshold = |recipe: &str| {
        let line = Started::at(folder.path(), recipe);
        (line.active().threshold, line.events("threshold").len())
    };
    assert_eq!(threshold("threshold = 0.5"), (Some(0.5), 0));
    let line = Started::at(folder.path(), "threshold = 0.5");
    line.line.set_threshold("one", Some(0.6), "a test").unwrap();
    line.line.activate("one", 2, "a test").unwrap_err();
    drop(line);
    assert_eq!(threshold("threshold = 0.5"), (Some(0.6), 1));
    assert_eq!(threshold("threshold = 0.25"), (Some(0.25), 2));
    assert_eq!(threshold(""), (None, 3));
}

#[test]
fn models_that_no_version_names_are_removed_and_those_of_others_stay() {
    let (folder, _) = folder();
    let line = Started::at(folder.path(), "");
    let accepted = line.accept();
    let kept = [
        line.versions()[0].file.clone(),
        accepted.with_extension("scores.json"),
        accepted.with_file_name("of-a-user.safetensors"),
        accepted.with_file_name(".igd-of-a-user.safetensors-a1b2c3"),
        accepted.clone(),
    ];
    let left = format!("one-{}", Uuid::now_v7());
    let left = [
        format!("{left}.safetensors"),
        format!("{left}.scores.json"),
        format!(".igd-{left}.safetensors-a1b2c3"),
    ]
    .map(|name| accepted.with_file_name(name));
    kept[2..4]
        .iter()
        .chain(&left)
        .for_each(|file| fs::write(file, "").unwrap());
    drop(line);
    let _line = Started::at(folder.path(), "");
    for file in kept {
        assert!(file.exists(), "{}", file.display());
    }
    for file in left {
        assert!(!file.exists(), "{}", file.display());
    }
}

#[test]
fn of_recipes_that_an_output_asks_for_the_last_holds() {
    let (folder, _) = folder();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    drop(listener);
    let line = Started::at(
        folder.path(),
        &format!(
            "[recipes.two]\nmodel = 'one.safetensors'\n[outputs.modbus]\nlisten = '{address}'"
        ),
    );
    let mut client = TcpStream::connect(address).unwrap();
    for _ in 0..3 {
        for number in (0..20).map(|write| 1 + write % 2) {
            client
                .write_all(&[0, 0, 0, 0, 0, 6, 1, 6, 0, 0, 0, number])
                .unwrap();
            let mut answer = [0; 12];
            client.read_exact(&mut answer).unwrap();
            assert_eq!(answer[7], 6);
        }
        // One that comes out of order comes within a second, or the next round has it.
        let (start, mut since) = (Instant::now(), Instant::now());
        while since.elapsed() < Duration::from_secs(1) {
            assert!(start.elapsed() < Duration::from_secs(60), "no recipe two");
            if line.line.cameras()[0].recipe != "two" {
                since = Instant::now();
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
    assert_eq!(line.events("recipe-refused"), [""; 0]);
}

#[test]
#[ignore = "long, half a minute; .ci/run runs it"]
fn marks_make_a_better_model_that_judges_once_it_is_accepted() {
    let bench = Bench::open("");
    let plate = || {
        let recipes = bench.line.recipes().unwrap().into_iter();
        recipes.last().unwrap()
    };
    let all = ORDINARY + DEFECTIVE + UNUSUAL;
    until("all plates have passed", || bench.parts().len() >= all);
    for part in bench.parts().into_iter().rev().take(all) {
        let mark = match bench.plate(&part.record) {
            Plate::Defective => Mark::Bad,
            Plate::Unusual => Mark::Good,
            Plate::Ordinary => continue,
        };
        let mark = Marked {
            mark,
            area: None,
            by: "a test".into(),
            time: Timestamp::now(),
        };
        bench.line.store().mark(part.record.id, Some(mark)).unwrap();
    }
    bench.line.refit("plate", "a test").unwrap();
    bench.line.refit("plate", "a test").unwrap_err();
    until("it is refitted", || {
        !matches!(plate().refit, Refit::Running { .. })
    });
    let Refit::Proposed { lines, changes } = plate().refit else {
        panic!("{:?}", plate().refit);
    };
    assert!(!lines.is_empty() && !changes.is_empty(), "{lines:?}");
    bench.line.decide_refit("plate", true, "a test").unwrap();
    let recipe = plate();
    assert_eq!((recipe.refit, recipe.versions.len()), (Refit::None, 2));
    assert!(recipe.versions[1].active && recipe.versions[1].revision.is_some());
    assert_eq!(bench.line.cameras()[0].version, 2);
    let scores = bench.line.scores("plate").unwrap();
    assert_eq!(scores.marked_bad.len(), recipe.marked_bad);
    assert!(!scores.good.is_empty() && recipe.marked_bad > 0);
}

#[test]
fn a_refit_that_fails_says_why_and_leaves_nothing() {
    let (folder, _) = folder();
    let line = Started::at(folder.path(), "");
    let refit = || line.line.recipes().unwrap().remove(0).refit;
    // Nothing is marked.
    line.line.refit("one", "a test").unwrap();
    until("it is refused", || matches!(refit(), Refit::Refused { .. }));
    line.line.decide_refit("one", true, "a test").unwrap_err();
    line.line.decide_refit("one", false, "a test").unwrap();
    assert_eq!(refit(), Refit::None);
    line.line.decide_refit("one", false, "a test").unwrap_err();
    let models = line.active().file;
    let files = fs::read_dir(models.parent().unwrap()).unwrap();
    assert_eq!(files.count(), 1);
}
