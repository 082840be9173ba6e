//! Parts as they were stored, one by one or counted.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::Serialize;
use uuid::Uuid;

use super::columns::{HOUR, Json, Time, Word, nanoseconds};
use super::{Marked, Store, StoreError};
use crate::record::{Record, Verdict};

/// A part as it was stored.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Grows with each part that is stored; outputs go by it.
    pub seq: i64,
    /// What is said of it.
    #[serde(flatten)]
    pub record: Record,
    /// Whether its pictures are there.
    pub pictures: bool,
    /// What a user has said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<Marked>,
}

/// Verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Parts without an anomalous frame.
    pub good: u64,
    /// Parts with one.
    pub bad: u64,
    /// Parts without a verdict.
    pub none: u64,
}

/// What [`Part::of`] reads.
pub(super) const COLUMNS: &str = "seq, id, time, camera, recipe, version, verdict, reason, score, normalized, \
                                  threshold, drift, frames, latency_ms, width, height, inspected, regions, \
                                  bytes > 0 AS pictures, mark, mark_area, mark_by, mark_time";

impl Part {
    /// Of a row of [`COLUMNS`].
    pub(super) fn of(row: &Row) -> rusqlite::Result<Self> {
        let mark: Option<Word<_>> = row.get("mark")?;
        let mark = mark.map(|Word(mark)| -> rusqlite::Result<_> {
            Ok(Marked {
                mark,
                area: row
                    .get::<_, Option<Json<_>>>("mark_area")?
                    .map(|area| area.0),
                by: row.get("mark_by")?,
                time: row.get::<_, Time>("mark_time")?.0,
            })
        });
        Ok(Self {
            seq: row.get("seq")?,
            record: Record {
                id: row.get("id")?,
                time: row.get::<_, Time>("time")?.0,
                camera: row.get("camera")?,
                recipe: row.get("recipe")?,
                version: row.get("version")?,
                verdict: row.get::<_, Word<_>>("verdict")?.0,
                reason: row.get("reason")?,
                score: row.get("score")?,
                normalized: row.get("normalized")?,
                threshold: row.get("threshold")?,
                drift: row.get("drift")?,
                frames: row.get("frames")?,
                // No number is NULL to SQLite.
                latency_ms: row.get::<_, Option<_>>("latency_ms")?.unwrap_or(f32::NAN),
                size: [row.get("width")?, row.get("height")?],
                inspected: row
                    .get::<_, Option<Json<_>>>("inspected")?
                    .map(|inspected| inspected.0),
                regions: row.get::<_, Json<_>>("regions")?.0,
            },
            pictures: row.get("pictures")?,
            mark: mark.transpose()?,
        })
    }
}

impl Store {
    /// The part of this id, if it is there.
    pub fn part(&self, id: Uuid) -> Result<Option<Part>, StoreError> {
        let part = |transaction: &Transaction| Ok(one(transaction, id).optional()?);
        self.0.database.read(part)
    }

    /// What an output has not delivered yet, the oldest first: at most so many of those after `seq`.
    pub fn after(&self, seq: i64, limit: u32) -> Result<Vec<Part>, StoreError> {
        self.0.database.read(|transaction| {
            let sql = format!("SELECT {COLUMNS} FROM parts WHERE seq > ? ORDER BY seq LIMIT ?");
            let mut parts = transaction.prepare_cached(&sql)?;
            let parts = parts.query_map(params![seq, limit], Part::of)?;
            Ok(parts.collect::<Result<_, _>>()?)
        })
    }

    /// The newest part's `seq`, whether it is still there or not; 0 before the first.
    pub fn newest(&self) -> Result<i64, StoreError> {
        self.0.database.read(newest)
    }

    /// Verdicts since then, of a camera or of all. Parts that are no longer there are not counted.
    pub fn counts(&self, since: Timestamp, camera: Option<&str>) -> Result<Counts, StoreError> {
        let since = nanoseconds(since);
        let hour = since / HOUR;
        let mut counts = Counts::default();
        self.0.database.read(|transaction| {
            let mut whole = transaction.prepare_cached(
                "SELECT verdict, sum(parts) FROM hours
                 WHERE hour > ?1 AND (?2 IS NULL OR camera = ?2) GROUP BY verdict",
            )?;
            counts.count(whole.query(params![hour, camera])?)?;
            // Of the hour that has begun before.
            let mut begun = transaction.prepare_cached(
                "SELECT verdict, count(*) FROM parts NOT INDEXED
                 WHERE seq BETWEEN (SELECT min(first) FROM hours WHERE hour = ?1)
                               AND (SELECT max(last) FROM hours WHERE hour = ?1)
                   AND time / ?4 = ?1 AND time >= ?3 AND (?2 IS NULL OR camera = ?2)
                 GROUP BY verdict",
            )?;
            counts.count(begun.query(params![hour, camera, since, HOUR])?)
        })?;
        Ok(counts)
    }
}

impl Counts {
    fn count(&mut self, mut rows: rusqlite::Rows) -> Result<(), StoreError> {
        while let Some(row) = rows.next()? {
            let count = row.get::<_, i64>(1)? as u64;
            self.add(row.get::<_, Word<_>>(0)?.0, count);
        }
        Ok(())
    }

    /// So many parts more with this verdict.
    pub fn add(&mut self, verdict: Verdict, count: u64) {
        match verdict {
            Verdict::Good => self.good += count,
            Verdict::Bad => self.bad += count,
            Verdict::None => self.none += count,
        }
    }
}

pub(super) fn one(transaction: &Transaction, id: Uuid) -> rusqlite::Result<Part> {
    let sql = format!("SELECT {COLUMNS} FROM parts WHERE id = ?");
    let mut part = transaction.prepare_cached(&sql)?;
    part.query_row([id], Part::of)
}

pub(super) fn newest(transaction: &Transaction) -> Result<i64, StoreError> {
    // It outlives the row.
    let mut newest =
        transaction.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'parts'")?;
    let newest = newest.query_row([], |row| row.get(0)).optional()?;
    Ok(newest.unwrap_or(0))
}
