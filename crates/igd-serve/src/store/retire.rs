//! What is too old goes.

use std::thread;
use std::time::Instant;

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::columns::{HOUR, nanoseconds};
use super::room::Owner;
use super::{Store, StoreError};

/// Parts that go in one transaction, while others who write wait.
const BATCH: usize = 250;

impl Store {
    /// Removes parts and events that are older than the configuration says, and the pictures of these parts; marked
    /// ones stay. An output that has not delivered such a part yet never will: see [`Store::lost`]. Called once an
    /// hour; while it lasts others can write.
    pub fn retire(&self, now: Timestamp) -> Result<(), StoreError> {
        let age = i64::from(self.0.keep.days).saturating_mul(24 * HOUR);
        let limit = nanoseconds(now).saturating_sub(age);
        let mut after = 0;
        loop {
            let start = Instant::now();
            let old = self.0.database.write_then(
                |transaction| {
                    let old = oldest(transaction, after, limit)?;
                    let mut delete =
                        transaction.prepare_cached("DELETE FROM parts WHERE seq = ?")?;
                    for part in &old {
                        delete.execute([part.seq])?;
                    }
                    Ok(old)
                },
                |old| {
                    for part in old.iter().filter(|part| part.bytes > 0) {
                        self.remove_files(part.time, part.id, part.bytes);
                    }
                },
            )?;
            match old.last() {
                Some(last) if old.len() == BATCH => after = last.seq,
                _ => break,
            }
            // Whoever waits comes in between.
            thread::sleep(start.elapsed());
        }
        self.0.database.write(|transaction| {
            let mut delete = transaction.prepare_cached("DELETE FROM events WHERE time < ?")?;
            delete.execute([limit])?;
            Ok(())
        })?;
        if let Ok(limit) = Timestamp::from_nanosecond(limit.into()) {
            self.0.files.remove_empty_days(limit);
        }
        Ok(())
    }
}

/// Parts after this one that are older than the limit and not marked.
fn oldest(transaction: &Transaction, after: i64, limit: i64) -> Result<Vec<Owner>, StoreError> {
    let sql = format!(
        "SELECT {} FROM parts NOT INDEXED
         WHERE seq > ?1 AND seq <= (SELECT max(last) FROM hours WHERE hour <= ?2 / ?3) AND time < ?2 AND mark IS NULL
         ORDER BY seq LIMIT ?4",
        Owner::COLUMNS
    );
    let mut old = transaction.prepare_cached(&sql)?;
    let old = old.query_map(params![after, limit, HOUR, BATCH as i64], Owner::of)?;
    Ok(old.collect::<Result<_, _>>()?)
}
