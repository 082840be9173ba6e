//! The tables, and the steps that have made them what they are.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// In the order of their numbers. What has been released is never changed: a change is another step.
const STEPS: [&str; 4] = [
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
];

/// As the first step sets it.
const APPLICATION: i64 = 0x4947_4453;

/// The version of a database, 0 of an empty one. What is of another program or of a newer version is refused.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (version, application) = (number("user_version")?, number("application_id")?);
    let is_empty = || {
        let tables = "SELECT count(*) = 0 FROM sqlite_schema";
        connection.query_row(tables, [], |row| row.get::<_, bool>(0))
    };
    if application != APPLICATION && !(application == 0 && version == 0 && is_empty()?) {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    let known = STEPS.len() as i64;
    if version > known {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            version,
            known,
        });
    }
    Ok(version)
}

/// Brings a database to the present version, or begins it; each step is taken as a whole or not at all. What is refused
/// is left as it is.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let version = version(connection, path)?;
    for (step, number) in STEPS.iter().zip(1..).skip(version as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}
