//! Sizes and tiles that are worth a try.

use crate::model::{DenseConfig, Tiling};
use crate::train::dense::Options;

/// Tiles of larger pictures, columns and rows, of the usual size.
const TILES: [usize; 2] = [2, 4];
const TILE: [usize; 2] = [256, 256];
/// Sides of the whole picture, beside the usual one.
const SIDES: [usize; 3] = [128, 384, 512];
/// So many tiles may have descriptors of their own: more would take gigabytes.
const MOST_APART: usize = 4;

/// What else pictures of a size (width, height) can be fitted as, the cheaper ones first. More pixels than a picture has
/// show nothing more; a third more is let pass, since sizes are few.
pub fn candidates(usual: &Options, size: (u32, u32)) -> Vec<Options> {
    let shorter = size.0.min(size.1) as usize;
    let fits = |config: &DenseConfig| {
        let mut sides = config.picture().into_iter();
        sides.all(|side| 3 * side <= 4 * shorter)
    };
    let whole = SIDES.map(|side| (Tiling::whole([side, side]), false));
    let tiled = TILES.into_iter().flat_map(|count| {
        let tiling = Tiling::new(TILE, [count, count]);
        let apart = (tiling.count() <= MOST_APART).then_some((tiling, false));
        [apart, Some((tiling, true))].into_iter().flatten()
    });
    let options = |(tiling, shared): (Tiling, bool)| Options {
        config: DenseConfig {
            align: usual
                .config
                .align
                .map(|align| align.around_another(usual.config.tiling.picture(), tiling.picture())),
            tiling,
            shared,
            ..usual.config.clone()
        },
        ..usual.clone()
    };
    whole
        .into_iter()
        .chain(tiled)
        .filter(|(tiling, _)| *tiling != usual.config.tiling)
        .map(options)
        .filter(|options| fits(&options.config))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(size: (u32, u32)) -> Vec<([usize; 2], bool)> {
        let candidates = candidates(&Options::default(), size);
        let seen = |one: &Options| {
            one.config.check().unwrap();
            (one.config.tiling.picture(), one.config.shared)
        };
        candidates.iter().map(seen).collect()
    }

    #[test]
    fn pictures_are_not_enlarged_much() {
        assert!(of((28, 28)).is_empty());
        assert_eq!(of((300, 300)), [([128, 128], false), ([384, 384], false)]);
        let half_hd = [
            ([128, 128], false),
            ([384, 384], false),
            ([512, 512], false),
            ([480, 480], false),
            ([480, 480], true),
        ];
        assert_eq!(of((960, 540)), half_hd);
        let large = [&half_hd[..], &[([928, 928], true)]].concat();
        assert_eq!(of((3840, 2160)), large);
    }
}
