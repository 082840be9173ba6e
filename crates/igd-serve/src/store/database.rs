//! The file of the database: one connection writes, others read beside it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::{StoreError, schema};
use crate::lock::lock;

/// Nobody but a program that looks into the file can be in the way.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections that wait for the next reader.
const IDLE_READERS: usize = 4;

/// A log of writes that has grown beyond so many bytes, as a reader was slow, is cut once it is done with.
const LOG_BYTES: i64 = 64 << 20;

pub(super) struct Database {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    /// What the table `disk` says.
    picture_bytes: AtomicU64,
    /// Held as long as this one is, for the system lets go of it when the process ends.
    _lock: File,
}

impl Database {
    /// Whether the one in a folder could be opened, or there is none. Leaves it as it is.
    pub fn check(folder: &Path) -> Result<(), StoreError> {
        let path = folder.join("line.sqlite");
        if !is_database_or_new(&path).map_err(|error| at(&path, error))? {
            return Err(StoreError::Foreign(path));
        }
        if !path.exists() {
            return Ok(());
        }
        let reader = reader(&path)?;
        schema::version(&reader, &path).map_err(|error| or_foreign(error, &path))?;
        Ok(())
    }

    /// Opens the one in a folder, or begins it.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(|error| at(folder, error))?;
        let lock = folder.join("line.lock");
        let lock = File::create(&lock).map_err(|error| at(&lock, error))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::InUse(folder.to_owned()),
            TryLockError::Error(error) => at(folder, error),
        })?;

        let path = folder.join("line.sqlite");
        if !is_database_or_new(&path).map_err(|error| at(&path, error))? {
            return Err(StoreError::Foreign(path));
        }
        let mut writer = Connection::open(&path)?;
        writer.busy_timeout(PATIENCE)?;
        schema::migrate(&mut writer, &path).map_err(|error| or_foreign(error, &path))?;
        writer.pragma_update(None, "journal_mode", "wal")?;
        writer.pragma_update(None, "synchronous", "normal")?;
        writer.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
        writer.set_prepared_statement_cache_capacity(64);
        let bytes = picture_bytes(&writer)?;
        Ok(Self {
            path,
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            picture_bytes: AtomicU64::new(bytes),
            _lock: lock,
        })
    }

    /// Writes in one transaction, which is undone where `work` fails.
    pub fn write<T>(
        &self,
        work: impl FnOnce(&Transaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.write_then(work, |_| ())
    }

    /// The same; `then` runs once it is stored, before anybody else writes.
    pub fn write_then<T>(
        &self,
        work: impl FnOnce(&Transaction) -> Result<T, StoreError>,
        then: impl FnOnce(&T),
    ) -> Result<T, StoreError> {
        let mut writer = lock(&self.writer);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&transaction)?;
        let bytes = picture_bytes(&transaction)?;
        transaction.commit()?;
        self.picture_bytes.store(bytes, Ordering::Relaxed);
        then(&value);
        Ok(value)
    }

    /// Reads what is stored at this moment, however long it takes, beside whoever writes.
    pub fn read<T>(
        &self,
        work: impl FnOnce(&Transaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = lock(&self.readers).pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => reader(&self.path)?,
        };
        let value = work(&reader.transaction()?)?;
        let mut readers = lock(&self.readers);
        if readers.len() < IDLE_READERS {
            readers.push(reader);
        }
        Ok(value)
    }

    /// Bytes that all pictures take which a part speaks of.
    pub fn picture_bytes(&self) -> u64 {
        self.picture_bytes.load(Ordering::Relaxed)
    }
}

fn reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(path, flags)?;
    reader.busy_timeout(PATIENCE)?;
    Ok(reader)
}

fn at(path: &Path, error: io::Error) -> StoreError {
    StoreError::Folder {
        path: path.to_owned(),
        error: igd::files::advised(error),
    }
}

/// SQLite tells only when it reads it that a file is no database.
fn or_foreign(error: StoreError, path: &Path) -> StoreError {
    match error {
        StoreError::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            StoreError::Foreign(path.to_owned())
        }
        error => error,
    }
}

pub(super) fn picture_bytes(connection: &Connection) -> Result<u64, StoreError> {
    let mut bytes = connection.prepare_cached("SELECT bytes FROM disk")?;
    let bytes: i64 = bytes.query_row([], |row| row.get(0))?;
    Ok(bytes.max(0) as u64)
}

/// SQLite itself takes short files of anything for empty databases, and writes over them.
fn is_database_or_new(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    const BEGINNING: &[u8] = b"SQLite format 3\0";
    let mut beginning = Vec::new();
    file.take(BEGINNING.len() as u64)
        .read_to_end(&mut beginning)?;
    Ok(beginning.is_empty() || beginning == BEGINNING)
}
