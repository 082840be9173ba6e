//! What marks have changed, in numbers and in words.

use crate::eval::Rate;
use crate::model::{Flagged, Revision};

/// What is flagged, before and after: of the marked defects, of the marked good pictures and of those of the fit.
pub fn rates(revision: &Revision) -> impl Iterator<Item = (&'static str, Rate, Rate)> {
    let Revision { before, after, .. } = revision;
    let pair = |name, pictures: usize, of: fn(&Flagged) -> usize| {
        let rate = |flagged| Rate::new(of(flagged), pictures);
        Some((name, rate(before)?, rate(after)?))
    };
    [
        pair("defects found", revision.bad, |flagged| flagged.bad),
        pair("marked good pictures flagged", revision.good, |flagged| {
            flagged.good
        }),
        pair(
            "other good pictures flagged",
            revision.pictures,
            |flagged| flagged.pictures,
        ),
    ]
    .into_iter()
    .flatten()
}

/// What has changed, for people.
pub fn lines(revision: &Revision) -> Vec<String> {
    let rates =
        rates(revision).map(|(name, before, after)| format!("{name}: {after}, was {before}"));
    let [before, after] = revision.auroc;
    let auroc = format!("AUROC of the marked defects: {after:.4}, was {before:.4}");
    let auroc = (revision.bad > 0).then_some(auroc);
    rates.chain(auroc).collect()
}
