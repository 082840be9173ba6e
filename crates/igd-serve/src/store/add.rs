//! Parts come in, with their pictures.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use rusqlite::{Transaction, params};
use uuid::Uuid;

use super::columns::{Json, Time};
use super::files::Encoded;
use super::room::{Class, is_near};
use super::{Part, Pictures, Store, StoreError, parts};
use crate::lock::lock;
use crate::record::{Record, Verdict};

impl Store {
    /// Stores parts in one transaction, in their order, with the pictures that are given, which the caller makes where
    /// [`Store::wants`] says so. Pictures that the disk has no room for are left out, and counted; records never are.
    /// A part of an id that is there already stays as it is, whatever is given. Returns all as they are stored.
    pub fn add(&self, parts: Vec<(Record, Option<Pictures>)>) -> Result<Vec<Part>, StoreError> {
        let mut placed = Vec::with_capacity(parts.len());
        let mut ids = HashSet::new();
        for (record, pictures) in &parts {
            let is_new = ids.insert(record.id);
            placed.push(match pictures {
                Some(pictures) if is_new => self.place(record, pictures)?,
                _ => None,
            });
        }
        self.0.database.write_then(
            |transaction| {
                let both = parts.iter().zip(&placed);
                both.map(|((record, _), placed)| {
                    let bytes = placed.as_ref().map_or(0, |placed| placed.bytes);
                    let class = Class::of(record, &self.0.keep);
                    insert(transaction, record, class, bytes)?;
                    Ok(parts::one(transaction, record.id)?)
                })
                .collect::<Result<Vec<_>, _>>()
            },
            |_| placed.iter().flatten().for_each(Placed::keep),
        )
    }

    /// Whether the policy wants the pictures of a part, so that nobody makes them in vain. Asked once of each part, as
    /// good ones are counted: of those that are not near the threshold, the first of each camera is wanted, and then
    /// one in so many.
    pub fn wants(&self, record: &Record) -> bool {
        let keep = &self.0.keep;
        match record.verdict {
            Verdict::None => false,
            Verdict::Bad if keep.bad => true,
            _ if is_near(record, keep) => true,
            Verdict::Bad => false,
            Verdict::Good if keep.good_every == 0 => false,
            Verdict::Good => {
                let mut good = lock(&self.0.good);
                let seen = good.entry(record.camera.clone()).or_default();
                let is_wanted = *seen == 0;
                *seen = (*seen + 1) % keep.good_every;
                is_wanted
            }
        }
    }

    /// Parts whose pictures were left out since the store was opened, as marked ones take all the room or their files
    /// could not be written.
    pub fn left_out(&self) -> u64 {
        self.0.left_out.load(Ordering::Relaxed)
    }

    /// Writes a part's pictures; `None` where they are left out.
    fn place(
        &self,
        record: &Record,
        pictures: &Pictures,
    ) -> Result<Option<Placed<'_>>, StoreError> {
        if self.part(record.id)?.is_some() {
            // Its pictures are not to be written over.
            return Ok(None);
        }
        let failed = |text: String| self.leave_out(record, "pictures-failed", &text);
        let files = match Encoded::of(pictures) {
            Ok(files) => files,
            Err(error) => {
                failed(format!("no picture is kept: {error}"));
                return Ok(None);
            }
        };
        let bytes = files.bytes();
        if !self.make_room(bytes)? {
            let text = match self.0.keep.disk_mb {
                0 => "no picture is kept, as disk-mb = 0 in [keep] says".to_owned(),
                most => format!(
                    "no picture is kept: marked ones leave no room in the {most} MB of [keep] disk-mb"
                ),
            };
            self.leave_out(record, "pictures-full", &text);
            return Ok(None);
        }
        let placed = Placed {
            store: self,
            time: record.time,
            id: record.id,
            bytes,
            is_kept: Cell::new(false),
        };
        if let Err(error) = self.0.files.write(record.time, record.id, &files) {
            let folder = self.0.files.folder().display();
            failed(format!("no picture is kept: {folder}: {error}"));
            return Ok(None);
        }
        self.0.leaving_out.store(false, Ordering::Relaxed);
        Ok(Some(placed))
    }

    /// Counts it; the first of several is told.
    fn leave_out(&self, record: &Record, kind: &str, text: &str) {
        self.0.left_out.fetch_add(1, Ordering::Relaxed);
        if !self.0.leaving_out.swap(true, Ordering::Relaxed) {
            self.note(kind, &record.camera, text);
        }
    }
}

/// Pictures that are written and that no part speaks of yet: they go again, unless they are kept.
struct Placed<'a> {
    store: &'a Store,
    time: Timestamp,
    id: Uuid,
    bytes: u64,
    is_kept: Cell<bool>,
}

impl Placed<'_> {
    /// A part speaks of them now.
    fn keep(&self) {
        self.is_kept.set(true);
        self.store.release(self.bytes);
    }
}

impl Drop for Placed<'_> {
    fn drop(&mut self) {
        if !self.is_kept.get() {
            self.store.remove_files(self.time, self.id, self.bytes);
            self.store.release(self.bytes);
        }
    }
}

/// Does nothing where a part of this id is there.
fn insert(
    transaction: &Transaction,
    record: &Record,
    class: Class,
    bytes: u64,
) -> Result<(), StoreError> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO parts (id, time, camera, recipe, version, verdict, reason, score, normalized, threshold, drift,
                            frames, latency_ms, width, height, inspected, regions, class, bytes)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
    )?;
    insert.execute(params![
        record.id,
        Time(record.time),
        record.camera,
        record.recipe,
        record.version,
        record.verdict.name(),
        record.reason,
        record.score,
        record.normalized,
        record.threshold,
        record.drift,
        record.frames,
        record.latency_ms,
        record.size[0],
        record.size[1],
        record.inspected.as_ref().map(Json),
        Json(&record.regions),
        class as u8,
        bytes as i64,
    ])?;
    Ok(())
}
