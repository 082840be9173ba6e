//! What the pictures of a fit score, each as if it alone had been left out: for the threshold, without keeping pictures
//! from the fit.

use rayon::prelude::*;
use tch::{Kind, Tensor, no_grad};

use super::look::Look;
use super::{Options, reading};
use crate::criterion::LeftOutField;
use crate::data::Sample;
use crate::libtorch::{SyncRef, Workers};
use crate::model::{DetectError, Detector, LeftOut, Measurement, PlacesView};
use crate::nn::dense::{Features, Levels};
use crate::train::run::Run;
use crate::train::{TrainError, TrainingEvent, reader};

/// Places, and details, that a thread takes at once.
const TOGETHER: Levels<i64> = Levels {
    places: 8,
    details: 64,
};

/// The model keeps at most so many of what its pictures were like: 0.8 MB of 192 directions.
const MOST_KEPT: usize = 2048;

/// What the model keeps of the pictures, by the names of its tensors: of all, or evenly spread over their order.
pub fn kept(measurements: &[&Measurement]) -> Option<[(String, Tensor); 2]> {
    let step = measurements.len().div_ceil(MOST_KEPT).max(1);
    // Where one does not differ from the mean in any way, it says nothing.
    let kept: Vec<_> = measurements.iter().step_by(step).collect();
    let distances: Vec<f32> = kept.iter().map(|one| one.score).collect();
    if distances.is_empty() || distances.iter().any(|&distance| distance <= 0.0) {
        return None;
    }
    let departures = kept.iter().map(|one| Tensor::from_slice(&one.departure));
    let departures = Tensor::stack(&departures.collect::<Vec<_>>(), 0);
    // With the precision that a model's file has.
    let departures = departures.to_kind(Kind::Half).to_kind(Kind::Float);
    let tensors = [Tensor::from_slice(&distances), departures];
    let [first, second] = LeftOut::NAMES.map(str::to_owned);
    let [distances, departures] = tensors;
    Some([(first, distances), (second, departures)])
}

/// Looks at pictures again that were fitted to. `detector` turns distances into score and map. Pictures that say
/// nothing, or cannot be read any more, are not among what comes of it: of the others what each scores as it is, and
/// what each of its copies does.
pub fn measure(
    samples: &[Sample],
    fields: &Levels<LeftOutField>,
    look: &mut Look,
    detector: &mut Detector,
    options: &Options,
    run: &mut Run,
) -> Result<Vec<(Sample, Vec<Measurement>)>, TrainError> {
    detector.tell_departures();
    let views = options.views();
    let together = options.batch.div_ceil(fields.places.together as usize);
    let mut batch = Vec::with_capacity(together);
    let mut waiting = Vec::with_capacity(together);
    let mut measurements = Vec::with_capacity(samples.len());
    let reading = reading(&options.config, run);
    reader::for_each(samples, reading, |index, picture| {
        match picture {
            Ok(picture) => {
                run.thumbnails
                    .calibrates(&samples[index], &picture.rgb, reading.size);
                batch.push(look.sample(&picture));
                waiting.push(&samples[index]);
            }
            Err(error) => run.skip(error)?,
        }
        let done = index + 1;
        if batch.len() >= together || (done == samples.len() && !batch.is_empty()) {
            // Of all of them, one after the other.
            let features = Features::cat(&batch, 0);
            batch.clear();
            let levels = fields.as_ref().zip(features.as_ref()).zip(TOGETHER);
            let judged = levels.map(|((field, features), together)| {
                let features = features.unflatten(0, [-1, field.together]);
                judge(field, &features, together, look.workers())
            });
            for (picture, sample) in (0..).zip(waiting.drain(..)) {
                let of_views = |all: &Tensor| all.get(picture).chunk(views as i64, 0);
                let distances = of_views(&judged.places.0);
                let residuals = of_views(&judged.places.1);
                let details = of_views(&judged.details.0);
                let judged: Option<Vec<_>> = (0..views)
                    .map(|view| {
                        measurement(
                            [&distances[view], &residuals[view], &details[view]],
                            detector,
                        )
                    })
                    .collect::<Result<_, _>>()?;
                measurements.extend(judged.map(|views| (sample.clone(), views)));
            }
            run.tell(TrainingEvent::Pictures(done, samples.len()));
        }
        run.check_stop()
    })?;
    Ok(measurements)
}

/// Features (N, T, places, features) of N pictures to the distances (N, T, places) and the residuals (N, T, places, d)
/// of all places, on the threads, each of which takes so many of them `together`.
fn judge(
    field: &LeftOutField,
    features: &Tensor,
    together: i64,
    workers: &Workers,
) -> (Tensor, Tensor) {
    let places = field.places();
    // SAFETY: all only read them.
    let (field, features) = unsafe { (SyncRef::new(field), SyncRef::new(features)) };
    let (distances, residuals): (Vec<Tensor>, Vec<Tensor>) = workers.run(|| {
        (0..(places + together - 1) / together)
            .into_par_iter()
            .map(|chunk| {
                let first = chunk * together;
                let length = together.min(places - first);
                no_grad(|| field.get().judge(features.get(), first, length))
            })
            .unzip()
    });
    (Tensor::cat(&distances, 2), Tensor::cat(&residuals, 2))
}

/// From one view's distances (T, places), residuals (T, places, d) and details' distances (T, details). What is in the
/// file may have changed since an earlier run has fitted to it: where that shows, it says nothing.
pub fn measurement(
    [distances, residuals, details]: [&Tensor; 3],
    detector: &mut Detector,
) -> Result<Option<Measurement>, DetectError> {
    let is_finite = |tensor: &Tensor| tensor.isfinite().all().int64_value(&[]) == 1;
    if !is_finite(distances) || !is_finite(details) {
        return Ok(None);
    }
    let numbers =
        |tensor: &Tensor| Vec::<f32>::try_from(tensor.flatten(0, -1)).expect("floats on the CPU");
    let tiles = detector
        .dense_config()
        .map_or(1, |config| config.tiling.count());
    let [distances, residuals, details] = [distances, residuals, details].map(numbers);
    let of_a_tile = |all: &[f32]| all.len() / tiles;
    let tiles: Vec<_> = distances
        .chunks_exact(of_a_tile(&distances))
        .zip(residuals.chunks_exact(of_a_tile(&residuals)))
        .zip(details.chunks_exact(of_a_tile(&details)))
        .map(|((distances, residuals), details)| PlacesView {
            distances,
            sums: residuals,
            residuals,
            details,
        })
        .collect();
    detector.measure_places(&tiles).map(Some)
}
