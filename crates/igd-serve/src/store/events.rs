//! What happened to the line.

use jiff::Timestamp;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::columns::Time;
use super::{Store, StoreError};

/// Something that happened to the line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened.
    pub time: Timestamp,
    /// One of the names in `docs/serve.md`: `camera-lost`, `camera-back`, `recipe`, `version`, `threshold`, `drift`,
    /// `output-lost`, `output-back`, `pictures-full`, `pictures-failed`...
    pub kind: String,
    /// The camera, recipe or output that it is of.
    pub of: String,
    /// What happened, for people.
    pub text: String,
}

impl Store {
    /// Something happens now: it is stored as an event, and told in the log, at least there.
    pub fn note(&self, kind: &str, of: &str, text: impl Into<String>) {
        let event = Event {
            time: Timestamp::now(),
            kind: kind.to_owned(),
            of: of.to_owned(),
            text: text.into(),
        };
        tracing::info!(kind, of, "{}", event.text);
        if let Err(error) = self.add_event(&event) {
            tracing::error!("an event is not stored: {error}");
        }
    }

    /// Stores an event. It goes when parts of its time go.
    pub fn add_event(&self, event: &Event) -> Result<(), StoreError> {
        self.0.database.write(|transaction| {
            let mut add = transaction.prepare_cached(
                "INSERT INTO events (time, kind, subject, text) VALUES (?, ?, ?, ?)",
            )?;
            add.execute(params![Time(event.time), event.kind, event.of, event.text])?;
            Ok(())
        })
    }

    /// The newest first: those that were stored last.
    pub fn events(&self, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.0.database.read(|transaction| {
            let mut events = transaction.prepare_cached(
                "SELECT time, kind, subject, text FROM events ORDER BY seq DESC LIMIT ?",
            )?;
            let events = events.query_map([limit], |row| {
                Ok(Event {
                    time: row.get::<_, Time>("time")?.0,
                    kind: row.get("kind")?,
                    of: row.get("subject")?,
                    text: row.get("text")?,
                })
            })?;
            Ok(events.collect::<Result<_, _>>()?)
        })
    }
}
