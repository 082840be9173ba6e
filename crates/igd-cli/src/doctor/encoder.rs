//! The weights that training and the element's learning begin with.

use igd::data::fetch::{FetchError, kept_efficientnet_lite0};

use super::finding::Finding;

const SUBJECT: &str = "encoder";
const FETCH: &str = "igd data encoder; without a network: on a machine with one, igd data encoder --out DIR, and \
     copy DIR/efficientnet-lite0.pth to /usr/share/gst-igd/";

pub fn check() -> Finding {
    match kept_efficientnet_lite0() {
        Ok(Some(file)) => Finding::ok(SUBJECT, format!("its weights are {}", file.display())),
        Ok(None) => Finding::warning(
            SUBJECT,
            "its weights are not on this machine: training will fetch them (14 MB), igdfilter that learns will not",
            FETCH,
        ),
        Err(error @ FetchError::Package { .. }) => {
            Finding::failure(SUBJECT, error.to_string(), FETCH)
        }
        Err(error) => Finding::warning(SUBJECT, error.to_string(), FETCH),
    }
}
