//! `igd serve` as a process: what it says, and what signals do to it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::element::model::models;
use crate::program::{command, igd};

/// What hangs ends with this.
const PATIENCE: Duration = Duration::from_secs(60);

struct Serving {
    process: Child,
    lines: Receiver<String>,
    folder: TempDir,
}

fn config(recipe: &str) -> String {
    format!(
        "name = 'hall'\n[server]\nlisten = '127.0.0.1:0'\n[recipes.{recipe}]\nmodel = 'part.safetensors'\n\
         [cameras.left]\nrecipe = '{recipe}'\n\
         source = 'videotestsrc is-live=true ! video/x-raw,width=64,height=64,framerate=10/1'\n"
    )
}

impl Serving {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(
            &models().global_only,
            folder.path().join("part.safetensors"),
        )
        .unwrap();
        fs::write(folder.path().join("line.toml"), config("bolt")).unwrap();
        let mut command = command(&["serve"]);
        // Paths are of the configuration, wherever it is served from.
        command
            .current_dir("/")
            .arg(folder.path().join("line.toml"));
        Self::of(command, folder)
    }

    fn of(mut command: Command, folder: TempDir) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self {
            process,
            lines,
            folder,
        }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("line.toml")
    }

    fn until(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|error| panic!("{text}: {error}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Where it is served, once it is.
    fn address(&self) -> String {
        let line = self.until(" is served at http://");
        let (_, address) = line.split_once("http://").unwrap();
        address.trim_end_matches('/').to_owned()
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_studio_without_pictures_is_there_to_be_taught() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(&["studio", "--listen", "127.0.0.1:0", "--camera"]);
    command
        .current_dir(folder.path())
        .arg("videotestsrc is-live=true ! video/x-raw,width=64,height=64,framerate=10/1");
    let serving = Serving::of(command, folder);
    serving.until("there is no model yet");
    let address = serving.address();
    while !get(&address, "/readyz").starts_with("HTTP/1.1 200") {
        thread::sleep(Duration::from_millis(50));
    }
    assert!(get(&address, "/").contains("href=\"/teach/part\""));
    assert!(get(&address, "/teach/part").contains("id=\"files\""));
    assert!(
        serving
            .folder
            .path()
            .join("igd.studio/line.sqlite")
            .exists()
    );
}

#[test]
fn a_line_is_read_anew_where_that_is_sound_and_ended_with_all_it_has_judged() {
    let mut serving = Serving::start();
    let address = serving.address();
    while !get(&address, "/readyz").starts_with("HTTP/1.1 200") {
        thread::sleep(Duration::from_millis(50));
    }
    assert!(get(&address, "/api/v1/cameras").contains("\"recipe\":\"bolt\""));

    for (wrong, told) in [
        ("name = 'ha ll'", "is no name"),
        (
            &*config("bolt").replace("part.", "missing."),
            "missing.safetensors",
        ),
    ] {
        fs::write(serving.config(), wrong).unwrap();
        serving.signal("HUP");
        let line = serving.until("goes on as it was");
        // An error of the configuration takes several lines.
        assert!(line.contains(told) || serving.until(told).contains(told));
        assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"));
    }

    fs::write(serving.config(), config("nut")).unwrap();
    serving.signal("HUP");
    let address = serving.address();
    assert!(get(&address, "/api/v1/cameras").contains("\"recipe\":\"nut\""));
    // What the line before has judged is there.
    assert!(get(&address, "/api/v1/parts?recipe=bolt").contains("\"camera\":\"left\""));

    serving.signal("TERM");
    assert!(serving.process.wait().unwrap().success());
    assert!(serving.folder.path().join("line/line.sqlite").exists());
}

#[test]
fn a_check_tells_all_that_is_wrong_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let line = folder.path().join("line.toml");
    let check = || {
        let mut command = command(&["serve", "--check"]);
        command.arg(&line).output().unwrap()
    };
    let text = config("bolt").replace("videotestsrc", "nosuchsrc");
    fs::write(&line, text).unwrap();
    let checked = check();
    assert_eq!(checked.status.code(), Some(1));
    let told = String::from_utf8(checked.stderr).unwrap();
    for wrong in [
        "[recipes.bolt]",
        "part.safetensors",
        "[cameras.left] source: no element \"nosuchsrc\"",
        "2 of its entries cannot be used",
    ] {
        assert!(told.contains(wrong), "{told}");
    }
    fs::copy(
        &models().global_only,
        folder.path().join("part.safetensors"),
    )
    .unwrap();
    fs::write(&line, config("bolt")).unwrap();
    assert!(check().status.success());
    let database = folder.path().join("line/line.sqlite");
    assert!(!database.exists());
    fs::create_dir(folder.path().join("line")).unwrap();
    fs::write(&database, "no database").unwrap();
    let told = String::from_utf8(check().stderr).unwrap();
    assert!(told.contains("is no database of a line"), "{told}");
    assert_eq!(fs::read(&database).unwrap(), b"no database");
}

#[test]
fn a_token_is_made_with_its_hash() {
    let made = igd(&["serve", "--hash-token"]);
    let told = String::from_utf8(made.stdout).unwrap();
    assert!(
        told.starts_with("token: ") && told.contains("hash = \"$argon2id$"),
        "{told}"
    );
}
