//! What the pictures of a fit score, each as if it alone had been left out: for the threshold, without keeping pictures
//! from the fit.

use rayon::prelude::*;
use tch::{Tensor, no_grad};

use super::{Options, reading, sample};
use crate::criterion::LeftOutField;
use crate::data::Sample;
use crate::libtorch::{SyncRef, Workers};
use crate::model::{DetectError, Detector, Extractor, Measurement};
use crate::train::run::Run;
use crate::train::{TrainError, TrainingEvent, reader};

/// Places that a thread takes at once.
const PLACES: i64 = 8;

/// Looks at pictures again that were fitted to. `detector` turns distances into score and map.
pub fn measure(
    samples: &[Sample],
    field: &LeftOutField,
    extractor: &mut Extractor,
    detector: &mut Detector,
    options: &Options,
    run: &mut Run,
) -> Result<Vec<Measurement>, TrainError> {
    let shared = options.config.shared;
    let together = options.batch.div_ceil(field.together as usize);
    let mut batch = Vec::with_capacity(together);
    let mut measurements = Vec::with_capacity(samples.len());
    run.seen.all_calibrate();
    let reading = reading(extractor, run);
    reader::for_each(samples, reading, |index, rgb| {
        match rgb {
            Ok(rgb) => {
                run.seen.calibrates(&samples[index], &rgb, reading.size);
                batch.push(sample(extractor, shared, &rgb));
            }
            Err(error) => run.skip(error)?,
        }
        let done = index + 1;
        if batch.len() >= together || (done == samples.len() && !batch.is_empty()) {
            let distances = distances(field, &Tensor::stack(&batch, 0), extractor.workers());
            batch.clear();
            for picture in 0..distances.size()[0] {
                measurements.extend(judge(&distances.get(picture), detector)?);
            }
            run.tell(TrainingEvent::Pictures(done, samples.len()));
        }
        run.check_stop()
    })?;
    Ok(measurements)
}

/// Features (N, T, places, features) of N pictures to the distances (N, T, places) of all places, on the threads.
fn distances(field: &LeftOutField, features: &Tensor, workers: &Workers) -> Tensor {
    let places = field.places();
    // SAFETY: all only read them.
    let (field, features) = unsafe { (SyncRef::new(field), SyncRef::new(features)) };
    let distances: Vec<Tensor> = workers.run(|| {
        (0..(places + PLACES - 1) / PLACES)
            .into_par_iter()
            .map(|chunk| {
                let first = chunk * PLACES;
                let length = PLACES.min(places - first);
                no_grad(|| field.get().distances(features.get(), first, length))
            })
            .collect()
    });
    Tensor::cat(&distances, 2)
}

/// One picture's distances (T, places). What is in the file may have changed since an earlier run has fitted to it:
/// where that shows, it says nothing.
fn judge(distances: &Tensor, detector: &mut Detector) -> Result<Option<Measurement>, DetectError> {
    if distances.isfinite().all().int64_value(&[]) == 0 {
        return Ok(None);
    }
    let values = Vec::<f32>::try_from(distances.flatten(0, -1)).expect("floats on the CPU");
    let cells = detector
        .dense_config()
        .map_or(values.len(), |config| config.tiling.cells());
    let tiles: Vec<&[f32]> = values.chunks_exact(cells).collect();
    detector.measure_distances(&tiles).map(Some)
}
