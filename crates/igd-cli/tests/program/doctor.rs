//! `igd doctor`, with each fault made for real.

use crate::common;
use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use igd::model::Storage;
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_igd");
const PLUGIN: &str = "libgstigd.so";

/// A machine with a folder for plugins and a registry of its own.
struct Machine {
    folder: TempDir,
    /// In the environment, beside or instead of the usual.
    variables: Vec<(&'static str, PathBuf)>,
    program: PathBuf,
}

/// What the doctor said.
struct Report {
    success: bool,
    findings: Vec<Value>,
}

impl Machine {
    fn new() -> Self {
        // On the disk of the program, so that it can be linked.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::create_dir(folder.path().join("plugins")).unwrap();
        // Without GStreamer's own plugins, which take seconds to look through.
        let variables = vec![
            ("GST_PLUGIN_PATH", folder.path().join("plugins")),
            ("GST_PLUGIN_SYSTEM_PATH", PathBuf::new()),
            ("GST_REGISTRY", folder.path().join("registry.bin")),
        ];
        Self {
            folder,
            variables,
            program: PROGRAM.into(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn plugin(&self) -> PathBuf {
        self.path("plugins").join(PLUGIN)
    }

    fn registry(&self) -> PathBuf {
        self.path("registry.bin")
    }

    fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(variable, _)| *variable != name);
        self
    }

    fn with(mut self, name: &'static str, value: PathBuf) -> Self {
        self.variables.push((name, value));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("doctor").args(arguments);
        for name in ["GST_PLUGIN_PATH", "GST_PLUGIN_SYSTEM_PATH", "GST_REGISTRY"] {
            command.env_remove(name).env_remove(format!("{name}_1_0"));
        }
        // Faulty plugins are worth a warning.
        command
            .env_remove("G_DEBUG")
            .env_remove("IGD_MODEL")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn ask(&self, arguments: &[&str]) -> Report {
        let json = self.command(arguments).arg("--json").output().unwrap();
        let report: Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(report["ok"], json.status.success());
        Report {
            success: json.status.success(),
            findings: report["findings"].as_array().unwrap().clone(),
        }
    }

    /// Compiles the plugin with a fault.
    fn compile(&self, arguments: &[&str]) {
        let flags = Command::new("pkg-config")
            .args(["--cflags", "--libs", "gstreamer-1.0"])
            .output()
            .unwrap();
        let flags = String::from_utf8(flags.stdout).unwrap();
        self.cc(
            &self.plugin(),
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/doctor/plugin.c"),
            |cc| cc.args(arguments).args(flags.split_whitespace()),
        );
    }

    fn cc(&self, out: &Path, source: &Path, more: impl FnOnce(&mut Command) -> &mut Command) {
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-o"]).arg(out).arg(source);
        let output = more(&mut cc).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// Compiles the plugin to need a library, which is compiled as well.
    fn compile_with_library(&self) -> PathBuf {
        let library = self.path("libelsewhere.so.1");
        let source = self.path("elsewhere.c");
        fs::write(&source, "int igd_elsewhere(void) { return 1; }\n").unwrap();
        self.cc(&library, &source, |cc| {
            cc.arg("-Wl,-soname,libelsewhere.so.1")
        });
        let rpath = format!("-Wl,-rpath,{}", self.folder.path().display());
        self.compile(&["-DNEEDS_SYMBOL", library.to_str().unwrap(), &rpath]);
        library
    }
}

impl Report {
    /// The finding whose text has `text` in it.
    #[track_caller]
    fn finding(&self, subject: &str, text: &str) -> &Value {
        let mut findings = self.findings.iter();
        findings
            .find(|finding| {
                finding["subject"] == subject && finding["text"].as_str().unwrap().contains(text)
            })
            .unwrap_or_else(|| panic!("nothing of {subject} says {text:?}: {:#?}", self.findings))
    }

    /// That there is such a finding, with that cure.
    #[track_caller]
    fn assert_cure(&self, status: &str, (subject, text): (&str, &str), cure: &str) {
        let finding = self.finding(subject, text);
        assert_eq!(finding["status"], status, "{finding}");
        let told = finding["cure"].as_str().unwrap();
        assert!(told.contains(cure), "{finding} has not the cure {cure:?}");
        assert!(status != "failure" || !self.success);
    }
}

/// The plugin that was built with the program; tests lie in the same folder.
fn built_plugin() -> PathBuf {
    env::current_exe().unwrap().with_file_name(PLUGIN)
}

#[test]
fn all_is_well() {
    let machine = Machine::new().without("GST_PLUGIN_SYSTEM_PATH");
    symlink(built_plugin(), machine.plugin()).unwrap();
    let model = machine.path("model.safetensors");
    common::small_model().save(&model, Storage::F32).unwrap();
    let report = machine.ask(&["--model", model.to_str().unwrap()]);
    assert!(report.success, "{:#?}", report.findings);
    for (subject, text) in [
        ("GStreamer", "version 1."),
        ("plugin path", "(GST_PLUGIN_PATH)"),
        ("plugin path", "(default)"),
        ("registry", "registry.bin"),
        ("plugin", "loads, version"),
        ("element", "videoconvert"),
        ("libtorch", "version 2.11."),
        ("CPU", "precision=auto computes in"),
        ("model", "paper: "),
        ("model", "threshold is 0.5000"),
    ] {
        assert_eq!(report.finding(subject, text)["status"], "ok", "{subject}");
    }
}

/// Each finding is a line, and its cure the next one.
#[test]
fn people_read_what_machines_read() {
    let machine = Machine::new();
    fs::write(machine.plugin(), "no library").unwrap();
    let report = machine.ask(&[]);
    let text = machine.command(&[]).output().unwrap();
    assert_eq!(text.status.code(), Some(1));
    let mut expected = String::new();
    for finding in &report.findings {
        let [status, subject, said] =
            ["status", "subject", "text"].map(|name| finding[name].as_str().unwrap());
        let label = match status {
            "ok" => "ok     ",
            "warning" => "warning",
            _ => "FAILURE",
        };
        expected += &format!("{label} {subject}: {said}\n");
        if let Some(cure) = finding["cure"].as_str() {
            expected += &format!("        cure: {cure}\n");
        }
    }
    assert_eq!(String::from_utf8(text.stdout).unwrap(), expected);
    assert!(expected.contains("FAILURE") && expected.contains("warning"));
}

#[test]
fn missing_library_and_stale_blacklist() {
    let machine = Machine::new();
    let library = machine.compile_with_library();
    let away = machine.path("away");
    fs::rename(&library, &away).unwrap();

    let report = machine.ask(&[]);
    let fault = "does not load: it needs libelsewhere.so.1, which is not found";
    report.assert_cure(
        "failure",
        ("plugin", fault),
        "apt-file search libelsewhere.so.1",
    );
    let removal = format!("rm -f {}", machine.registry().display());
    report.assert_cure(
        "failure",
        ("plugin", "GStreamer has it blacklisted"),
        &removal,
    );

    fs::rename(&away, &library).unwrap();
    let report = machine.ask(&[]);
    report.assert_cure(
        "failure",
        ("plugin", "it loads now, but GStreamer remembers"),
        &removal,
    );

    let status = Command::new("sh").args(["-c", &removal]).status().unwrap();
    assert!(status.success());
    let report = machine.ask(&[]);
    assert_eq!(
        report.finding("plugin", "loads, version 0.0.1-old")["status"],
        "ok"
    );
    let is_blacklisted =
        |finding: &Value| finding["text"].as_str().unwrap().contains("blacklisted");
    assert!(!report.findings.iter().any(is_blacklisted));
}

#[test]
fn missing_libtorch() {
    let machine = Machine::new();
    let library = machine.path("libtorch_cpu.so");
    let source = machine.path("torch.c");
    fs::write(&source, "int igd_elsewhere(void) { return 1; }\n").unwrap();
    machine.cc(&library, &source, |cc| {
        cc.arg("-Wl,-soname,libtorch_cpu.so")
    });
    machine.compile(&[
        "-DNEEDS_SYMBOL",
        library.to_str().unwrap(),
        "-Wl,-rpath,/no/such/folder",
    ]);
    // This program has a libtorch itself, which is not the plugin's.
    let report = machine.ask(&[]);
    let fault = "it needs libtorch_cpu.so, which is not found";
    report.assert_cure(
        "failure",
        ("plugin", fault),
        "./setup && cargo build --release",
    );
    report.assert_cure("failure", ("plugin", fault), "export LD_LIBRARY_PATH=");
}

#[test]
fn undefined_symbol() {
    let machine = Machine::new();
    machine.compile(&["-DNEEDS_SYMBOL"]);
    let report = machine.ask(&[]);
    let fault = "does not load: undefined symbol igd_elsewhere (1 in all)";
    report.assert_cure("failure", ("plugin", fault), "cargo build --release");
}

#[test]
fn crash_in_the_plugin() {
    let machine = Machine::new();
    machine.compile(&["-DCRASHES"]);
    let report = machine.ask(&[]);
    report.assert_cure(
        "failure",
        ("plugin", "does not load: it crashes (signal 6)"),
        "cargo build --release",
    );
    // The rest is told all the same.
    report.finding("libtorch", "version 2.11.");
}

#[test]
fn damaged_file() {
    let machine = Machine::new();
    fs::write(machine.plugin(), "no library").unwrap();
    let report = machine.ask(&[]);
    report.assert_cure(
        "failure",
        ("plugin", "it is damaged or no library"),
        "cargo build --release",
    );
}

#[test]
fn another_version_and_another_copy() {
    let machine = Machine::new();
    machine.compile(&[]);
    let other = machine.path("other");
    fs::create_dir(&other).unwrap();
    symlink(built_plugin(), other.join(PLUGIN)).unwrap();
    let both = env::join_paths([machine.path("plugins"), other.clone()]).unwrap();
    let machine = machine.with("GST_PLUGIN_PATH", both.into());
    let report = machine.ask(&[]);
    report.assert_cure(
        "warning",
        (
            "plugin",
            "its version is 0.0.1-old, and that of this igd is",
        ),
        "cargo build",
    );
    let copy = format!("there is another one, {}", other.join(PLUGIN).display());
    report.assert_cure("warning", ("plugin", &copy), "rm ");
}

#[test]
fn no_plugin() {
    let mut machine = Machine::new();
    machine.program = machine.path("igd");
    fs::hard_link(PROGRAM, &machine.program).unwrap();
    let report = machine.ask(&[]);
    let fault = ("plugin", "there is no libgstigd.so in any of those folders");
    report.assert_cure(
        "failure",
        fault,
        "export GST_PLUGIN_PATH=$PWD/target/release",
    );

    // Beside the program, but the path is not set.
    symlink(built_plugin(), machine.path(PLUGIN)).unwrap();
    let machine = machine.without("GST_PLUGIN_PATH");
    let report = machine.ask(&[]);
    let cure = format!("export GST_PLUGIN_PATH={}", machine.folder.path().display());
    report.assert_cure("failure", ("plugin", "beside this program"), &cure);
}

#[test]
fn registry_that_is_not_renewed() {
    let machine = Machine::new();
    // Something to remember, or nothing is written.
    fs::write(machine.path("plugins/libgstother.so"), "no library").unwrap();
    machine.ask(&[]);
    symlink(built_plugin(), machine.plugin()).unwrap();
    let machine = machine.with("GST_REGISTRY_UPDATE", "no".into());
    let report = machine.ask(&[]);
    report.assert_cure(
        "failure",
        ("plugin", "GStreamer does not know it"),
        "unset GST_REGISTRY_UPDATE",
    );
}

#[test]
fn folders_that_are_not_there() {
    let machine = Machine::new();
    let missing = machine.path("missing");
    let file = machine.path("file");
    fs::write(&file, "").unwrap();
    let machine = machine
        .with("GST_PLUGIN_PATH", missing)
        .with("GST_REGISTRY", file.join("registry.bin"));
    let report = machine.ask(&[]);
    report.assert_cure(
        "warning",
        ("plugin path", "is no folder"),
        "GST_PLUGIN_PATH",
    );
    report.assert_cure(
        "warning",
        ("registry", "cannot be written"),
        "export GST_REGISTRY=",
    );
}

#[test]
fn elements_that_are_not_there() {
    let report = Machine::new().ask(&[]);
    report.assert_cure(
        "failure",
        ("element", "there is no videoconvert"),
        "sudo apt-get install gstreamer1.0-plugins-base",
    );
    report.assert_cure(
        "warning",
        ("element", "there is no x264enc"),
        "sudo apt-get install gstreamer1.0-plugins-ugly",
    );
}

#[test]
fn models() {
    let machine = Machine::new();
    let path = machine.path("model.safetensors");
    let name = path.to_str().unwrap();
    let arguments = ["--model", name];

    let report = machine.ask(&arguments);
    report.assert_cure(
        "failure",
        ("model", "No such file"),
        "igd train --data DIR --out ",
    );

    fs::write(&path, "no model").unwrap();
    let report = machine.ask(&arguments);
    report.assert_cure("failure", ("model", "not a model"), "copy the file anew");

    let mut model = common::small_model();
    model.calibration = None;
    model.save(&path, Storage::F32).unwrap();
    // By way of the environment.
    let machine = machine.with("IGD_MODEL", path.clone());
    let report = machine.ask(&[]);
    report.assert_cure(
        "warning",
        ("model", "it has no threshold"),
        "igd calibrate --model ",
    );

    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    // Root reads all.
    if fs::read(&path).is_err() {
        let report = machine.ask(&[]);
        report.assert_cure("failure", ("model", "Permission denied"), "chmod a+r ");
    }
}

#[test]
fn the_encoder_s_weights() {
    let machine = Machine::new();
    let shared = machine.path("share");
    let file = shared.join("gst-igd/efficientnet-lite0.pth");
    let machine = machine
        .with("XDG_DATA_DIRS", shared)
        .with("XDG_CACHE_HOME", "/no/such/folder".into());
    let report = machine.ask(&[]);
    let missing = ("encoder", "its weights are not on this machine");
    report.assert_cure("warning", missing, "igd data encoder");

    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "other weights").unwrap();
    let report = machine.ask(&[]);
    let damaged = format!("{}: it is damaged", file.display());
    report.assert_cure("failure", ("encoder", &damaged), "igd data encoder");
}
