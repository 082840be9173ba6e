//! What a line remembers: parts, marks, versions of models, events, how far each output has come, and the pictures of
//! parts that are kept.
//!
//! All but pictures lies in one database of SQLite, `line.sqlite` in the line's folder. What a call has stored is there
//! whatever becomes of the process; after a loss of power the last seconds may be missing, and what is there is whole.
//! Pictures lie beside it, in `pictures/YYYY-MM-DD/ID.jpg`, `ID.seen.png` and `ID.map.png`; a part speaks of them once
//! they are there, and files that no part speaks of are removed when the store is opened.
//!
//! All functions wait for the disk, so they are not for asynchronous threads. Readers never hold up writers.

mod add;
mod choices;
mod columns;
mod cursors;
mod database;
mod events;
mod files;
mod marks;
mod parts;
mod query;
mod retire;
mod room;
mod schema;
mod versions;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

use self::database::Database;
use self::files::Files;
use crate::config::Keep;

pub use self::events::Event;
pub use self::files::{PictureKind, Pictures};
pub use self::marks::{Marked, Marks};
pub use self::parts::{Counts, Part};
pub use self::query::Query;
pub use self::versions::Version;

/// A handle; clones are of the same database.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    /// The line's.
    folder: PathBuf,
    database: Database,
    files: Files,
    keep: Keep,
    /// Bytes on the disk, or about to be, that no part speaks of.
    held: AtomicU64,
    /// Parts whose pictures were left out.
    left_out: AtomicU64,
    /// Whether those of the last one were.
    leaving_out: AtomicBool,
    /// Good parts that were seen, by camera.
    good: Mutex<HashMap<String, u32>>,
}

/// Why the database or a picture's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder, or a file in it, cannot be made or read.
    #[error("{}: {error}", .path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Another process has opened it.
    #[error(
        "{}: another `igd serve` is at work in this folder: end it, or give this line a `folder` of its own",
        .0.display()
    )]
    InUse(PathBuf),
    /// It is no database, or that of another program. It stays as it is.
    #[error("{} is no database of a line: move it away, or give the line another `folder`", .0.display())]
    Foreign(PathBuf),
    /// It was written by a newer program. It stays as it is.
    #[error(
        "{} is of version {version}, and this program knows those up to {known}: a newer igd has written it, use that \
         one or give the line another `folder`", .path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        version: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// What SQLite says.
    #[error("the line's database, line.sqlite: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl Store {
    /// Opens what a folder holds, or begins it, and removes what a process that was killed has left. There is one store
    /// at a time of a folder, and its clones.
    pub fn open(folder: &Path, keep: &Keep) -> Result<Self, StoreError> {
        let store = Self(Arc::new(Inner {
            folder: folder.to_owned(),
            database: Database::open(folder)?,
            files: Files::new(folder),
            keep: keep.clone(),
            held: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
            leaving_out: AtomicBool::new(false),
            good: Mutex::default(),
        }));
        store.tidy()?;
        // The configuration may allow less than it did.
        store.make_room(0)?;
        Ok(store)
    }

    /// Whether what a folder holds, if it holds anything, could be opened. Changes nothing; a line may be at work in it.
    pub fn check(folder: &Path) -> Result<(), StoreError> {
        Database::check(folder)
    }
}
