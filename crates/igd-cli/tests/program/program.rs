//! `igd` as a program, and its trainings on a few small pictures.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use igd::model::{Model, tensors_of};
use image::GrayImage;
use tch::Device;

use crate::common::formula;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// The program with these arguments.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_igd"));
    command
        .args(arguments)
        // Other tests run beside it: two threads that wait for each other would take the time of both.
        .env("OMP_NUM_THREADS", "1")
        .stdin(Stdio::null());
    command
}

/// The program's end, and what it said.
pub fn igd(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// A folder of 16 pictures with sides of so many pixels: stripes with noise.
pub fn pictures(folder: &Path, side: u32) -> PathBuf {
    some_pictures(folder, 16, side)
}

/// So many of them.
pub fn some_pictures(folder: &Path, count: usize, side: u32) -> PathBuf {
    let data = folder.join("good");
    fs::create_dir_all(&data).unwrap();
    for number in 0..count {
        let noise = formula::values(&format!("picture {number}"), (side * side) as usize);
        let picture = GrayImage::from_fn(side, side, |x, y| {
            let stripe = if (x / 8) % 2 == 0 { 60.0 } else { 160.0 };
            image::Luma([(stripe + 40.0 * noise[(side * y + x) as usize]) as u8])
        });
        picture.save(data.join(format!("{number:02}.png"))).unwrap();
    }
    data
}

/// `igd train` of the paper's profile, with three quarters of the pictures.
pub fn train(data: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = command(&["train", "--profile", "paper"]);
    command
        .args(["--latent", "4", "--learning-rate", "1e-3"])
        .args(["--hold-out", "0.25", "--json", "--data"])
        .arg(data)
        .arg("--out")
        .arg(out)
        .args(more);
    command
}

/// Of one small network for small pictures, three steps an epoch: a second or two.
pub fn train_single(data: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = train(data, out, &["--scales", "single", "--width", "2"]);
    command.args(["--local-encoder", "scratch"]);
    command.args(["--patch-batch", "4"]).args(more);
    command
}

/// Runs it to its end, which must be good.
#[track_caller]
pub fn finish(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    output
}

/// The last line that a command which failed has said.
#[track_caller]
pub fn failure(output: Output) -> String {
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    text.lines().last().unwrap().to_owned()
}

/// Waits for something in a training that must not end before.
#[track_caller]
pub fn wait_for(child: &mut Child, what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < PATIENCE, "nothing in five minutes");
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended before it was stopped");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Ends a program as a power cut would.
pub fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The checkpoint of a model's local network.
pub fn checkpoint(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".local-checkpoint");
    name.into()
}

/// Names of the folder's files, but for those of `known` beginnings.
pub fn files(folder: &Path, known: &[&str]) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| !known.iter().any(|known| name.starts_with(known)))
        .collect()
}

/// The models are the same but for rounding.
#[track_caller]
pub fn assert_same_models(one: impl AsRef<OsStr>, other: impl AsRef<OsStr>) {
    let open = |path: &OsStr| Model::open(Path::new(path), Device::Cpu).unwrap();
    let (one, other) = (open(one.as_ref()), open(other.as_ref()));
    assert_eq!(one.provenance.epochs, other.provenance.epochs);
    let tensors = |model: &Model| tensors_of(&model.networks.weights);
    for ((name, one), (_, other)) in tensors(&one).iter().zip(&tensors(&other)) {
        let difference = (one - other).abs().max().double_value(&[]);
        let largest = one.abs().max().double_value(&[]);
        assert!(
            difference <= 1e-3 * largest,
            "{name} differs by {difference}"
        );
    }
}
