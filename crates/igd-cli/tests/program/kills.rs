//! SIGKILL at random moments of all that writes a file over minutes or in one go: what was lost, and what was left.
//! `IGD_KILLS` is how many there are of each in `tests/long`, 100 unless set.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::network::has_weights;
use crate::common::textures;
use crate::element::model::models;
use crate::element::plugin::{unlimited, within};
use crate::program::{
    assert_same_models, checkpoint, command, files, finish, kill, some_pictures, train_single,
    wait_for,
};
use fastrand::Rng;
use igd::model::{Model, read_tensors};
use serde_json::Value;
use tch::Device;
use tempfile::TempDir;

/// In `tests/run`.
const FEW: usize = 1;

fn many() -> usize {
    env::var("IGD_KILLS").map_or(100, |count| count.parse().unwrap())
}

/// What kills have come to.
#[derive(Debug, Default)]
struct Figures {
    kills: usize,
    /// How often it had ended before it was killed.
    ended: usize,
    /// How often a temporary file was left, whatever swept it later.
    left_overs: usize,
    /// What was lost each time, in a unit of each test's own, where that is measured.
    lost: Vec<f64>,
}

impl Figures {
    /// Of what was lost; 0 where that was not measured.
    fn median(&mut self) -> f64 {
        self.lost.sort_by(f64::total_cmp);
        let middle = self.lost.get(self.lost.len() / 2);
        middle.copied().unwrap_or_default()
    }

    fn print(&mut self, what: &str) {
        let median = self.median();
        let Self {
            kills,
            ended,
            left_overs,
            lost,
        } = self;
        println!(
            "{what}: {kills} kills, {ended} runs ended before; {left_overs} times a temporary file was left"
        );
        if let Some(most) = lost.last() {
            println!("  lost: {median:.1} (median), {most:.1} at most");
        }
    }
}

/// Runs a command and kills it at a random moment of so long a time; whether it was killed.
fn killed(command: &mut Command, within: Duration, random: &mut Rng) -> bool {
    let mut child = quiet(command);
    thread::sleep(within.mul_f64(random.f64()));
    if let Some(status) = child.try_wait().unwrap() {
        assert!(status.success() || status.code() == Some(3), "{status}");
        return false;
    }
    kill(child);
    true
}

fn quiet(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// What it takes when nobody kills it.
fn time(command: &mut Command) -> Duration {
    let start = Instant::now();
    finish(command);
    start.elapsed()
}

fn temporary_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(".igd-"))
        .map(|entry| entry.path())
        .collect()
}

/// The rows of a log that are whole, as steps.
fn logged_steps(log: &Path) -> usize {
    let text = fs::read_to_string(log.join("losses.csv")).unwrap_or_default();
    let rows = text.split_inclusive('\n').skip(1);
    rows.filter(|row| row.ends_with('\n')).count()
}

fn saved_steps(checkpoint: &Path) -> usize {
    if !checkpoint.exists() {
        return 0;
    }
    let (header, _) = read_tensors(checkpoint).unwrap();
    let progress: Value = serde_json::from_str(&header["progress"]).unwrap();
    progress["steps"].as_u64().unwrap() as usize
}

fn trainings(kills: usize) {
    let folder = tempfile::tempdir().unwrap();
    let data = some_pictures(folder.path(), 16, 32);
    let whole = folder.path().join("whole.safetensors");
    let train = |out: &Path, more: &[&str]| {
        let mut command = train_single(&data, out, &["--epochs", "8", "--checkpoint-seconds", "0"]);
        command.args(more);
        command
    };
    let within = time(&mut train(&whole, &[]));
    let mut random = Rng::with_seed(1);
    let mut figures = Figures::default();
    while figures.kills < kills {
        let place = tempfile::tempdir().unwrap();
        let [out, log] = ["m.safetensors", "log"].map(|name| place.path().join(name));
        let again = || {
            let mut command = train(&out, &["--resume"]);
            command.arg("--log").arg(&log);
            command
        };
        while figures.kills < kills && killed(&mut again(), within, &mut random) {
            figures.kills += 1;
            figures.left_overs += temporary_files(place.path()).len().min(1);
            // Killed after the model was written and before its checkpoint was removed, it has lost nothing.
            if out.exists() {
                Model::open(&out, Device::Cpu).unwrap();
            } else {
                let (logged, saved) = (logged_steps(&log), saved_steps(&checkpoint(&out)));
                figures.lost.push(logged.saturating_sub(saved) as f64 / 3.0);
            }
        }
        figures.ended += usize::from(out.exists());
        finish(&mut again());
        assert_same_models(&whole, &out);
        assert!(files(place.path(), &["m.safetensors", "log"]).is_empty());
    }
    // Where a checkpoint takes more than a twentieth of these short epochs, as on a busy machine, several have one
    // together.
    let median = figures.median();
    assert!(median <= 1.0, "{median} epochs are lost in the median");
    figures.print("a training, in epochs");
}

/// The ordinary run has `interruptions::killed_at_any_moment`.
#[test]
#[ignore = "long"]
fn of_a_training_many() {
    trainings(many());
}

/// How many pictures the fit has kept.
fn fitted(state: &Path) -> usize {
    if !state.exists() {
        return 0;
    }
    let (header, _) = read_tensors(state).unwrap();
    let seen: Value = serde_json::from_str(&header["seen"]).unwrap();
    seen["fitted"].as_array().unwrap().len()
}

fn fits(kills: usize) {
    if !has_weights() {
        return;
    }
    const PICTURES: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("good");
    textures::write(&data, 0..PICTURES, (256, 256));
    let [whole, out] =
        ["whole.safetensors", "place/m.safetensors"].map(|name| folder.path().join(name));
    let place = out.parent().unwrap();
    let state = place.join("m.safetensors.fit");
    let fit = |out: &Path| {
        let mut command = command(&[
            "train",
            "--input",
            "128",
            "--dimensions",
            "16",
            "--hold-out",
            "0.1",
        ]);
        command.args(["--keep", "--resume", "--checkpoint-seconds", "0"]);
        command.arg("--data").arg(&data).arg("--out").arg(out);
        command
    };
    let within = time(&mut fit(&whole));
    // One that is there, and must be until the new one is.
    let old = fs::read(&models().global_only).unwrap();
    fs::create_dir(place).unwrap();
    let mut random = Rng::with_seed(2);
    let mut figures = Figures::default();
    while figures.kills < kills {
        let _ = fs::remove_file(&state);
        fs::write(&out, &old).unwrap();
        let mut before = 0;
        while figures.kills < kills && killed(&mut fit(&out), within, &mut random) {
            figures.kills += 1;
            figures.left_overs += temporary_files(place).len().min(1);
            Model::open(&out, Device::Cpu).unwrap();
            let now = fitted(&state);
            assert!(now >= before);
            before = now;
        }
        finish(&mut fit(&out));
        figures.ended += 1;
        assert_same_models(&whole, &out);
        assert_eq!(
            fitted(&state),
            fitted(&folder.path().join("whole.safetensors.fit"))
        );
        assert!(temporary_files(place).is_empty());
    }
    figures.print("a dense fit");
}

#[test]
#[ignore = "long"]
fn of_a_dense_fit_many() {
    fits(many());
}

/// A model to calibrate anew, and the command that does.
struct Calibrating {
    folder: TempDir,
    model: PathBuf,
    data: PathBuf,
}

impl Calibrating {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = some_pictures(folder.path(), 12, 64);
        let model = folder.path().join("place/m.safetensors");
        fs::create_dir(model.parent().unwrap()).unwrap();
        fs::copy(&models().both, &model).unwrap();
        Self {
            folder,
            model,
            data,
        }
    }

    fn command(&self) -> Command {
        let mut command = command(&["calibrate"]);
        command.arg("--model").arg(&self.model);
        command.arg("--data").arg(&self.data);
        command
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("place")
    }

    /// The thresholds; the model must be whole.
    fn calibration(&self) -> String {
        let model = Model::open(&self.model, Device::Cpu).unwrap();
        format!("{:?}", model.calibration.unwrap())
    }
}

fn calibrations(kills: usize) {
    let place = Calibrating::new();
    let old = place.calibration();
    let within = time(&mut place.command());
    let new = place.calibration();
    assert_ne!(old, new);
    let mut random = Rng::with_seed(3);
    let mut figures = Figures::default();
    while figures.kills < kills {
        fs::copy(&models().both, &place.model).unwrap();
        match killed(&mut place.command(), within, &mut random) {
            true => figures.kills += 1,
            false => figures.ended += 1,
        }
        figures.left_overs += temporary_files(&place.place()).len().min(1);
        let found = place.calibration();
        assert!(found == old || found == new);
    }
    figures.print("a calibration");
}

#[test]
#[ignore = "long"]
fn of_a_calibration_many() {
    calibrations(many());
}

/// Not at any moment: in the milliseconds in which the file is written.
fn saves(kills: usize) {
    let place = Calibrating::new();
    let old = place.calibration();
    finish(&mut place.command());
    let new = place.calibration();
    let mut random = Rng::with_seed(4);
    let (mut figures, mut replaced) = (Figures::default(), 0);
    while figures.kills < kills {
        fs::copy(&models().both, &place.model).unwrap();
        for left in temporary_files(&place.place()) {
            fs::remove_file(left).unwrap();
        }
        let mut child = quiet(&mut place.command());
        // On a busy machine it may be over before it is seen.
        while temporary_files(&place.place()).is_empty() && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_micros(200));
        }
        thread::sleep(Duration::from_micros(random.u64(0..4000)));
        if child.try_wait().unwrap().is_some() {
            figures.ended += 1;
            continue;
        }
        kill(child);
        figures.kills += 1;
        figures.left_overs += temporary_files(&place.place()).len().min(1);
        let found = place.calibration();
        assert!(found == old || found == new);
        replaced += usize::from(found == new);
    }
    figures.print("a model's save");
    println!("  {replaced} times the new model was there already, else the old one");
}

#[test]
fn of_a_models_save() {
    saves(FEW);
}

#[test]
#[ignore = "long"]
fn of_a_models_save_many() {
    saves(many());
}

/// How many frames of a recording can be read in so many seconds: a player waits for ever for a picture in a file that
/// has none. `None` where there is no frame.
fn readable_frames(recording: &Path, seconds: u32) -> Option<usize> {
    let mut play = within(seconds, "gst-launch-1.0");
    play.args(["-v", "filesrc"])
        .arg(format!("location={}", recording.display()));
    play.args([
        "!",
        "matroskademux",
        "!",
        "h264parse",
        "!",
        "avdec_h264",
        "!",
    ]);
    play.args(["identity", "silent=false", "!", "fakesink"])
        .env("G_DEBUG", "");
    let output = play.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let frames = said
        .lines()
        .filter(|line| line.contains("chain   "))
        .count();
    (frames > 0).then_some(frames)
}

/// Through igdgate to files of a second each, as `splitmuxsink` and a muxer that needs no end write them.
fn recordings(kills: usize) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Rng::with_seed(5);
    let mut figures = Figures::default();
    for number in 0..kills {
        let place = folder.path().join(number.to_string());
        fs::create_dir(&place).unwrap();
        let mut record = unlimited("gst-launch-1.0");
        record.args(["-q", "videotestsrc", "is-live=true", "num-buffers=500", "!"]);
        record.args([
            "video/x-raw,format=I420,width=64,height=48,framerate=25/1",
            "!",
        ]);
        record
            .arg("igdfilter")
            .arg(format!("model={}", models().global_only.display()));
        record.args([
            "threshold=0.000001",
            "overlay=none",
            "!",
            "igdgate",
            "pre-roll=200000000",
            "!",
        ]);
        record.args([
            "x264enc",
            "tune=zerolatency",
            "speed-preset=ultrafast",
            "key-int-max=25",
            "!",
        ]);
        record.args([
            "h264parse",
            "!",
            "splitmuxsink",
            "muxer=matroskamux",
            "async-handling=true",
        ]);
        record.args(["max-size-time=1000000000"]);
        record.arg(format!("location={}", place.join("%03d.mkv").display()));
        record.env("G_DEBUG", "");
        let mut child = quiet(&mut record);
        let size = || {
            let entries = fs::read_dir(&place).unwrap().map(Result::unwrap);
            entries
                .map(|entry| entry.metadata().unwrap().len())
                .sum::<u64>()
        };
        wait_for(&mut child, || size() > 0);
        thread::sleep(Duration::from_secs(3).mul_f64(random.f64()));
        kill(child);
        figures.kills += 1;
        let mut names: Vec<_> = fs::read_dir(&place)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        names.sort();
        let last = names.pop().unwrap();
        for whole in names {
            let frames = readable_frames(&whole, 60);
            assert!(
                frames.is_some_and(|frames| frames >= 24),
                "{whole:?}: {frames:?}"
            );
        }
        // All of the last one but what had not been written: bytes wait for a cluster, or a buffer, to be full.
        figures.lost.push(if readable_frames(&last, 3).is_some() {
            0.0
        } else {
            1.0
        });
    }
    figures.print("a gate's recording, in last files of which nothing can be read");
}

#[test]
fn of_a_gates_recording() {
    recordings(FEW);
}

#[test]
#[ignore = "long"]
fn of_a_gates_recording_many() {
    recordings(many());
}
