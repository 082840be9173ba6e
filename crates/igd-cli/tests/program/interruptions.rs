//! Trainings that are killed, stopped, or have no room for their files, and go on.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::program::{
    assert_same_models, checkpoint, failure, files, finish, kill, pictures, train, train_single,
    wait_for,
};
use igd::model::read_tensors;
use tempfile::TempDir;

const EPOCHS: [&str; 2] = ["--epochs", "6"];
const STEPS: usize = 18;

/// A folder with the pictures of all, and the model of an undisturbed training, which every one that was disturbed must
/// come to.
struct Undisturbed {
    _folder: TempDir,
    data: PathBuf,
    model: PathBuf,
}

fn undisturbed() -> &'static Undisturbed {
    static UNDISTURBED: OnceLock<Undisturbed> = OnceLock::new();
    UNDISTURBED.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let data = pictures(folder.path(), 32);
        let [model, log] = ["model.safetensors", "log"].map(|name| folder.path().join(name));
        finish(train_single(&data, &model, &EPOCHS).args([Path::new("--log"), &log]));
        assert_eq!(steps(&log), (1..=STEPS).collect::<Vec<_>>());
        Undisturbed {
            _folder: folder,
            data,
            model,
        }
    })
}

/// A folder with the model file of a training to be disturbed.
struct Place {
    folder: TempDir,
    parts: PathBuf,
    log: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            parts: folder.path().join("parts.safetensors"),
            log: folder.path().join("log"),
            folder,
        }
    }

    fn train(&self, more: &[&str]) -> Command {
        let mut command = train_single(&undisturbed().data, &self.parts, &EPOCHS);
        command.args([Path::new("--log"), &self.log]).args(more);
        command
    }

    fn spawn(&self, more: &[&str]) -> Child {
        let mut command = self.train(more);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Sends a signal after so many steps.
    fn stop(&self, signal: &str, after: usize) -> Output {
        let mut child = self.spawn(&["--resume"]);
        wait_for(&mut child, || steps(&self.log).len() >= after);
        send(signal, &child);
        child.wait_with_output().unwrap()
    }

    /// The steps in the checkpoint.
    fn saved_steps(&self) -> u64 {
        let (header, _) = read_tensors(&checkpoint(&self.parts)).unwrap();
        let progress: serde_json::Value = serde_json::from_str(&header["progress"]).unwrap();
        progress["steps"].as_u64().unwrap()
    }

    /// Files that were to be renamed, or removed.
    fn left_overs(&self) -> Vec<String> {
        files(self.folder.path(), &["log", "parts"])
    }

    /// What was disturbed has come to what was not.
    fn assert_same(&self) {
        assert_same_models(&undisturbed().model, &self.parts);
        assert_eq!(steps(&self.log), (1..=STEPS).collect::<Vec<_>>());
        assert!(self.left_overs().is_empty() && !checkpoint(&self.parts).exists());
    }
}

fn send(signal: &str, child: &Child) {
    let status = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// The steps that the log has rows of, whole ones.
fn steps(log: &Path) -> Vec<usize> {
    let text = fs::read_to_string(log.join("losses.csv")).unwrap_or_default();
    text.split_inclusive('\n')
        .skip(1)
        .filter(|row| row.ends_with('\n'))
        .map(|row| row.split(',').nth(2).unwrap().parse().unwrap())
        .collect()
}

#[test]
fn killed_at_any_moment() {
    let place = Place::new();
    let mut child = place.spawn(&[]);
    wait_for(&mut child, || checkpoint(&place.parts).exists());
    kill(child);
    for after in [STEPS / 3, 2 * STEPS / 3] {
        let before = place.saved_steps();
        let mut child = place.spawn(&["--resume"]);
        wait_for(&mut child, || steps(&place.log).len() >= after);
        kill(child);
        assert!(place.saved_steps() >= before);
    }
    finish(&mut place.train(&["--resume"]));
    place.assert_same();
}

/// The file that is being written then is not the checkpoint yet.
#[test]
fn killed_while_it_writes_a_checkpoint() {
    let place = Place::new();
    // Not the first one, before which there is nothing to go on from.
    let is_writing = || {
        let left = place.left_overs();
        checkpoint(&place.parts).exists() && left.iter().any(|name| name.contains("checkpoint"))
    };
    // It may have been written before the signal comes.
    let was_hit = (0..20).any(|_| {
        let mut child = place.spawn(&["--resume"]);
        wait_for(&mut child, is_writing);
        kill(child);
        is_writing()
    });
    assert!(was_hit && place.saved_steps() < STEPS as u64);
    finish(&mut place.train(&["--resume"]));
    place.assert_same();
}

#[test]
fn stopped_by_signals_it_tells_how_to_go_on() {
    let place = Place::new();
    let mut last = String::new();
    for (signal, status, after) in [("-INT", 130, STEPS / 3), ("-TERM", 143, 2 * STEPS / 3)] {
        let output = place.stop(signal, after);
        assert_eq!(output.status.code(), Some(status));
        // Nothing is lost.
        assert_eq!(place.saved_steps() as usize, steps(&place.log).len());
        let said = String::from_utf8(output.stderr).unwrap();
        last = said.lines().last().unwrap().to_owned();
    }
    let command = last.strip_prefix("igd: stopped; go on with: ").unwrap();
    assert!(command.contains(" --resume"), "{command}");
    finish(
        Command::new("sh")
            .args(["-c", command])
            .env("OMP_NUM_THREADS", "1"),
    );
    place.assert_same();
}

/// In a long step, at whose end the first signal would have been noticed.
#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path(), 64);
    let out = folder.path().join("m.safetensors");
    let long = [
        "--scales",
        "local",
        "--width",
        "32",
        "--patch-batch",
        "2700",
    ];
    let mut child = train(&data, &out, &long)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    said.find(|line| line.as_ref().unwrap().contains("training the local"));
    send("-INT", &child);
    std::thread::sleep(Duration::from_millis(200));
    assert!(child.try_wait().unwrap().is_none());
    send("-INT", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // At the step's end it would have written one, and said so.
    assert!(!checkpoint(&out).exists() && said.next().is_none());
}

/// Files above a limit cannot be written, as on a full disk.
fn limited(command: &Command, blocks: u32) -> Command {
    let mut limited = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    limited
        .args(["-c", &script, "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .env("OMP_NUM_THREADS", "1");
    limited
}

#[test]
fn a_full_disk_costs_nothing_that_is_saved() {
    let place = Place::new();
    place.stop("-INT", STEPS / 3);
    let saved = fs::read(checkpoint(&place.parts)).unwrap();
    // Not the log, which is to be whole in the end.
    let resume = || {
        train_single(
            &undisturbed().data,
            &place.parts,
            &[&EPOCHS[..], &["--resume"]].concat(),
        )
    };
    let output = limited(&resume(), 16).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let warnings = said.matches("no checkpoint could be written: ").count();
    assert_eq!(warnings, 1, "{said}");
    let last = failure(output);
    assert!(
        last.contains("parts.safetensors: ") && last.contains("again with --resume"),
        "{last}"
    );
    assert!(!place.parts.exists() && place.left_overs().is_empty());
    assert!(fs::read(checkpoint(&place.parts)).unwrap() == saved);
    finish(&mut place.train(&["--resume"]));
    place.assert_same();
}

#[test]
fn a_model_that_could_not_be_written_is_not_trained_again() {
    let place = Place::new();
    let mut child = place.spawn(&[]);
    wait_for(&mut child, || checkpoint(&place.parts).exists());
    // No file can take the place of a folder.
    fs::create_dir(&place.parts).unwrap();
    let last = failure(child.wait_with_output().unwrap());
    assert!(last.contains("again with --resume"), "{last}");
    assert_eq!(place.saved_steps() as usize, STEPS);
    fs::remove_dir(&place.parts).unwrap();
    let rows = fs::read(place.log.join("losses.csv")).unwrap();
    finish(&mut place.train(&["--resume"]));
    // Each row has its time.
    assert!(fs::read(place.log.join("losses.csv")).unwrap() == rows);
    place.assert_same();
}

/// Wherever it is to be written now, and whatever the checkpoint is called.
#[test]
fn another_path_goes_on_from_the_same_checkpoint() {
    let place = Place::new();
    place.stop("-INT", STEPS / 3);
    let saved = place.saved_steps() as usize;
    let renamed = place.folder.path().join("log/kept.bin");
    fs::copy(checkpoint(&place.parts), &renamed).unwrap();
    for from in [&place.parts, &renamed] {
        let other = Place::new();
        finish(&mut other.train(&["--resume", from.to_str().unwrap()]));
        assert_same_models(&undisturbed().model, &other.parts);
        // It has trained the rest alone.
        assert_eq!(steps(&other.log), (saved + 1..=STEPS).collect::<Vec<_>>());
        // What was named stays.
        assert!(from == &place.parts || from.exists());
        assert_eq!(place.saved_steps() as usize, saved);
    }
}

#[test]
fn where_there_is_no_checkpoint_it_says_so() {
    let place = Place::new();
    let nowhere = place.folder.path().join("nowhere");
    let last = failure(
        place
            .train(&["--resume", nowhere.to_str().unwrap()])
            .output()
            .unwrap(),
    );
    assert!(
        last.contains("nowhere: there is no checkpoint of such a training"),
        "{last}"
    );
    // Nor is a model one.
    let model = undisturbed().model.to_str().unwrap();
    let last = failure(place.train(&["--resume", model]).output().unwrap());
    assert!(last.contains("there is no checkpoint"), "{last}");
    assert!(!place.parts.exists());
    let said = finish(&mut place.train(&["--resume"])).stderr;
    let said = String::from_utf8(said).unwrap();
    assert!(
        said.contains("no checkpoint of such a training beside it, so it starts anew"),
        "{said}"
    );
    place.assert_same();
    // One that is not to go on says nothing of the kind.
    let said = finish(&mut place.train(&[])).stderr;
    assert!(!String::from_utf8(said).unwrap().contains("checkpoint"));
}

#[test]
fn minutes_that_are_spent_count() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path(), 32);
    let (out, log) = (
        folder.path().join("m.safetensors"),
        folder.path().join("log"),
    );
    let train = || {
        let mut command = train_single(&data, &out, &["--minutes", "0.05", "--resume"]);
        command.args([Path::new("--log"), &log]);
        command
    };
    // To the second half of the three seconds.
    let mut child = train().stderr(Stdio::null()).spawn().unwrap();
    let seconds = || {
        let text = fs::read_to_string(log.join("losses.csv")).unwrap_or_default();
        let row = text.split_inclusive('\n').rfind(|row| row.ends_with('\n'));
        let field = row.and_then(|row| row.split(',').nth(3)?.parse::<f64>().ok());
        field.unwrap_or_default()
    };
    wait_for(&mut child, || seconds() > 1.6);
    send("-INT", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let spent = seconds();
    finish(&mut train());
    // Three in all, not three more.
    assert!(
        spent > 1.6 && (2.8..spent + 3.0).contains(&seconds()),
        "{spent} and {}",
        seconds()
    );
    let rows = steps(&log);
    assert!(rows.is_sorted_by(|one, next| one < next), "{rows:?}");
}
