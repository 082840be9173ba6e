//! The pictures in memory: each candidate reads the good ones twice.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rayon::iter::Either;
use rayon::prelude::*;

use super::ChoiceError;
use crate::data::{Frame, PictureError, Sample};

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

/// At most so many of the pictures, evenly spread over their order, and why others cannot be used.
pub fn loaded(
    samples: &[Sample],
    significant_bits: Option<u32>,
    most: usize,
) -> (Vec<Sample>, Vec<PictureError>) {
    let count = most.min(samples.len());
    let load = |index: usize| {
        let sample = &samples[index * samples.len() / count];
        let picture = sample.open_as(significant_bits)?;
        let (width, height) = picture.size();
        let (width, height) = match width > MOST.0 && height > MOST.1 {
            true => MOST,
            false => (width, height),
        };
        let size = (width as usize, height as usize);
        let file = sample.file().to_owned();
        let frame = Frame::new(file, index, size, &picture.resized(size));
        Ok(Sample::Frame(Arc::new(frame)))
    };
    (0..count)
        .into_par_iter()
        .map(load)
        .partition_map(|one| match one {
            Ok(sample) => Either::Left(sample),
            Err(error) => Either::Right(error),
        })
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
