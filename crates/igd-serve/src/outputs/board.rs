use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::config::LineConfig;
use crate::lock::lock;
use crate::record::Verdict;
use crate::store::{Counts, Part, Query, Store, StoreError};

/// What each camera shows now, in the order of their names: the state of MQTT, the registers of Modbus.
pub(super) struct Board(Mutex<BTreeMap<String, Shown>>);

/// What a camera shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Shown {
    /// The recipe that it judges by.
    pub(super) recipe: String,
    /// Its last part; it stays over a restart.
    #[serde(flatten)]
    pub(super) last: Option<Last>,
    /// The parts that the line had in its store when it was started, and those since.
    #[serde(skip)]
    pub(super) counts: Counts,
    /// Counts what is shown, so that whoever tells of it need not compare.
    #[serde(skip)]
    pub(super) changes: u64,
}

/// A part, in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Last {
    pub(super) seq: i64,
    pub(super) id: Uuid,
    pub(super) time: Timestamp,
    pub(super) verdict: Verdict,
    pub(super) score: Option<f32>,
    pub(super) normalized: Option<f32>,
}

impl Last {
    fn of(part: &Part) -> Self {
        Self {
            seq: part.seq,
            id: part.record.id,
            time: part.record.time,
            verdict: part.record.verdict,
            score: part.record.score,
            normalized: part.record.normalized,
        }
    }
}

impl Board {
    pub(super) fn new(config: &LineConfig, store: &Store) -> Result<Self, StoreError> {
        let mut cameras = BTreeMap::new();
        for name in config.cameras.keys() {
            let newest = store.parts(&Query {
                camera: Some(name.to_string()),
                limit: Some(1),
                ..Query::default()
            })?;
            let shown = Shown {
                recipe: store.recipe_of(config, name)?,
                last: newest.first().map(Last::of),
                counts: store.counts(Timestamp::MIN, Some(name))?,
                changes: 1,
            };
            cameras.insert(name.to_string(), shown);
        }
        Ok(Self(Mutex::new(cameras)))
    }

    fn cameras(&self) -> MutexGuard<'_, BTreeMap<String, Shown>> {
        lock(&self.0)
    }

    pub(super) fn parts(&self, parts: &[Part]) {
        let mut cameras = self.cameras();
        for part in parts {
            if let Some(shown) = cameras.get_mut(&part.record.camera) {
                shown.last = Some(Last::of(part));
                shown.counts.add(part.record.verdict, 1);
                shown.changes += 1;
            }
        }
    }

    pub(super) fn recipe(&self, camera: &str, recipe: &str) {
        if let Some(shown) = self.cameras().get_mut(camera)
            && shown.recipe != recipe
        {
            shown.recipe = recipe.to_owned();
            shown.changes += 1;
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.cameras().keys().cloned().collect()
    }

    /// What a camera shows at this moment.
    #[cfg(feature = "opcua")]
    pub(super) fn of(&self, camera: &str) -> Option<Shown> {
        self.cameras().get(camera).cloned()
    }

    /// What all show at this moment.
    pub(super) fn all(&self) -> Vec<Shown> {
        self.cameras().values().cloned().collect()
    }

    /// A camera that shows something else than what `told` says, and what; `told` says so from then on.
    pub(super) fn change(&self, told: &mut BTreeMap<String, u64>) -> Option<(String, Shown)> {
        let cameras = self.cameras();
        let (name, shown) =
            (cameras.iter()).find(|(name, shown)| told.get(*name) != Some(&shown.changes))?;
        told.insert(name.clone(), shown.changes);
        Some((name.clone(), shown.clone()))
    }
}
