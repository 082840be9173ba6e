//! Which pictures of a data set are normal, and which are drawn by lot.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// The name of normal pictures: of their folder, in `train` and in `test`.
pub const GOOD: &str = "good";

/// What is normal in a data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// Names of folders with normal pictures.
    pub normal: Vec<String>,
    /// Names of folders with anomalous pictures.
    pub abnormal: Vec<String>,
    /// Whether no other folders are of interest; else all that are not normal are anomalous, where there is a folder
    /// `test`.
    pub only_named: bool,
    /// The normal class of MNIST, Fashion-MNIST and CIFAR-10, 0..=9.
    pub class: Option<u8>,
    /// A second normal class, of which there are few pictures to train with: what is judged of the normal ones is this
    /// class alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rare_class: Option<u8>,
    /// Share of the normal pictures (0..=1) that are drawn for testing, where they are not divided on disk.
    pub test_share: f64,
    /// What is drawn depends on it alone.
    pub seed: u64,
}

/// Names of folders with normal pictures, unless told otherwise.
const NORMAL_NAMES: [&str; 2] = [GOOD, "normal"];
/// And with anomalous ones.
const ABNORMAL_NAMES: [&str; 4] = ["abnormal", "anomalous", "bad", "defective"];

impl Default for Selection {
    fn default() -> Self {
        let strings = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            normal: strings(&NORMAL_NAMES),
            abnormal: strings(&ABNORMAL_NAMES),
            only_named: false,
            class: None,
            rare_class: None,
            test_share: 0.2,
            seed: 1,
        }
    }
}

/// Draws `count` of the items by lot: (drawn, rest), each in their order.
pub(super) fn draw<T>(items: Vec<T>, count: usize, seed: u64) -> (Vec<T>, Vec<T>) {
    let mut places: Vec<usize> = (0..items.len()).collect();
    fastrand::Rng::with_seed(seed).shuffle(&mut places);
    let drawn: HashSet<usize> = places.into_iter().take(count).collect();
    let (drawn, rest): (Vec<_>, Vec<_>) = items
        .into_iter()
        .enumerate()
        .partition(|(place, _)| drawn.contains(place));
    let items = |part: Vec<(usize, T)>| part.into_iter().map(|(_, item)| item).collect();
    (items(drawn), items(rest))
}
