//! Tensors that threads share.

/// What several threads read: tch says of tensors that only one may have them, but libtorch lets any number read one.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a, T>(&'a T);

impl<'a, T> Shared<'a, T> {
    /// # Safety
    ///
    /// While this lives, nobody changes the value or its tensors, and all in it that is not a tensor may be shared.
    pub unsafe fn new(value: &'a T) -> Self {
        Self(value)
    }

    /// The value; a method, so that closures capture the whole of this.
    pub fn get(&self) -> &'a T {
        self.0
    }
}

// SAFETY: `new` asks for it.
unsafe impl<T> Sync for Shared<'_, T> {}
// SAFETY: as above; it is a reference.
unsafe impl<T> Send for Shared<'_, T> {}
