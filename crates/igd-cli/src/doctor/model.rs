//! Whether a model can be used.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use igd::model::{Model, ModelError};
use tch::Device;

use super::finding::Finding;

const SUBJECT: &str = "model";
/// As `igdfilter` reads it.
const VARIABLE: &str = "IGD_MODEL";

/// The one that is given, or that of the environment.
pub fn check(given: Option<&Path>) -> Vec<Finding> {
    let named = given.map(PathBuf::from).or_else(|| {
        let value = env::var_os(VARIABLE)?;
        (!value.is_empty()).then(|| PathBuf::from(value))
    });
    match named {
        Some(path) => check_file(&path),
        None => vec![Finding::ok(
            SUBJECT,
            format!("none is named by --model or {VARIABLE}, none was looked at"),
        )],
    }
}

fn check_file(path: &Path) -> Vec<Finding> {
    let name = path.display();
    let model = match Model::open(path, Device::Cpu) {
        Ok(model) => model,
        Err(error) => {
            return vec![Finding::failure(
                SUBJECT,
                error.to_string(),
                cure(path, &error),
            )];
        }
    };
    let profile = Finding::ok(SUBJECT, format!("{name}, {}", model.config.describe()));
    let threshold = match model.calibration {
        Some(calibration) => Finding::ok(
            SUBJECT,
            format!(
                "its threshold is {:.4}, from {} pictures",
                calibration.threshold, calibration.pictures
            ),
        ),
        None => Finding::warning(
            SUBJECT,
            "it has no threshold, so that igdfilter finds nothing anomalous",
            format!(
                "igd calibrate --model {name} --data DIR with normal pictures, or set igdfilter's threshold"
            ),
        ),
    };
    vec![profile, threshold]
}

fn cure(path: &Path, error: &ModelError) -> String {
    let name = path.display();
    match error {
        ModelError::Io { cause, .. } if cause.kind() == io::ErrorKind::PermissionDenied => {
            format!("chmod a+r {name}, and a+x for the folders that it is in")
        }
        ModelError::Io { cause, .. } if cause.kind() == io::ErrorKind::NotFound => {
            format!(
                "igd train --data DIR --out {name}; or set --model or {VARIABLE} to a model that is there"
            )
        }
        _ => format!("copy the file anew, or make it anew: igd train --data DIR --out {name}"),
    }
}
