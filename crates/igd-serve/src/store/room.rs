//! The room that pictures have on the disk, which they never exceed, and which files lie in it.

use std::cell::Cell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use rusqlite::{Row, Transaction, params};
use uuid::Uuid;

use super::columns::Time;
use super::files::{self, PictureKind};
use super::{Store, StoreError, database};
use crate::config::Keep;
use crate::record::{Record, Verdict};

/// The lowest go first.
#[derive(Clone, Copy)]
pub(super) enum Class {
    Good = 0,
    Near = 1,
    Bad = 2,
}

impl Class {
    pub fn of(record: &Record, keep: &Keep) -> Self {
        match record.verdict {
            Verdict::Bad => Self::Bad,
            _ if is_near(record, keep) => Self::Near,
            _ => Self::Good,
        }
    }
}

/// Whether it could as well have been judged otherwise.
pub(super) fn is_near(record: &Record, keep: &Keep) -> bool {
    let is_near = |normalized: f32| (normalized - 0.5).abs() <= keep.near;
    record.normalized.is_some_and(is_near)
}

/// A part, as far as its files go.
pub(super) struct Owner {
    pub seq: i64,
    pub id: Uuid,
    pub time: Timestamp,
    pub bytes: u64,
}

impl Owner {
    pub const COLUMNS: &str = "seq, id, time, bytes";

    pub fn of(row: &Row) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get("seq")?,
            id: row.get("id")?,
            time: row.get::<_, Time>("time")?.0,
            bytes: row.get::<_, i64>("bytes")? as u64,
        })
    }
}

impl Store {
    /// Bytes that pictures take.
    pub fn disk(&self) -> u64 {
        self.0.database.picture_bytes() + self.0.held.load(Ordering::Relaxed)
    }

    /// The file of a picture, if it is there.
    pub fn picture(&self, id: Uuid, kind: PictureKind) -> Result<Option<PathBuf>, StoreError> {
        let part = self.part(id)?.filter(|part| part.pictures);
        Ok(part.map(|part| self.0.files.path(part.record.time, id, kind)))
    }

    /// Evicts as many pictures as it takes, and holds the room for so many bytes until [`Store::release`]. False, and
    /// nothing is evicted for them, where marked ones leave too little.
    pub(super) fn make_room(&self, bytes: u64) -> Result<bool, StoreError> {
        loop {
            let is_gone = Cell::new(true);
            // Nobody else counts on the room before the files are gone.
            let remove = |(is_enough, evicted): &(bool, Vec<Owner>)| {
                for part in evicted {
                    let removed = self.remove_files(part.time, part.id, part.bytes);
                    is_gone.set(is_gone.get() && removed);
                }
                if *is_enough && is_gone.get() {
                    self.0.held.fetch_add(bytes, Ordering::Relaxed);
                }
            };
            let (is_enough, _) = self
                .0
                .database
                .write_then(|transaction| self.evict(transaction, bytes), remove)?;
            // Others have to go instead of those that could not be removed.
            if is_gone.get() {
                return Ok(is_enough);
            }
        }
    }

    /// Whether there is room for so many bytes once the pictures of these parts are gone.
    fn evict(
        &self,
        transaction: &Transaction,
        bytes: u64,
    ) -> Result<(bool, Vec<Owner>), StoreError> {
        let budget = self.0.keep.disk_mb.saturating_mul(1_000_000);
        let taken = database::picture_bytes(transaction)? + self.0.held.load(Ordering::Relaxed);
        let excess = (taken + bytes).saturating_sub(budget);
        let evicted = first_to_go(transaction, excess)?;
        let is_enough = evicted.iter().map(|part| part.bytes).sum::<u64>() >= excess;
        if bytes > 0 && !is_enough {
            return Ok((false, Vec::new()));
        }
        let mut gone = transaction.prepare_cached("UPDATE parts SET bytes = 0 WHERE seq = ?")?;
        for part in &evicted {
            gone.execute([part.seq])?;
        }
        Ok((is_enough, evicted))
    }

    /// They are there and a part speaks of them, or they are not.
    pub(super) fn release(&self, bytes: u64) {
        self.0.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Removes the files of a part that no longer speaks of them. Those that cannot be removed still take their room,
    /// until the store is opened again; false of these.
    pub(super) fn remove_files(&self, time: Timestamp, id: Uuid, bytes: u64) -> bool {
        let removed = self.0.files.remove(time, id);
        if let Err(error) = &removed {
            tracing::warn!("pictures of part {id} cannot be removed: {error}");
            self.0.held.fetch_add(bytes, Ordering::Relaxed);
        }
        removed.is_ok()
    }

    /// Makes parts and files agree, whatever became of the process that had opened the store before.
    pub(super) fn tidy(&self) -> Result<(), StoreError> {
        let found = self.0.files.found().map_err(|error| StoreError::Folder {
            path: self.0.files.folder().to_owned(),
            error,
        })?;
        let by_path: HashMap<_, _> = found
            .iter()
            .filter(|file| file.of.is_some())
            .map(|file| (file.path.as_path(), file.bytes))
            .collect();
        let mut spoken_of = HashMap::new();
        self.0.database.write(|transaction| {
            let mut set = transaction.prepare_cached("UPDATE parts SET bytes = ? WHERE seq = ?")?;
            for part in with_pictures(transaction)? {
                let bytes = PictureKind::ALL.map(|kind| {
                    let path = self.0.files.path(part.time, part.id, kind);
                    by_path.get(path.as_path()).copied()
                });
                // All three, or none.
                let bytes: u64 = bytes
                    .into_iter()
                    .collect::<Option<Vec<_>>>()
                    .map_or(0, |all| all.iter().sum());
                if bytes != part.bytes {
                    set.execute(params![bytes as i64, part.seq])?;
                }
                if bytes > 0 {
                    spoken_of.insert(part.id, part.time);
                }
            }
            Ok(())
        })?;
        for file in &found {
            let is_spoken_of = file.of.is_some_and(|(id, kind)| {
                let time = spoken_of.get(&id);
                time.is_some_and(|time| self.0.files.path(*time, id, kind) == file.path)
            });
            if !is_spoken_of && let Err(error) = files::remove(&file.path) {
                tracing::warn!("{}: it cannot be removed: {error}", file.path.display());
                self.0.held.fetch_add(file.bytes, Ordering::Relaxed);
            }
        }
        self.0.files.remove_empty_days(Timestamp::MAX);
        Ok(())
    }
}

/// Those whose pictures go, to free so many bytes; all that may go where that is too few.
fn first_to_go(transaction: &Transaction, bytes: u64) -> Result<Vec<Owner>, StoreError> {
    let mut parts = Vec::new();
    let mut freed = 0;
    if bytes > 0 {
        let sql = format!(
            "SELECT {} FROM parts INDEXED BY parts_evicted_next WHERE bytes > 0 AND mark IS NULL ORDER BY class, seq",
            Owner::COLUMNS
        );
        let mut next = transaction.prepare_cached(&sql)?;
        let mut next = next.query_map([], Owner::of)?;
        while freed < bytes
            && let Some(part) = next.next().transpose()?
        {
            freed += part.bytes;
            parts.push(part);
        }
    }
    Ok(parts)
}

fn with_pictures(transaction: &Transaction) -> Result<Vec<Owner>, StoreError> {
    let sql = format!(
        "SELECT {} FROM parts INDEXED BY parts_pictures WHERE bytes > 0 ORDER BY seq",
        Owner::COLUMNS
    );
    let mut parts = transaction.prepare_cached(&sql)?;
    let parts = parts.query_map([], Owner::of)?;
    Ok(parts.collect::<Result<_, _>>()?)
}
