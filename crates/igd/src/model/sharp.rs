//! What details do to the map of a dense model: its places are coarse, and details say where in them something is.

/// Places from this share of the highest distance on are what the score is of.
pub const NEAR: f32 = 0.5;

/// Each value of a map times the root of the distance of the details there, as long as there are any: fills `sharp`. The
/// root, since the distance alone leaves regions in pieces.
///
/// Such values tell pixels of different pictures apart, but are no distances any more: see [`sharpen`].
pub fn product(map: &[f32], details: &[f32], sharp: &mut Vec<f32>) {
    sharp.clear();
    match details {
        [] => sharp.extend_from_slice(map),
        _ => sharp.extend(
            map.iter()
                .zip(details)
                .map(|(map, detail)| map * detail.sqrt()),
        ),
    }
}

/// The [`product`] at such a scale that it is as high as the map, among what is inspected, where the map is high. So a
/// picture that scores above the threshold has a map that is above it too, where its places are; other details may be
/// higher.
pub fn sharpen(
    map: &[f32],
    details: &[f32],
    is_inspected: impl Fn(usize) -> bool,
    sharp: &mut Vec<f32>,
) {
    product(map, details, sharp);
    let highest = |values: &[f32], counts: &dyn Fn(usize) -> bool| {
        let values = values.iter().enumerate();
        values
            .filter(|&(index, _)| counts(index))
            .fold(0.0, |highest: f32, (_, &value)| highest.max(value))
    };
    let before = highest(map, &is_inspected);
    let after = highest(sharp, &|index| {
        map[index] >= NEAR * before && is_inspected(index)
    });
    // Where no detail differs from normal at all, they say nothing.
    if after > 0.0 {
        let scale = before / after;
        sharp.iter_mut().for_each(|value| *value *= scale);
    } else {
        sharp.copy_from_slice(map);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sharpened(map: &[f32], details: &[f32], inspected: &[bool]) -> Vec<f32> {
        let mut sharp = Vec::new();
        sharpen(map, details, |index| inspected[index], &mut sharp);
        sharp
    }

    #[test]
    fn details_say_where_and_not_how_much() {
        let found = sharpened(&[1.0, 2.0, 3.0, 3.0], &[1.0, 9.0, 0.25, 1.0], &[true; 4]);
        assert_eq!(found, [0.5, 3.0, 0.75, 1.5]);
        // Where the map is low they do not take anything away from where it is high.
        let found = sharpened(&[1.0, 4.0], &[100.0, 4.0], &[true; 2]);
        assert_eq!(found, [5.0, 4.0]);
    }

    #[test]
    fn what_is_ignored_takes_nothing_away() {
        let found = sharpened(&[4.0, 2.0, 1.0], &[81.0, 4.0, 1.0], &[false, true, true]);
        assert_eq!(found, [18.0, 2.0, 0.5]);
    }

    #[test]
    fn maps_without_details_stay_what_they_are() {
        for map in [[2.0, 1.0], [0.0, 0.0]] {
            assert_eq!(sharpened(&map, &[], &[true; 2]), map);
            assert_eq!(sharpened(&map, &[0.0; 2], &[true; 2]), map);
        }
    }
}
