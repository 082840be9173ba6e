//! What goes out to the line, each way to the real thing.

mod broker;
mod cut;
mod modbus;
mod mqtt;
mod opcua;
mod proxy;
mod webhook;

use std::collections::HashSet;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use igd_serve::LineConfig;
use igd_serve::command::{self, Refused};
use igd_serve::outputs::{OutputStatus, Outputs};
use igd_serve::record::{Record, Verdict};
use igd_serve::store::{Part, Store};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

/// A line without cameras at work: parts are what the test says.
struct Line {
    config: LineConfig,
    store: Store,
    /// What it was told from outside, and did not refuse.
    told: Arc<Mutex<Vec<command::Command>>>,
    outputs: Option<Outputs>,
    /// They stand on it, and end before.
    runtime: Runtime,
}

impl Line {
    /// Cameras `left` and `right`, recipes `bolt` and `nut`; `outputs` is the configuration's part of that name.
    fn start(folder: &Path, outputs: &str) -> Self {
        let mut line = Self::open(folder, outputs);
        line.outputs = Some(line.try_outputs().unwrap());
        line
    }

    fn open(folder: &Path, outputs: &str) -> Self {
        let recipe = "model = \"part.safetensors\"";
        let camera = "source = \"pictures:parts\"\nrecipe = \"nut\"";
        let text = format!(
            "name = \"hall\"\n[recipes.bolt]\n{recipe}\n[recipes.nut]\n{recipe}\n[cameras.left]\n{camera}\n\
             [cameras.right]\n{camera}\n{outputs}"
        );
        let config = LineConfig::parse(&text, folder).unwrap();
        let store = Store::open(&config.folder, &config.keep).unwrap();
        Self {
            config,
            store,
            runtime: Runtime::new().unwrap(),
            told: Arc::default(),
            outputs: None,
        }
    }

    fn try_outputs(&self) -> Result<Outputs, String> {
        let told = self.told.clone();
        let commands = move |command: command::Command| {
            let (command::Command::Trigger { camera } | command::Command::Recipe { camera, .. }) =
                &command;
            if !["left", "right"].contains(&camera.as_str()) {
                return Err(Refused::Unknown(format!("there is no camera {camera}")));
            }
            if let command::Command::Recipe { recipe, .. } = &command
                && !["bolt", "nut"].contains(&recipe.as_str())
            {
                return Err(Refused::Unknown(format!("there is no recipe {recipe}")));
            }
            if camera == "right" && matches!(command, command::Command::Trigger { .. }) {
                return Err(Refused::Unfit("right is paused".into()));
            }
            told.lock().unwrap().push(command);
            Ok(())
        };
        let store = self.store.clone();
        Outputs::start(
            &self.config,
            store,
            Arc::new(commands),
            self.runtime.handle(),
        )
    }

    fn outputs(&self) -> &Outputs {
        self.outputs.as_ref().unwrap()
    }

    fn stop(&mut self) {
        self.outputs.take().unwrap().stop();
    }

    /// Stores parts of the camera, and tells the outputs.
    fn add(&self, camera: &str, verdicts: &[Verdict]) -> Vec<Part> {
        let parts = self.store_parts(camera, verdicts);
        self.outputs().notify(&parts);
        parts
    }

    fn store_parts(&self, camera: &str, verdicts: &[Verdict]) -> Vec<Part> {
        let record = |verdict: &Verdict| {
            let record = Record {
                id: Uuid::now_v7(),
                camera: camera.into(),
                recipe: "nut".into(),
                version: 1,
                verdict: *verdict,
                score: Some(1.25),
                normalized: Some(0.625),
                threshold: Some(1.0),
                frames: 1,
                size: [640, 480],
                ..Record::default()
            };
            (record, None)
        };
        let records = verdicts.iter().map(record).collect();
        self.store.add(records).unwrap()
    }

    fn status(&self, name: &str) -> OutputStatus {
        let status = self.outputs().status();
        status
            .into_iter()
            .find(|output| output.name == name)
            .unwrap()
    }

    /// Kinds of the events of an output, the oldest first.
    fn events(&self, of: &str) -> Vec<String> {
        let events = self.store.events(1000).unwrap();
        let of = events.into_iter().filter(|event| event.of == of);
        let mut kinds: Vec<_> = of.map(|event| event.kind).collect();
        kinds.reverse();
        kinds
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Waits until it is so.
#[track_caller]
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{what}: not within a minute"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Runs it, and returns what it printed.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Those of a list that has repetitions, each where it stands first.
fn once(seqs: impl IntoIterator<Item = i64>) -> Vec<i64> {
    let mut seen = HashSet::new();
    seqs.into_iter().filter(|seq| seen.insert(*seq)).collect()
}

/// An authority, and a certificate of this machine that it has signed: `ca.pem`, `server.pem`, `server.key`.
fn certificates(folder: &Path) {
    let openssl = |line: &str| {
        let mut command = Command::new("openssl");
        run(command.args(line.split_whitespace()).current_dir(folder));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!(
        "req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority"
    ));
    openssl(&format!(
        "req {key} -keyout server.key -out server.csr -subj /CN=localhost"
    ));
    std::fs::write(
        folder.join("names"),
        "subjectAltName=DNS:localhost,IP:127.0.0.1\n",
    )
    .unwrap();
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile names",
    );
}
