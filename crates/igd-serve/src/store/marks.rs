//! What users say of parts. A marked part stays, and so do its pictures, until the mark is taken away.

use jiff::Timestamp;
use rusqlite::params;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::columns::{Json, Time, Word};
use super::parts::COLUMNS;
use super::{Part, Store, StoreError};
use crate::record::Mark;

/// What was said of a part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Marked {
    /// What it is.
    pub mark: Mark,
    /// Where the defect is: left, upper edge, width and height as shares of the frame.
    pub area: Option<[f32; 4]>,
    /// The token's name, or `anyone`.
    pub by: String,
    /// When it was said.
    pub time: Timestamp,
}

/// How many parts of a recipe are marked, of those whose pictures are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// As good.
    pub good: usize,
    /// As defects.
    pub bad: usize,
}

impl Store {
    /// Marks a part, or takes its mark away. False: there is no such part.
    pub fn mark(&self, id: Uuid, mark: Option<Marked>) -> Result<bool, StoreError> {
        let mark = mark.as_ref();
        self.0.database.write(|transaction| {
            let mut set = transaction.prepare_cached(
                "UPDATE parts SET mark = ?, mark_area = ?, mark_by = ?, mark_time = ? WHERE id = ?",
            )?;
            let changed = set.execute(params![
                mark.map(|mark| mark.mark.name()),
                mark.and_then(|mark| mark.area).map(Json),
                mark.map(|mark| &mark.by),
                mark.map(|mark| Time(mark.time)),
                id,
            ])?;
            Ok(changed > 0)
        })
    }

    /// How many parts [`Store::marked`] has of a recipe.
    pub fn marks(&self, recipe: &str) -> Result<Marks, StoreError> {
        self.0.database.read(|transaction| {
            let mut count = transaction.prepare_cached(
                "SELECT mark, count(*) FROM parts INDEXED BY parts_marked
                 WHERE mark IS NOT NULL AND recipe = ? AND bytes > 0 GROUP BY mark",
            )?;
            let mut rows = count.query([recipe])?;
            let mut marks = Marks::default();
            while let Some(row) = rows.next()? {
                let count = row.get::<_, i64>(1)? as usize;
                match row.get::<_, Word<Mark>>(0)?.0 {
                    Mark::Good => marks.good = count,
                    Mark::Bad => marks.bad = count,
                }
            }
            Ok(marks)
        })
    }

    /// The marked parts of a recipe whose pictures are there, the oldest first.
    pub fn marked(&self, recipe: &str) -> Result<Vec<Part>, StoreError> {
        self.0.database.read(|transaction| {
            let sql = format!(
                "SELECT {COLUMNS} FROM parts INDEXED BY parts_marked
                 WHERE mark IS NOT NULL AND recipe = ? AND bytes > 0 ORDER BY seq"
            );
            let mut parts = transaction.prepare_cached(&sql)?;
            let parts = parts.query_map([recipe], Part::of)?;
            Ok(parts.collect::<Result<_, _>>()?)
        })
    }
}
