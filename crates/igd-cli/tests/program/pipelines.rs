//! The scripts of pipelines/ with real elements, servers and brokers.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::network::has_weights;
use crate::common::repository;
use crate::element;
use crate::element::model::models;
use crate::element::plugin::{good, program};
use crate::element::{PATIENCE, init};
use igd::model::Model;
use serde_json::Value;
use tch::Device;

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // The number of one that has been waited for may be another process's by now.
        if !matches!(self.0.try_wait(), Ok(None)) {
            return;
        }
        // Not the signal that nobody can hand on: the process may be `timeout`, whose own one would stay.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn folder(name: &str) -> PathBuf {
    init();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pipelines-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A script, with the folder as the current one.
fn script(name: &str, folder: &Path) -> Command {
    let path = repository().join("pipelines").join(name);
    let mut command = program(path);
    command.current_dir(folder);
    command
}

fn model() -> &'static Path {
    // Quicker than with patches.
    &models().global_only
}

const GRAY: &str = "pattern=solid-color foreground-color=0xff737373";
const BALL: &str = "pattern=ball";
const TEST_PICTURE: &str = "";

/// A video with a key frame every two seconds: so many gray frames, then so many of the test picture, and so on.
fn video(folder: &Path, name: &str, parts: &[usize]) {
    let patterns = [GRAY, TEST_PICTURE].into_iter().cycle();
    let parts: Vec<_> = patterns.zip(parts.iter().copied()).collect();
    video_of(folder, name, &parts);
}

/// A video of five frames a second, so many of each pattern.
fn video_of(folder: &Path, name: &str, parts: &[(&str, usize)]) {
    const CAPS: &str = "video/x-raw,format=I420,width=320,height=240,framerate=5/1";
    let parts = parts.iter().map(|(pattern, frames)| {
        format!("videotestsrc {pattern} num-buffers={frames} ! {CAPS} ! parts. ")
    });
    let location = folder.join(name);
    let text = format!(
        "{} concat name=parts ! identity single-segment=true ! x264enc speed-preset=ultrafast key-int-max=10 ! \
        h264parse ! \
         mp4mux ! filesink location=\"{}\"",
        parts.collect::<String>(),
        location.display()
    );
    element::run_to_end(&gst::parse::launch(&text).unwrap()).unwrap();
}

/// Frames that a video file decodes to.
fn frames(file: &Path) -> usize {
    let location = format!("location={}", file.display());
    let mut launch = program("gst-launch-1.0");
    launch.args(["-q", "filesrc", &location, "!", "decodebin", "!"]);
    launch.args([
        "videoconvert",
        "!",
        "video/x-raw,format=GRAY8,width=320,height=240",
        "!",
        "fdsink",
    ]);
    let output = launch.output().unwrap();
    assert!(output.status.success(), "{}", file.display());
    output.stdout.len() / (320 * 240)
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().flatten();
    let mut files: Vec<_> = files.map(|file| file.path()).collect();
    files.sort();
    files
}

/// A port that nobody listens on.
fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

#[test]
fn inspect_file() {
    let folder = folder("file");
    // Names may have spaces.
    video(&folder, "in put.mp4", &[20, 5]);
    good(script("inspect-file", &folder).args([
        model(),
        "in put.mp4".as_ref(),
        "out.mp4".as_ref(),
    ]));
    assert_eq!(frames(&folder.join("out.mp4")), 25);
    let lines = lines(&fs::read_to_string(folder.join("out.jsonl")).unwrap());
    assert_eq!(lines.len(), 25);
    let anomalous = lines
        .iter()
        .filter(|line| line["anomalous"] == true)
        .count();
    assert_eq!(anomalous, 5);
    assert_eq!(lines[0]["path"], "in put.mp4");
}

#[test]
fn train_from_video() {
    if !has_weights() {
        return;
    }
    let folder = folder("train");
    video_of(&folder, "good parts.mp4", &[(BALL, 40)]);
    video_of(&folder, "in.mp4", &[(BALL, 20), (TEST_PICTURE, 5)]);
    let igd = Path::new(env!("CARGO_BIN_EXE_igd")).parent().unwrap();
    let path = format!("{}:{}", igd.display(), std::env::var("PATH").unwrap());
    let mut command = script("train-from-video", &folder);
    command.env("PATH", path);
    good(command.args(["good parts.mp4", "in.mp4", "out.mp4", "--every", "2"]));
    assert_eq!(frames(&folder.join("out.mp4")), 25);
    let info = Model::open(&folder.join("out.safetensors"), Device::Cpu).unwrap();
    assert!(
        info.provenance
            .data
            .contains("good%20parts.mp4, one frame in 2")
    );
    let lines = lines(&fs::read_to_string(folder.join("out.jsonl")).unwrap());
    let score = |line: &Value| line["score"].as_f64().unwrap();
    let (ball, test_picture) = lines.split_at(20);
    let highest = ball.iter().map(score).fold(0.0, f64::max);
    for line in test_picture {
        assert!(line["anomalous"] == true && score(line) > highest, "{line}");
    }

    let output = script("train-from-video", &folder).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("usage: train-from-video VIDEO_OF_GOOD"),
        "{errors}"
    );
}

#[test]
fn inspect_camera() {
    let folder = folder("camera");
    let mut command = script("inspect-camera", &folder);
    let output = good(command.arg(model()).env("SINK", "fakesink num-buffers=60"));
    // The test picture is an anomaly.
    assert!(output.contains("igd-anomaly"), "{output}");
}

/// A camera on a network of its own, and its address.
fn rtsp_camera() -> (Running, String) {
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rtsp-server");
    let mut server = Running(program(&server).stdout(Stdio::piped()).spawn().unwrap());
    let port = first_line(&mut server);
    (server, format!("127.0.0.1:{port}/test"))
}

fn first_line(running: &mut Running) -> String {
    let mut line = String::new();
    let stdout = running.0.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

#[test]
fn inspect_rtsp() {
    let folder = folder("rtsp");
    let (_server, address) = rtsp_camera();
    let mut command = script("inspect-rtsp", &folder);
    command.arg(model()).arg(format!("rtsp://{address}"));
    command.env("SINK", "fakesink").stdout(Stdio::piped());
    let mut inspection = Running(command.spawn().unwrap());
    // It is not asked how it ends: GStreamer's rtspsrc may then complain that the camera was sooner.
    let mut lines = BufReader::new(inspection.0.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("igd-anomaly")));
}

#[test]
fn passwords_are_not_in_the_lines() {
    let folder = folder("password");
    let (_server, address) = rtsp_camera();
    let mut command = script("many-cameras", &folder);
    command
        .arg(model())
        .arg(format!("rtsp://someone:se%40cret@{address}"));
    let mut cameras = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let line: Value = serde_json::from_str(&first_line(&mut cameras)).unwrap();
    assert_eq!(line["path"], format!("rtsp://{address}"));
}

#[test]
fn record() {
    let folder = folder("record");
    video(&folder, "in.mp4", &[70]);
    // Key frames are 30 frames, six seconds here, apart.
    good(
        script("record", &folder)
            .arg(model())
            .args(["out", "0.1", "in.mp4"]),
    );
    let files = files(&folder.join("out"));
    assert!((2..=3).contains(&files.len()), "{files:?}");
    let all: usize = files.iter().map(|file| frames(file)).sum();
    assert_eq!(all, 70);
}

#[test]
fn record_events() {
    let folder = folder("events");
    video(&folder, "in.mp4", &[50, 4, 50, 4, 50]);
    let mut command = script("record-events", &folder);
    let output = good(command.arg(model()).args(["out", "in.mp4"]));
    assert!(output.contains("igd-gate"), "{output}");
    let files = files(&folder.join("out"));
    let frames: Vec<_> = files.iter().map(|file| frames(file)).collect();
    // Two seconds before (10 frames), 4 odd ones, three seconds after (15).
    assert_eq!(frames.len(), 2, "{frames:?}");
    for frames in frames {
        assert!((28..=31).contains(&frames), "{frames}");
    }
}

#[test]
fn record_events_encoded() {
    let folder = folder("encoded");
    video(&folder, "in.mp4", &[50, 4, 50, 4, 50]);
    let mut command = script("record-events-encoded", &folder);
    good(command.arg(model()).args(["out", "in.mp4"]));
    let files = files(&folder.join("out"));
    let frames: Vec<_> = files.iter().map(|file| frames(file)).collect();
    // Two seconds before, or as many more as there are since a key frame.
    assert_eq!(frames.len(), 2, "{frames:?}");
    for frames in frames {
        assert!((28..=60).contains(&frames), "{frames}");
    }
}

#[test]
fn a_recording_leaves_those_before_it() {
    let folder = folder("again");
    video(&folder, "in.mp4", &[5]);
    for recordings in 1..=2 {
        let mut command = script("record", &folder);
        good(command.arg(model()).args(["100 %d", "1", "in.mp4"]));
        assert_eq!(files(&folder.join("100 %d")).len(), recordings);
        // Names tell the second.
        thread::sleep(Duration::from_secs(1));
    }
}

#[test]
fn many_cameras() {
    let folder = folder("many");
    video(&folder, "a.mp4", &[20, 5]);
    video(&folder, "b.mp4", &[20, 3]);
    let output = good(
        script("many-cameras", &folder)
            .arg(model())
            .args(["a.mp4", "b.mp4"]),
    );
    let lines = lines(&output);
    let of = |name: &str| lines.iter().filter(|line| line["path"] == name).count();
    assert_eq!((of("a.mp4"), of("b.mp4")), (5, 3));
}

/// A broker on a port of its own.
fn broker(port: &str, folder: &Path) -> Running {
    let config = folder.join("broker.conf");
    fs::write(
        &config,
        format!("listener {port} 127.0.0.1\nallow_anonymous true\n"),
    )
    .unwrap();
    let program = ["/usr/sbin/mosquitto", "mosquitto"]
        .into_iter()
        .find(|program| Path::new(program).exists())
        .unwrap_or("mosquitto");
    let broker = Command::new(program)
        .arg("-c")
        .arg(&config)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
        assert!(start.elapsed() < Duration::from(PATIENCE), "no broker");
        thread::sleep(Duration::from_millis(20));
    }
    Running(broker)
}

/// One message of the topic.
fn subscribed(port: &str) -> Value {
    let output = good(Command::new("timeout").args([
        "60",
        "mosquitto_sub",
        "-p",
        port,
        "-t",
        "igd/test",
        "-C",
        "1",
    ]));
    serde_json::from_str(&output).unwrap()
}

#[test]
fn publish_mqtt_outlives_its_broker() {
    let folder = folder("mqtt");
    let port = free_port();
    // The script starts first: the broker may come later.
    let mut command = script("publish-mqtt", &folder);
    command.arg(model()).arg("igd/test").env("MQTT_PORT", &port);
    let mut publisher = Running(command.stderr(Stdio::null()).spawn().unwrap());
    for _ in 0..2 {
        let broker = broker(&port, &folder);
        let message = subscribed(&port);
        assert_eq!(message["anomalous"], true);
        assert_eq!(message["path"], "test");
        drop(broker);
    }
    assert!(publisher.0.try_wait().unwrap().is_none(), "it has ended");
    // `timeout` hands this on to the script, and the script's pipe breaks.
    let _ = Command::new("kill")
        .arg(publisher.0.id().to_string())
        .status();
    let _ = publisher.0.wait();
}

#[test]
fn publish_mqtt_ends_with_its_file() {
    let folder = folder("mqtt-file");
    let port = free_port();
    video(&folder, "in.mp4", &[5, 3]);
    let publish = || {
        let mut command = script("publish-mqtt", &folder);
        let command = command.arg(model()).args(["igd/test", "in.mp4"]);
        command.env("MQTT_PORT", &port).output().unwrap()
    };
    let output = publish();
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = format!("3 lines are not published: there is no broker at localhost:{port}");
    assert!(
        !output.status.success() && errors.contains(&text),
        "{errors}"
    );
    let _broker = broker(&port, &folder);
    let output = publish();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn wrong_arguments_are_told_of() {
    let folder = folder("usage");
    for name in [
        "inspect-file",
        "inspect-rtsp",
        "record",
        "record-events",
        "record-events-encoded",
        "many-cameras",
        "publish-mqtt",
    ] {
        for arguments in [
            vec![],
            vec!["/nowhere.safetensors"],
            vec![model().to_str().unwrap()],
        ] {
            let output = script(name, &folder).args(&arguments).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{name} {arguments:?}");
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(errors.contains(&format!("usage: {name} MODEL")), "{errors}");
        }
        let help = good(script(name, &folder).arg("--help"));
        assert!(
            help.lines().count() == 2 && help.contains("usage: "),
            "{help}"
        );
    }
}
