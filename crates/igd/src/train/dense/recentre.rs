//! A model follows pictures that look different on the whole, though the parts are the same: another compression, more
//! noise. Nobody has to say which of them are good.
//!
//! The centre of each place moves towards the mean of the pictures there, which some defects among many hardly change:
//!
//! ```text
//! c_p += n / (n + 10) (mean_i P x_ip - c_p)
//! ```
//!
//! What varies about the centres, and how far is too far, stays as it was learned.

use tch::{Device, Kind, Tensor};

use super::Options;
use super::look::Look;
use crate::data::{PictureError, Sample};
use crate::libtorch::{KeptBlocks, guarded};
use crate::model::{
    Execution, Extractor, Model, ModelConfig, ModelError, Precision, ProfileNetworks, Provenance,
    Recentred, Tensors, tensors_of,
};
use crate::nn::dense::{Features, Levels};
use crate::train::TrainError;
use crate::train::reader::{self, Reading};

/// Fewer pictures say more about themselves than about what has changed.
pub const FEWEST_TO_RECENTRE: usize = 20;
/// So many pictures the old centres count for.
const PRIOR: f64 = 10.0;

/// The sums of the features of each place and detail, over so many samples.
#[derive(Default)]
struct Sums {
    /// (places, features), f64.
    features: Option<Levels<Tensor>>,
    samples: f64,
}

impl Sums {
    fn add(&mut self, picture: &Features) {
        let sums = picture
            .as_ref()
            .map(|one| one.sum_dim_intlist([0].as_slice(), false, Kind::Double));
        self.samples += picture.places.size()[0] as f64;
        self.features = Some(match self.features.take() {
            Some(so_far) => so_far.zip(sums).map(|(so_far, one)| so_far + one),
            None => sums,
        });
    }

    /// The means (places, features), f32; `None` where there was no picture.
    fn means(&self) -> Option<Levels<Tensor>> {
        let sums = self.features.as_ref()?.as_ref();
        Some(sums.map(|sum| (sum / self.samples).to_kind(Kind::Float)))
    }
}

/// Moves the centres of a dense model, which is on the CPU, towards pictures. `seen` is told how many are done, and of
/// those that cannot be used; its errors end it. [`Provenance::recentred`] says that it has been done; `of` is how it names
/// the file that the model was.
pub fn recentre(
    model: Model,
    of: &str,
    samples: &[Sample],
    mut seen: impl FnMut(Result<usize, PictureError>) -> Result<(), TrainError>,
) -> Result<Model, TrainError> {
    let (ModelConfig::Dense(config), ProfileNetworks::Dense(networks)) =
        (&model.config, &model.networks.profile)
    else {
        return Err(TrainError::NotDense);
    };
    let _kept = KeptBlocks::new();
    let options = Options {
        config: config.clone(),
        ..Options::default()
    };
    let device = Device::Cpu;
    let kind = Precision::Auto.on(device).map_err(ModelError::from)?;
    let extractor = Extractor::new(
        &networks.backbone,
        config.tiling,
        device,
        kind,
        Execution::on(device),
    )
    .map_err(ModelError::from)?;
    let mut look = Look::new(extractor, &options, networks.references.as_ref());
    let reading = Reading {
        size: config.picture().into(),
        significant_bits: model.provenance.significant_bits,
    };
    let (mut sums, mut pictures) = (Sums::default(), 0);
    reader::for_each(samples, reading, |index, picture| match picture {
        Ok(picture) => {
            guarded(|| sums.add(&look.sample(&picture))).map_err(TrainError::Libtorch)?;
            pictures += 1;
            seen(Ok(index + 1))
        }
        Err(error) => seen(Err(error)),
    })?;
    let means = match sums.means() {
        Some(means) if pictures >= FEWEST_TO_RECENTRE => means,
        _ => return Err(TrainError::TooFewToRecentre { found: pictures }),
    };
    let share = pictures as f64 / (pictures as f64 + PRIOR);
    let mut tensors: Tensors = tensors_of(&model.networks.weights).into_iter().collect();
    for (name, field, mean) in [
        ("dense.c", Some(&networks.field), &means.places),
        ("dense.details.c", networks.details.as_ref(), &means.details),
    ] {
        if let Some(field) = field {
            let moved = mean.matmul(&field.projection.tr()) - &field.c;
            tensors.insert(name.to_owned(), &field.c + moved * share);
        }
    }
    let now = Provenance::now();
    let mut provenance = model.provenance.clone();
    provenance.recentred.push(Recentred {
        created: now.created,
        version: now.version,
        of: of.to_owned(),
        pictures,
    });
    let networks = Model::of_tensors(&model.config, &tensors, device)
        .map_err(TrainError::Encoder)?
        .networks;
    Ok(Model {
        networks,
        provenance,
        ..model
    })
}
