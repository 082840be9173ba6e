//! Every file that a command writes, on a disk that is full, and on one that is mounted read-only: an error that names
//! the file, what is wrong and what to do; and what was there stays as it was. `tests/run` has the full ones.

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::common::network::has_weights;
use crate::common::{golden::Golden, small_model, textures};
use crate::element::init;
use crate::element::plugin::program;
use crate::program::{command, some_pictures, train_single};
use igd::model::{Storage, write_tensors};
use tempfile::TempDir;
use walkdir::WalkDir;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Disk {
    Full,
    ReadOnly,
}
use Disk::*;

/// Mounts a small disk of its own for a command, with what is to lie there before, runs it, and copies away what lies
/// there then: disk, before, after, state, command.
const SCRIPT: &str = r#"
set -e
disk=$1 before=$2 after=$3 state=$4
shift 4
mount -t tmpfs -o size=2m none "$disk"
cp -a "$before/." "$disk"
case $state in
  Full) cat /dev/zero >"$disk/filler" 2>/dev/null || true ;;
  ReadOnly) mount -o remount,ro "$disk" ;;
esac
status=0
"$@" || status=$?
cp -a "$disk/." "$after"
rm -f "$after/filler"
exit "$status"
"#;

/// A place for a disk, and what is to lie there.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["disk", "before"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    /// Where something lies that is on the disk.
    fn on_disk(&self, name: &str) -> PathBuf {
        self.folder.path().join("disk").join(name)
    }

    /// The same before the disk is mounted.
    fn before(&self, name: &str) -> PathBuf {
        self.folder.path().join("before").join(name)
    }

    /// Runs a command there, and checks that what lay there lies there as it was, and nothing else but empty folders.
    #[track_caller]
    fn run(&self, disk: Disk, command: &Command) -> Output {
        let after = tempfile::tempdir().unwrap();
        let mut confined = Command::new("unshare");
        confined.args([
            "--user",
            "--map-root-user",
            "--mount",
            "bash",
            "-c",
            SCRIPT,
            "-",
        ]);
        confined.arg(self.on_disk("")).arg(self.before(""));
        confined.arg(after.path()).arg(format!("{disk:?}"));
        confined.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => confined.env(name, value),
                None => confined.env_remove(name),
            };
        }
        let output = confined.stdin(Stdio::null()).output().unwrap();
        assert_eq!(
            contents(&self.before("")),
            contents(after.path()),
            "{output:?}"
        );
        output
    }

    /// The same of one that fails: its last line.
    #[track_caller]
    fn assert_fails(&self, disk: Disk, command: &Command, file: &str) {
        let output = self.run(disk, command);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{disk:?}: {said}");
        assert_told(disk, said.lines().last().unwrap(), &self.on_disk(file));
    }
}

#[track_caller]
fn assert_told(disk: Disk, line: &str, file: &Path) {
    let (wrong, advice) = match disk {
        Full => ("No space left on device", "make room there"),
        ReadOnly => (
            "Read-only file system",
            "choose a place that you may write to",
        ),
    };
    for part in [file.to_str().unwrap(), wrong, advice] {
        assert!(line.contains(part), "{disk:?}: no `{part}` in `{line}`");
    }
    // The name of a temporary file helps nobody.
    assert!(!line.contains(".igd-"), "{line}");
}

/// The files below a folder, and what is in them.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = WalkDir::new(folder).into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            let name = entry.path().strip_prefix(folder).unwrap().to_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// Whether disks may be mounted here: in containers that is not so everywhere.
fn can_mount() -> bool {
    let mut command = Command::new("unshare");
    command.args([
        "--user",
        "--map-root-user",
        "--mount",
        "mount",
        "-t",
        "tmpfs",
        "none",
        "/mnt",
    ]);
    let can = command.output().is_ok_and(|output| output.status.success());
    if !can {
        assert!(env::var_os("CI").is_none(), "no disk may be mounted here");
        let _ = writeln!(io::stderr(), "skipped: no disk may be mounted here");
    }
    can
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn models_stay_as_they_were() {
    models(Full);
}

fn models(disk: Disk) {
    if !can_mount() {
        return;
    }
    let place = Place::new();
    let folder = place.folder.path();
    let data = some_pictures(folder, 12, 32);
    let old = place.before("m.safetensors");
    small_model().save(&old, Storage::F32).unwrap();
    let model = place.on_disk("m.safetensors");
    let checkpoint = folder.join("local.safetensors");
    let golden = Golden::read("small");
    let mut tensors = golden.checkpoint("local");
    for entry in ["c", "sigma"] {
        let tensor = golden.get(&format!("local.{entry}"));
        tensors.insert(entry.to_owned(), tensor.shallow_clone());
    }
    let tensors: Vec<_> = tensors.into_iter().collect();
    write_tensors(&checkpoint, HashMap::new(), &tensors).unwrap();
    let named = |arguments: &[&str]| {
        let mut command = command(arguments);
        command.arg("--data").arg(&data).arg("--model").arg(&model);
        command
    };
    let train = train_single(&data, &model, &["--epochs", "1"]);
    place.assert_fails(disk, &train, "m.safetensors");
    place.assert_fails(disk, &named(&["calibrate"]), "m.safetensors");
    let mut import = command(&["import", "--local", text(&checkpoint)]);
    import.arg("--out").arg(&model);
    place.assert_fails(disk, &import, "m.safetensors");
}

#[test]
fn dense_models_and_what_they_keep_stay_as_they_were() {
    dense_models(Full);
}

fn dense_models(disk: Disk) {
    if !can_mount() || !has_weights() {
        return;
    }
    let place = Place::new();
    let data = place.folder.path().join("good");
    textures::write(&data, 0..10, (64, 64));
    fs::write(place.before("m.safetensors"), "a model").unwrap();
    fs::write(place.before("m.safetensors.fit"), "what a fit has kept").unwrap();
    let model = place.on_disk("m.safetensors");
    for keep in [false, true] {
        let mut fit = command(&["train", "--input", "64", "--dimensions", "16"]);
        fit.arg("--data").arg(&data).arg("--out").arg(&model);
        if keep {
            fit.arg("--keep");
        }
        place.assert_fails(disk, &fit, "m.safetensors");
    }
    let weights = command(&["data", "encoder", "--out", text(&place.on_disk(""))]);
    place.assert_fails(disk, &weights, "efficientnet-lite0.pth");
}

#[test]
fn maps_overlays_reports_and_test_sets() {
    outputs(Full);
}

fn outputs(disk: Disk) {
    if !can_mount() {
        return;
    }
    let place = Place::new();
    let folder = place.folder.path();
    let data = some_pictures(&folder.join("set/test"), 3, 64);
    let set = folder.join("set");
    fs::create_dir(set.join("test/odd")).unwrap();
    fs::copy(data.join("00.png"), set.join("test/odd/00.png")).unwrap();
    let model = folder.join("m.safetensors");
    small_model().save(&model, Storage::F32).unwrap();
    fs::write(place.before("report.html"), "an older report").unwrap();
    fs::create_dir(place.before("maps")).unwrap();
    fs::write(place.before("maps/00.npy"), "an older map").unwrap();
    let [maps, overlays, report, made] =
        ["maps", "overlays", "report.html", "made"].map(|name| place.on_disk(name));
    let mut predict = command(&["predict", "--model", text(&model), text(&data)]);
    predict.arg("--map-dir").arg(&maps);
    place.assert_fails(disk, &predict, "maps/00.npy");
    let mut predict = command(&["predict", "--model", text(&model), text(&data)]);
    predict.arg("--overlay-dir").arg(&overlays);
    place.assert_fails(disk, &predict, "overlays/00.png");
    let mut eval = command(&["eval", "--model", text(&model), "--data", text(&set)]);
    eval.arg("--report").arg(&report);
    place.assert_fails(disk, &eval, "report.html");
    let mut draw = command(&["data", "synthetic", "--count", "1", "--from", text(&data)]);
    draw.arg("--out").arg(&made);
    place.assert_fails(disk, &draw, "made/test/good");
    let mut bench = command(&["bench", "folder", "--data", text(folder)]);
    bench.arg("--out").arg(place.on_disk("runs"));
    if disk == ReadOnly {
        place.assert_fails(disk, &bench, "runs");
        let mut fetch = command(&["data", "elpv", "--out", text(&folder.join("elpv"))]);
        fetch.env("XDG_CACHE_HOME", place.on_disk("cache"));
        place.assert_fails(disk, &fetch, "cache/gst-igd");
    }
}

/// A log is no reason to end a training that goes on; one that cannot be begun is one not to begin it.
#[test]
fn logs() {
    if !can_mount() {
        return;
    }
    let place = Place::new();
    let folder = place.folder.path();
    let data = some_pictures(folder, 12, 32);
    let model = folder.join("m.safetensors");
    let log = place.on_disk("log");
    let train = || {
        let mut train = train_single(&data, &model, &["--epochs", "2"]);
        train.arg("--log").arg(&log);
        train
    };
    place.assert_fails(Full, &train(), "log/losses.csv");
    place.assert_fails(ReadOnly, &train(), "log");
    assert!(!model.exists());
    // It was begun when there was room.
    fs::create_dir_all(place.before("log/reconstructions")).unwrap();
    let header = "scale,epoch,step,seconds,learning_rate,reconstruction,gaussian,interpolation,critic,total\n";
    fs::write(place.before("log/losses.csv"), header).unwrap();
    let table = place.on_disk("log/losses.csv");
    for disk in [Full, ReadOnly] {
        let mut train = train();
        train.arg("--resume");
        let output = place.run(disk, &train);
        let said = String::from_utf8_lossy(&output.stderr);
        match disk {
            Full => {
                assert!(output.status.success(), "{said}");
                let line = said.lines().find(|line| line.contains("the log ends here"));
                assert_told(disk, line.unwrap(), &table);
                fs::remove_file(&model).unwrap();
            }
            ReadOnly => {
                assert_eq!(output.status.code(), Some(1));
                assert_told(disk, said.lines().last().unwrap(), &table);
            }
        }
    }
}

/// Standard output too is a file that may be on a full disk.
#[test]
fn results_and_notes() {
    let folder = tempfile::tempdir().unwrap();
    let data = some_pictures(folder.path(), 12, 32);
    let model = folder.path().join("m.safetensors");
    small_model().save(&model, Storage::F32).unwrap();
    let full = || Stdio::from(File::create("/dev/full").unwrap());
    let model_text = text(&model);
    for arguments in [
        &["info", model_text][..],
        &["info", "--json", model_text],
        &["predict", "--model", model_text, text(&data)],
        &["calibrate", "--model", model_text, "--data", text(&data)],
        &["completions", "bash"],
        &["doctor", "--json"],
    ] {
        let output = command(arguments).stdout(full()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert_told(
            Full,
            said.lines().last().unwrap(),
            Path::new("standard output"),
        );
    }
    // Notes that nobody can have do not end a training.
    let out = folder.path().join("trained.safetensors");
    let mut train = train_single(&data, &out, &["--epochs", "1"]);
    let output = train.stderr(full()).output().unwrap();
    assert!(output.status.success() && out.exists(), "{output:?}");
}

/// `igdfilter` that learns says that its model is not saved, and inspects with it all the same.
#[test]
fn a_model_that_a_pipeline_learns() {
    learned(Full);
}

fn learned(disk: Disk) {
    if !can_mount() || !has_weights() {
        return;
    }
    init();
    let place = Place::new();
    fs::write(place.before("learned.safetensors"), "an older model").unwrap();
    let model = place.on_disk("learned.safetensors");
    let mut pipeline = program("gst-launch-1.0");
    pipeline.args(["-m", "videotestsrc", "num-buffers=24", "pattern=snow", "!"]);
    pipeline.args(["video/x-raw,width=64,height=64", "!", "igdfilter"]);
    pipeline
        .arg("learn-frames=20")
        .arg(format!("learn-location={}", model.display()));
    pipeline.args(["!", "fakesink"]).env("G_DEBUG", "");
    let output = place.run(disk, &pipeline);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let line = said
        .lines()
        .find(|line| line.contains("learned.safetensors: "));
    assert_told(disk, line.unwrap_or_else(|| panic!("{said}")), &model);
}

#[test]
#[ignore = "long"]
fn read_only_disks() {
    models(ReadOnly);
    dense_models(ReadOnly);
    outputs(ReadOnly);
    learned(ReadOnly);
}

/// pip puts what it downloads into the cache, and says that there was no room.
#[test]
#[ignore = "long"]
fn a_cache_without_room_for_a_download() {
    if !can_mount() || !has_weights() {
        return;
    }
    let place = Place::new();
    let out = place.folder.path().join("out");
    let mut fetch = command(&["data", "encoder", "--out", text(&out)]);
    let elsewhere = place.folder.path().join("nothing is shared");
    fetch
        .env("XDG_CACHE_HOME", place.on_disk("cache"))
        .env("XDG_DATA_DIRS", elsewhere);
    let output = place.run(Full, &fetch);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let cache = place.on_disk("cache/gst-igd");
    for part in ["No space left on device", text(&cache), "make room there"] {
        assert!(said.lines().last().unwrap().contains(part), "{said}");
    }
    assert!(!out.join("efficientnet-lite0.pth").exists());
}
