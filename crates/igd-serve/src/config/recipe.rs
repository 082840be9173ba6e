use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use gstigd::video::Area;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::Shape;

/// `[recipes.NAME]`: how a product is judged.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recipe {
    /// The model file that it begins with. What is learned later lies in the line's folder. Without one it is taught at
    /// the page.
    #[serde(default)]
    pub model: Option<PathBuf>,
    /// `x,y,width,height` in pixels of the frame: what is inspected. The whole unless told.
    #[serde(default)]
    pub region: Option<Region>,
    /// A picture that is white where it is inspected.
    #[serde(default)]
    pub mask: Option<PathBuf>,
    /// Score above which a frame is anomalous; the model's unless told.
    #[serde(default, deserialize_with = "threshold")]
    pub threshold: Option<f32>,
    /// Regions of fewer pixels are not reported.
    #[serde(default = "min_area")]
    pub min_area: u32,
    /// Whether light, focus and place are watched. For cameras with a frame or few a part.
    #[serde(default)]
    pub watch_drift: bool,
    /// What the mask was drawn of, where that was at the page.
    #[serde(skip)]
    pub shapes: Vec<Shape>,
}

/// 0 or above.
fn threshold<'de, D: Deserializer<'de>>(number: D) -> Result<Option<f32>, D::Error> {
    let number = f32::deserialize(number)?;
    match number.is_finite() && number >= 0.0 {
        true => Ok(Some(number)),
        false => Err(D::Error::custom(format!(
            "a threshold of {number}: it is 0 or above; leave it out for the model's own"
        ))),
    }
}

const fn min_area() -> u32 {
    16
}

impl Recipe {
    /// All that is usual, with a model file or to be taught.
    pub const fn of(model: Option<PathBuf>) -> Self {
        Self {
            model,
            region: None,
            mask: None,
            threshold: None,
            min_area: min_area(),
            watch_drift: false,
            shapes: Vec::new(),
        }
    }

    pub(super) fn relative_to(&mut self, folder: &Path) {
        self.model = self.model.take().map(|model| folder.join(model));
        self.mask = self.mask.take().map(|mask| folder.join(mask));
    }
}

/// A part of the frame, not empty.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Region(pub Area);

impl TryFrom<String> for Region {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match gstigd::igdfilter::parse_region(&text) {
            Ok(Some(area)) => Ok(Self(area)),
            Ok(None) => Err("an empty region: leave it out to inspect the whole frame".into()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl From<[u32; 4]> for Region {
    fn from([x, y, w, h]: [u32; 4]) -> Self {
        Self(Area { x, y, w, h })
    }
}

impl Display for Region {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Area { x, y, w, h } = self.0;
        write!(f, "{x},{y},{w},{h}")
    }
}
