//! What a threshold would do.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use igd::data::Picture;
use igd::feedback::Outcome;
use igd::model::{Detector, Model, Precision, ProfileNetworks};
use serde::{Deserialize, Serialize};
use tch::Device;
use uuid::Uuid;

use super::{Marked, Models, failed, folder};
use crate::command::Refused;
use crate::record::Mark;

/// What good pictures and marked parts score, to set a threshold by; each list in rising order.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Scores {
    /// Of good pictures of the fit, each as if it had been left out. Empty where the model keeps none.
    pub good: Vec<f32>,
    /// Of parts that are marked as defects, by what the others have taught.
    pub marked_bad: Vec<f32>,
    /// Of parts that are marked good.
    pub marked_good: Vec<f32>,
    /// In use.
    pub threshold: f32,
    /// The model's own.
    pub calibrated: f32,
}

/// Beside a model that marks have made: what each picture scores by what the others have taught.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Taught {
    fitted: Vec<f32>,
    marked: HashMap<Uuid, f32>,
}

impl Taught {
    pub fn of(outcome: &Outcome, marked: &[Marked]) -> Self {
        let ids = |mark| {
            let ones = marked.iter().filter(move |one| one.mark == mark);
            ones.map(|one| one.id)
        };
        let scores = &outcome.scores;
        let bad = ids(Mark::Bad).zip(scores.bad.iter().copied());
        let good = ids(Mark::Good).zip(scores.good.iter().copied());
        Self {
            fitted: scores.fitted.clone(),
            marked: bad.chain(good).collect(),
        }
    }
}

impl Models {
    /// What a threshold of a recipe's active model would do.
    pub fn scores(&self, recipe: &str) -> Result<Scores, Refused> {
        let version = self.judges(recipe)?;
        let mut detector = open(&version.file)?;
        let taught = fs::read(folder::taught_beside(&version.file)).ok();
        let taught = taught.and_then(|text| serde_json::from_slice::<Taught>(&text).ok());
        let mut scores = Scores {
            calibrated: detector.threshold(),
            threshold: version.threshold.unwrap_or(detector.threshold()),
            good: match &taught {
                Some(taught) => taught.fitted.clone(),
                None => left_out(&version.file)?,
            },
            ..Scores::default()
        };
        for Marked { id, mark, seen } in self.marked(recipe)? {
            let taught = taught.as_ref().and_then(|taught| taught.marked.get(&id));
            let score = match taught {
                Some(&score) => score,
                // The model has not learned from it.
                None => judge(&mut detector, &seen)?,
            };
            match mark {
                Mark::Bad => scores.marked_bad.push(score),
                Mark::Good => scores.marked_good.push(score),
            }
        }
        let lists = [
            &mut scores.good,
            &mut scores.marked_bad,
            &mut scores.marked_good,
        ];
        lists
            .into_iter()
            .for_each(|list| list.sort_by(f32::total_cmp));
        Ok(scores)
    }
}

pub(super) fn open(model: &Path) -> Result<Detector, Refused> {
    // As marks are learned from.
    Detector::open(model, Device::Cpu, Precision::Auto).map_err(failed)
}

pub(super) fn judge(detector: &mut Detector, seen: &Path) -> Result<f32, Refused> {
    let rgb = Picture::open(seen)
        .map_err(failed)?
        .resized(detector.input_size());
    Ok(detector.measure(&rgb).map_err(failed)?.score)
}

/// What good pictures score that the model keeps of its fit; empty where it keeps none.
fn left_out(model: &Path) -> Result<Vec<f32>, Refused> {
    let model = Model::open(model, Device::Cpu).map_err(failed)?;
    Ok(match model.networks.profile {
        ProfileNetworks::Dense(networks) => networks
            .left_out
            .and_then(|left_out| Vec::try_from(&left_out.distances).ok())
            .unwrap_or_default(),
        _ => Vec::new(),
    })
}
