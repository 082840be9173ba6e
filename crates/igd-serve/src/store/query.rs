//! Parts, looked for.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Transaction, params_from_iter};
use serde::Deserialize;

use super::columns::{HOUR, nanoseconds};
use super::parts::COLUMNS;
use super::{Part, Store, StoreError};
use crate::record::Verdict;

/// Which parts; all where a field is `None`. The newest first: the one that was stored last.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Query {
    /// Only those of this camera.
    pub camera: Option<String>,
    /// Only those judged by this recipe.
    pub recipe: Option<String>,
    /// Only those of which this is said.
    pub verdict: Option<Verdict>,
    /// Only marked ones (true), or only others.
    pub marked: Option<bool>,
    /// Only those with pictures (true), or only others.
    pub pictures: Option<bool>,
    /// Only those that were there then or later.
    pub from: Option<Timestamp>,
    /// Only those that were there before.
    pub to: Option<Timestamp>,
    /// By how near to the threshold they are, not by time; those without a score are left out.
    pub nearest: bool,
    /// Those that come after this one: the `seq` of the last of the page before. With `nearest` there are none once
    /// that part has gone.
    pub before: Option<i64>,
    /// At most so many; 50 unless told, never more than 500.
    pub limit: Option<u32>,
}

const LIMIT: u32 = 50;
const MOST: u32 = 500;

/// To sort so many is quicker than to look for them in the order of all.
const FEW: i64 = 20_000;

impl Store {
    /// A page of the parts that are asked for.
    pub fn parts(&self, query: &Query) -> Result<Vec<Part>, StoreError> {
        self.0.database.read(|transaction| {
            let mut span = query.span(transaction)?;
            let mut filter = query.filter();
            match query.before {
                Some(seq) if query.nearest => {
                    let Some(distance) = distance_of(seq, transaction)? else {
                        return Ok(Vec::new());
                    };
                    filter.and("(distance, seq) > (?, ?)");
                    filter.values.extend([distance.into(), seq.into()]);
                }
                Some(seq) => span.last = span.last.min(seq.saturating_sub(1)),
                None => (),
            }
            filter.and("seq BETWEEN ? AND ?");
            filter.values.extend([span.first.into(), span.last.into()]);
            let index = query.index(span);
            let order = match query.nearest {
                true => "distance, seq",
                false => "seq DESC",
            };
            let conditions = filter.conditions.join(" AND ");
            let limit = query.limit.unwrap_or(LIMIT).min(MOST);
            let sql = format!(
                "SELECT {COLUMNS} FROM parts {index} WHERE {conditions} ORDER BY {order} LIMIT {limit}"
            );
            let mut parts = transaction.prepare_cached(&sql)?;
            let parts = parts.query_map(params_from_iter(filter.values), Part::of)?;
            Ok(parts.collect::<Result<_, _>>()?)
        })
    }
}

fn distance_of(seq: i64, transaction: &Transaction) -> Result<Option<f64>, StoreError> {
    let mut distance = transaction.prepare_cached("SELECT distance FROM parts WHERE seq = ?")?;
    let distance = distance.query_row([seq], |row| row.get(0)).optional()?;
    Ok(distance.flatten())
}

/// Where those lie that are asked for.
#[derive(Clone, Copy)]
struct Span {
    first: i64,
    last: i64,
    /// At most so many are asked for.
    parts: i64,
}

impl Query {
    /// Of the hours that have such parts.
    fn span(&self, transaction: &Transaction) -> Result<Span, StoreError> {
        let mut filter = Filter::default();
        filter.judged(self);
        let is_simple = filter.values.len() <= 1 && !self.nearest;
        if is_simple && self.from.is_none() && self.to.is_none() {
            // An index is enough.
            return Ok(Span {
                first: 0,
                last: i64::MAX,
                parts: i64::MAX,
            });
        }
        let hour = |time| Value::from(nanoseconds(time) / HOUR);
        filter.and_if("hour >= ?", self.from.map(hour));
        filter.and_if("hour <= ?", self.to.map(hour));
        let conditions = filter.conditions.join(" AND ");
        let sql = format!(
            "SELECT coalesce(min(first), 0), coalesce(max(last), 0), coalesce(sum(parts), 0)
             FROM hours WHERE {conditions}"
        );
        let mut span = transaction.prepare_cached(&sql)?;
        let mut span = span.query_row(params_from_iter(filter.values), |row| {
            Ok(Span {
                first: row.get(0)?,
                last: row.get(1)?,
                parts: row.get(2)?,
            })
        })?;
        if self.nearest && self.pictures == Some(true) && span.parts > FEW {
            let mut some = transaction.prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM parts INDEXED BY parts_pictures WHERE bytes > 0 LIMIT ?)",
            )?;
            span.parts = some.query_row([FEW + 1], |row| row.get(0))?;
        }
        Ok(span)
    }

    fn is_other(&self) -> bool {
        self.verdict.is_some_and(|verdict| verdict != Verdict::Good)
    }

    fn filter(&self) -> Filter {
        let mut filter = Filter::default();
        filter.judged(self);
        if self.is_other() {
            // As the indexes of these have it.
            filter.and("verdict <> 'good'");
        }
        match self.marked {
            Some(true) => filter.and("mark IS NOT NULL"),
            Some(false) => filter.and("mark IS NULL"),
            None => (),
        }
        match self.pictures {
            Some(true) => filter.and("bytes > 0"),
            Some(false) => filter.and("bytes = 0"),
            None => (),
        }
        if self.nearest {
            filter.and("normalized IS NOT NULL");
        }
        let time = |time| Value::from(nanoseconds(time));
        filter.and_if("time >= ?", self.from.map(time));
        filter.and_if("time < ?", self.to.map(time));
        filter
    }

    /// The one that finds the page soonest, which SQLite could only guess.
    fn index(&self, span: Span) -> &'static str {
        match self.is_other() {
            _ if self.marked == Some(true) => "INDEXED BY parts_marked",
            _ if self.nearest && span.parts > FEW => "INDEXED BY parts_nearest",
            _ if self.pictures == Some(true) => "INDEXED BY parts_pictures",
            true if self.camera.is_some() => "INDEXED BY parts_other_camera",
            true if self.recipe.is_some() => "INDEXED BY parts_other_recipe",
            true => "INDEXED BY parts_other",
            false if self.camera.is_some() => "INDEXED BY parts_camera",
            false if self.recipe.is_some() => "INDEXED BY parts_recipe",
            false => "NOT INDEXED",
        }
    }
}

/// Conditions that all hold, with the values of their question marks.
struct Filter {
    conditions: Vec<&'static str>,
    values: Vec<Value>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            conditions: vec!["true"],
            values: Vec::new(),
        }
    }
}

impl Filter {
    fn and(&mut self, condition: &'static str) {
        self.conditions.push(condition);
    }

    fn and_if(&mut self, condition: &'static str, value: Option<Value>) {
        if let Some(value) = value {
            self.conditions.push(condition);
            self.values.push(value);
        }
    }

    /// What parts and hours have in common.
    fn judged(&mut self, query: &Query) {
        self.and_if("camera = ?", query.camera.clone().map(Value::from));
        self.and_if("recipe = ?", query.recipe.clone().map(Value::from));
        let verdict = query.verdict.map(|verdict| verdict.name().to_owned());
        self.and_if("verdict = ?", verdict.map(Value::from));
    }
}
