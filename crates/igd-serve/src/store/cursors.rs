//! How far each output has come.

use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError, parts};

impl Store {
    /// How far an output has come: the `seq` of the last part that it has delivered. One that is new begins at the
    /// newest part.
    pub fn cursor(&self, output: &str) -> Result<i64, StoreError> {
        let known = self.0.database.read(|transaction| {
            let mut seq = transaction.prepare_cached("SELECT seq FROM cursors WHERE output = ?")?;
            Ok(seq.query_row([output], |row| row.get(0)).optional()?)
        })?;
        if let Some(seq) = known {
            return Ok(seq);
        }
        self.0.database.write(|transaction| {
            // Another thread may have been first.
            let mut begin = transaction.prepare_cached(
                "INSERT INTO cursors (output, seq) VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = seq RETURNING seq",
            )?;
            let newest = parts::newest(transaction)?;
            Ok(begin.query_row(params![output, newest], |row| row.get(0))?)
        })
    }

    /// It has delivered all up to this one.
    pub fn set_cursor(&self, output: &str, seq: i64) -> Result<(), StoreError> {
        self.0.database.write(|transaction| {
            let mut set = transaction.prepare_cached(
                "INSERT INTO cursors (output, seq) VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq",
            )?;
            set.execute(params![output, seq])?;
            Ok(())
        })
    }

    /// Parts that an output has never delivered, as they had become too old before; since it is known.
    pub fn lost(&self, output: &str) -> Result<u64, StoreError> {
        self.0.database.read(|transaction| {
            let mut lost =
                transaction.prepare_cached("SELECT lost FROM cursors WHERE output = ?")?;
            let lost = lost
                .query_row([output], |row| row.get::<_, i64>(0))
                .optional()?;
            Ok(lost.unwrap_or(0) as u64)
        })
    }
}
