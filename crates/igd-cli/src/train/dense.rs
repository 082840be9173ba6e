//! Descriptors of a frozen backbone's features.

use clap::{Args, ValueEnum};
use igd::model::{Alignment, DenseConfig, Tiling};
use igd::train::Augmentation;
use igd::train::dense::Options;

/// All may be left out, so that those which were given can be told.
#[derive(Args)]
pub struct Arguments {
    /// Size of a tile, or of the whole picture, as the backbone sees it: multiples of 32 [default: 256]
    #[arg(long, value_name = "N|WxH", value_parser = input)]
    input: Option<[usize; 2]>,
    /// Cuts the picture into overlapping tiles, so that small defects in large frames are seen [default: 1x1]
    #[arg(long, value_name = "CxR", value_parser = pair)]
    tiles: Option<[usize; 2]>,
    /// Whether each tile has descriptors of its own, for parts that always lie the same way, or all tiles have one set,
    /// for textures [default: each]
    #[arg(long, value_enum)]
    tile_model: Option<TileModel>,
    /// Directions of the features that are kept, a multiple of 16 up to 304 [default: 192]
    #[arg(long)]
    dimensions: Option<usize>,
    /// Drop pictures that do not fit the others: defects that nobody has seen among the good ones. At most a quarter;
    /// each is named, and shown in the folder of --log. From 50 pictures on
    #[arg(long, conflicts_with = "hold_out")]
    trim: bool,
    /// For parts that do not lie still: learn from two copies of each picture too, shifted by up to 3 % of its side,
    /// turned by up to 3 degrees and zoomed by up to 3 %. It takes three times as long, and small defects pass
    #[arg(long, conflicts_with = "align")]
    augment: bool,
    /// Look for the part in each picture, and judge what is within this share of its side from each edge [default:
    /// 0.125]: for parts that lie a little elsewhere each time, with room around them in the pictures and in the frames.
    /// It takes three times as long
    #[arg(long, value_name = "MARGIN", num_args = 0..=1, default_missing_value = "0.125", value_parser = margin)]
    align: Option<f64>,
    /// Keep what --resume needs to add more pictures later, beside the model (100 MB at 256x256)
    #[arg(long)]
    pub keep: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TileModel {
    Each,
    One,
}

fn input(text: &str) -> Result<[usize; 2], String> {
    match text.parse() {
        Ok(side) => Ok([side, side]),
        Err(_) => pair(text),
    }
}

fn pair(text: &str) -> Result<[usize; 2], String> {
    text.split_once('x')
        .and_then(|(first, second)| Some([first.parse().ok()?, second.parse().ok()?]))
        .ok_or_else(|| "expected two numbers with an x between, as in 4x2".to_owned())
}

fn margin(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.02..=0.25).contains(&share) => Ok(share),
        _ => Err("expected a share of 0.02 to 0.25".to_owned()),
    }
}

impl Arguments {
    pub fn options(&self) -> Options {
        let usual = self.augment.then_some(Augmentation::USUAL);
        Options {
            config: self.config(),
            trim: self.trim,
            augmentation: self.align.map(Augmentation::within).or(usual),
            ..Options::default()
        }
    }

    /// What the model is to be; not checked yet.
    fn config(&self) -> DenseConfig {
        let usual = DenseConfig::usual();
        let tiling = Tiling::new(
            self.input.unwrap_or(usual.tiling.tile),
            self.tiles.unwrap_or(usual.tiling.tiles),
        );
        DenseConfig {
            align: self
                .align
                .map(|margin| Alignment::around(tiling.picture(), margin)),
            tiling,
            shared: self.tile_model == Some(TileModel::One),
            dimensions: self.dimensions.unwrap_or(usual.dimensions),
        }
    }

    /// Whether it was said how the picture is cut.
    pub fn has_sizes(&self) -> bool {
        self.input.is_some() || self.tiles.is_some() || self.tile_model.is_some()
    }

    /// Why no model can be of these sizes.
    pub fn fault(&self) -> Option<String> {
        self.config().check().err()
    }

    /// Width and height of the picture that the model takes: what the backbone sees, all tiles together, and margins.
    pub fn picture(&self) -> (usize, usize) {
        self.config().picture().into()
    }

    /// The name of an argument that was given.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            ("--input", self.input.is_some()),
            ("--tiles", self.tiles.is_some()),
            ("--tile-model", self.tile_model.is_some()),
            ("--dimensions", self.dimensions.is_some()),
            ("--trim", self.trim),
            ("--augment", self.augment),
            ("--align", self.align.is_some()),
            ("--keep", self.keep),
        ];
        super::first(given)
    }
}
