//! Scores of a video's frames, from what `igd predict` said of it.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use igd::data::GOOD;
use igd::eval::{PixelMetrics, Scored};
use igd::model::Scales;
use serde::Deserialize;

use super::results::Results;

/// What counts of a line.
#[derive(Deserialize)]
struct FrameResult {
    frame: usize,
    score: f32,
    /// None where it is infinite, which JSON cannot say.
    threshold: Option<f32>,
    #[serde(default)]
    scales: Scales,
}

/// Reads the lines, and what the frames show.
pub fn read(lines: &Path, labels: &Path) -> anyhow::Result<Results> {
    let text = |path: &Path| fs::read_to_string(path).with_context(|| path.display().to_string());
    let labels_text = text(labels)?;
    let kinds: Vec<&str> = labels_text.lines().map(str::trim).collect();
    let mut threshold = f32::INFINITY;
    let mut scored = Vec::with_capacity(kinds.len());
    for (number, line) in text(lines)?.lines().enumerate() {
        let line: FrameResult = serde_json::from_str(line)
            .with_context(|| format!("{}: line {}", lines.display(), number + 1))?;
        let Some(kind) = kinds.get(line.frame) else {
            bail!(
                "{}: no label for frame {} of {}",
                labels.display(),
                line.frame,
                lines.display()
            );
        };
        threshold = line.threshold.unwrap_or(f32::INFINITY);
        scored.push(Scored {
            name: format!("frame {}", line.frame),
            kind: (*kind).to_owned(),
            group: None,
            anomalous: *kind != GOOD,
            score: line.score,
            scales: line.scales,
        });
    }
    Ok(Results {
        about: vec![
            ("lines", lines.display().to_string()),
            ("labels", labels.display().to_string()),
        ],
        scored,
        threshold,
        skipped: 0,
        pixels: PixelMetrics::default(),
        pictures: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_that_json_cannot_say_is_infinite_and_terms_may_be_missing() {
        let folder = tempfile::tempdir().unwrap();
        let (lines, labels) = (folder.path().join("lines"), folder.path().join("labels"));
        fs::write(&lines, r#"{"frame":1,"score":0.5,"threshold":null}"#).unwrap();
        fs::write(&labels, "good\nscratch\n").unwrap();
        let results = read(&lines, &labels).unwrap();
        assert_eq!(results.threshold, f32::INFINITY);
        let [frame] = &results.scored[..] else {
            panic!("one line is one frame")
        };
        assert!(frame.anomalous);
        assert_eq!((&*frame.name, frame.scales), ("frame 1", Scales::default()));
    }
}
