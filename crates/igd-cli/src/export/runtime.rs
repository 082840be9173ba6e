//! ONNX Runtime, which runs in a Python of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, anyhow};
use igd::onnx::{ANOMALOUS, MAP, NORMALIZED, NORMALIZED_MAP, PICTURE, SCORE};

const SCRIPT: &str = include_str!("run.py");
/// The status of a script that found no ONNX Runtime.
const MISSING: i32 = 3;
const CURE: &str = "python3 -m pip install onnxruntime";

/// A graph that is ready to run.
pub struct Runtime {
    python: Child,
    /// `None` once there are no more pictures.
    pictures: Option<ChildStdin>,
    results: BufReader<ChildStdout>,
    /// What it calls itself.
    pub name: String,
    /// Of a picture.
    pixels: usize,
}

/// What the graph says of a picture.
pub struct Outputs {
    pub score: f32,
    pub map: Vec<f32>,
    pub normalized: f32,
    pub anomalous: bool,
    pub normalized_map: Vec<f32>,
}

impl Runtime {
    /// Fails where there is no Python with ONNX Runtime, or where that takes no such file.
    pub fn new(file: &Path, (width, height): (usize, usize)) -> anyhow::Result<Self> {
        let mut python = Command::new("python3")
            .args(["-c", SCRIPT])
            .arg(file)
            .args([PICTURE, &height.to_string(), &width.to_string()])
            .args([SCORE, MAP, NORMALIZED, ANOMALOUS, NORMALIZED_MAP])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!("--verify: cannot run python3; install it, and then: {CURE}")
            })?;
        let pictures = python.stdin.take();
        let results = python.stdout.take().context("it was asked for")?;
        let mut runtime = Self {
            python,
            pictures,
            results: BufReader::new(results),
            name: String::new(),
            pixels: width * height,
        };
        runtime.results.read_line(&mut runtime.name)?;
        match runtime.name.pop() {
            Some(_) => Ok(runtime),
            None => Err(runtime.failure()),
        }
    }

    /// Runs it on a picture: planar R, G, B in 0..=1.
    pub fn run(&mut self, picture: &[f32]) -> anyhow::Result<Outputs> {
        self.exchange(picture).map_err(|_| self.failure())
    }

    fn exchange(&mut self, picture: &[f32]) -> anyhow::Result<Outputs> {
        let bytes: Vec<u8> = picture
            .iter()
            .flat_map(|value| value.to_ne_bytes())
            .collect();
        let pictures = self.pictures.as_mut().context("it is open")?;
        pictures.write_all(&bytes)?;
        pictures.flush()?;
        Ok(Outputs {
            score: self.number()?,
            map: self.numbers(self.pixels)?,
            normalized: self.number()?,
            anomalous: self.number()? != 0.0,
            normalized_map: self.numbers(self.pixels)?,
        })
    }

    fn number(&mut self) -> anyhow::Result<f32> {
        Ok(self.numbers(1)?[0])
    }

    fn numbers(&mut self, count: usize) -> anyhow::Result<Vec<f32>> {
        let mut bytes = vec![0; 4 * count];
        self.results.read_exact(&mut bytes)?;
        let numbers = bytes.as_chunks().0.iter();
        Ok(numbers.map(|&bytes| f32::from_ne_bytes(bytes)).collect())
    }

    /// Why it has ended. What it knows it has said itself, on standard error.
    fn failure(&mut self) -> anyhow::Error {
        self.pictures = None;
        match self.python.wait() {
            Ok(status) if status.code() == Some(MISSING) => {
                anyhow!("--verify: python3 has no ONNX Runtime: {CURE}")
            }
            Ok(status) => anyhow!("--verify: ONNX Runtime does not run it ({status})"),
            Err(error) => error.into(),
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.pictures = None;
        let _ = self.python.wait();
    }
}
