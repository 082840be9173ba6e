//! References to tensors that several threads read.

/// A reference that threads may share to read what it points to. tch's tensors are not [`Sync`], as one thread could
/// change a tensor that another one reads; libtorch lets any number of threads read one that nobody changes.
#[derive(Clone, Copy, Debug)]
pub struct SyncRef<'a, T>(&'a T);

impl<'a, T> SyncRef<'a, T> {
    /// # Safety
    ///
    /// While this or a copy of it lives, nobody changes the value or its tensors, through this reference or another
    /// one, and whatever in it is not a tensor is `Sync`.
    pub unsafe fn new(value: &'a T) -> Self {
        Self(value)
    }

    /// The value. A method, so that closures capture the whole of this and not the plain reference in it.
    pub fn get(&self) -> &'a T {
        self.0
    }
}

// SAFETY: `new` asks for it.
unsafe impl<T> Sync for SyncRef<'_, T> {}
// SAFETY: as above; it is a reference.
unsafe impl<T> Send for SyncRef<'_, T> {}
