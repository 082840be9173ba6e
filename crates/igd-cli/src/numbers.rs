//! Numbers on the command line.

/// A number of 0 to 1.
pub fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 up to, but not, 1".to_owned()),
    }
}
