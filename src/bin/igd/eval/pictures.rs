//! Scores of a test set's pictures.

use std::path::Path;

use gstigd::data::{group_of, test_pictures};
use gstigd::eval::Scored;
use gstigd::model::Detection;

use super::{Arguments, Judged};
use crate::progress::Progress;

/// The scores and the threshold.
pub fn judge(model: &Path, data: &Path, arguments: &Arguments) -> anyhow::Result<Judged> {
    let pictures = test_pictures(data, &arguments.selection.selection())?;
    let groups = group_of(data);
    let mut detector = arguments.target.open(model)?;
    let mut detection = Detection::default();
    let mut scored = Vec::with_capacity(pictures.len());
    let mut skipped = 0;
    let mut progress = Progress::new();
    progress.stage("judging");
    for picture in &pictures {
        let rgb = match picture.sample.open() {
            Ok(rgb) => rgb,
            Err(error) if arguments.strict => return Err(error.into()),
            Err(error) => {
                skipped += 1;
                progress.note(&format!("left out: {error}"));
                continue;
            }
        };
        detector.detect(
            &rgb.resized(detector.input_size()),
            rgb.size(),
            &mut detection,
        )?;
        let name = picture
            .sample
            .file()
            .file_name()
            .and_then(|name| name.to_str());
        scored.push(Scored {
            kind: picture.kind.clone(),
            group: name.and_then(|name| groups.get(name)).cloned(),
            anomalous: picture.anomalous,
            score: detection.score,
        });
        let done = scored.len();
        progress.at(done as f64 / pictures.len() as f64, || {
            format!("{done} of {} pictures", pictures.len())
        });
    }
    progress.finish();
    Ok(Judged {
        scored,
        threshold: detector.threshold(),
        skipped,
    })
}
