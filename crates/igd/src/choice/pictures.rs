//! The good pictures that candidates are fitted to, in memory: each candidate reads all of them twice.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

use super::ChoiceError;
use crate::data::{Frame, Sample, TrainingSet};

/// Pictures that are larger in both directions are kept as small: no candidate sees more.
const MOST: (u32, u32) = (1024, 1024);

/// Fails where a picture is of both kinds.
pub fn check_apart(good: &[Sample], bad: &[Sample]) -> Result<(), ChoiceError> {
    let whole = |sample: &Sample| -> Option<PathBuf> {
        let file = fs::canonicalize(sample.file()).ok()?;
        Some(sample.name_in(&file))
    };
    let good: HashSet<_> = good.iter().filter_map(whole).collect();
    let both = bad
        .iter()
        .find(|one| whole(one).is_some_and(|name| good.contains(&name)));
    match both {
        Some(both) => Err(ChoiceError::Both(both.name())),
        None => Ok(()),
    }
}

/// Some of the pictures, evenly spread over their order, without those that cannot be read.
pub fn loaded(data: &TrainingSet, most: usize) -> Vec<Sample> {
    let all = &data.samples;
    let count = most.min(all.len());
    (0..count)
        .into_par_iter()
        .filter_map(|index| {
            let sample = &all[index * all.len() / count];
            let picture = sample.open_as(data.significant_bits).ok()?;
            let (width, height) = picture.size();
            let size = match width > MOST.0 && height > MOST.1 {
                true => MOST,
                false => (width, height),
            };
            let size = (size.0 as usize, size.1 as usize);
            let name = sample.file().to_owned();
            let frame = Frame::new(name, index, size, &picture.resized(size));
            Some(Sample::Frame(Arc::new(frame)))
        })
        .collect()
}

/// Width and height of most of the pictures.
pub fn size(loaded: &[Sample]) -> (u32, u32) {
    let sizes = loaded.iter().filter_map(|sample| match sample {
        Sample::Frame(frame) => Some(frame.picture().size()),
        _ => None,
    });
    let mut sizes: Vec<_> = sizes.collect();
    sizes.sort_unstable_by_key(|&(width, height)| width.min(height));
    sizes.get(sizes.len() / 2).copied().unwrap_or_default()
}
