//! Errors of libtorch as values.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the work; libtorch's errors (out of memory, a lost GPU), which come as panics of tch's plain operations, are
/// returned as their first line. What the work was changing then is to be thrown away.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(text_of)
}

/// The first line of what a panic says.
fn text_of(panic: Box<dyn Any + Send>) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    #[test]
    fn an_error_is_its_first_line() {
        assert_eq!(guarded(|| 7), Ok(7));
        let ones = |length| Tensor::ones([length], (Kind::Float, Device::Cpu));
        let text = guarded(|| ones(2) + ones(3)).unwrap_err();
        assert!(text.contains("must match the size"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}
