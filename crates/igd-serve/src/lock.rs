//! What threads share.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a thread that panicked has left is as whole as any other: nothing that is shared here is half changed.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
