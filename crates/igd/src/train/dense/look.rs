//! How a fit looks at pictures: at each and its copies, where parts have been brought to where they should lie.

use tch::Device;

use super::Options;
use crate::align::{Aligner, References};
use crate::libtorch::Workers;
use crate::model::Extractor;
use crate::nn::dense::Features;
use crate::train::Augmentation;
use crate::train::reader::Read;

/// Looks at pictures of one size.
pub struct Look {
    extractor: Extractor,
    /// Tiles are samples of the same places.
    shared: bool,
    /// Width and height of the pictures.
    size: (usize, usize),
    augmentation: Option<Augmentation>,
    aligner: Option<Aligner>,
}

impl Look {
    pub fn new(extractor: Extractor, options: &Options, references: Option<&References>) -> Self {
        let size = options.config.picture().into();
        let window = extractor.tiling().picture().into();
        Self {
            shared: options.config.shared,
            size,
            augmentation: options.augmentation,
            aligner: references.map(|references| Aligner::new(references, size, window)),
            extractor,
        }
    }

    /// The threads that compute.
    pub fn workers(&self) -> &Workers {
        self.extractor.workers()
    }

    /// A picture's features as the moments take them, on the CPU: N are the samples of the picture itself, and of each
    /// of its copies.
    pub fn sample(&mut self, picture: &Read) -> Features {
        let Read { rgb, stretch } = picture;
        let augmentation = self.augmentation.iter();
        let copies = augmentation.flat_map(|it| it.copies(rgb, self.size, *stretch));
        let copies: Vec<Vec<f32>> = copies.collect();
        let mut views: Vec<&[f32]> = vec![rgb];
        views.extend(copies.iter().map(|copy| &copy[..]));
        let windows: Vec<Vec<f32>> = match &mut self.aligner {
            Some(aligner) => views
                .iter()
                .map(|view| {
                    let mut window = Vec::new();
                    aligner.bring(view, &mut window);
                    window
                })
                .collect(),
            None => Vec::new(),
        };
        match windows.is_empty() {
            true => sample(&mut self.extractor, self.shared, views),
            false => sample(
                &mut self.extractor,
                self.shared,
                windows.iter().map(|window| &window[..]),
            ),
        }
    }
}

/// Views of a picture as samples, on the CPU: one of all a view's places, or one of each of its tiles.
pub fn sample<'a>(
    extractor: &mut Extractor,
    shared: bool,
    views: impl IntoIterator<Item = &'a [f32]>,
) -> Features {
    extractor.prepare(views);
    let on_cpu = |features: Features| features.map(|one| one.to_device(Device::Cpu));
    let tiles = Features::cat(&extractor.each(|_, features| on_cpu(features)), 0);
    if shared {
        return tiles;
    }
    let tiles_of_a_view = extractor.tiling().count() as i64;
    tiles.map(|tiles| {
        let [count, places, length] = tiles.size()[..] else {
            unreachable!("features of places of tiles");
        };
        let views = count / tiles_of_a_view;
        tiles.view([views, tiles_of_a_view * places, length])
    })
}
