//! What the pictures of a fit to few score, each as it is judged by a fit to others.
//!
//! The projection is fitted anew too: of few pictures it knows each so well that those that are left out in closed form
//! look more normal than new ones.

use tch::Tensor;

use super::few::judge;
use super::left_out::measurement;
use super::look::Look;
use super::{Options, dimensions, reading};
use crate::data::Sample;
use crate::libtorch::SyncRef;
use crate::model::{Detector, Measurement};
use crate::nn::dense::Features;
use crate::train::run::Run;
use crate::train::{TrainError, TrainingEvent, reader};

/// The pictures are left out in so many parts.
const FOLDS: usize = 5;

/// Looks at pictures again that were fitted to, and takes some of them out in turn. `detector` turns distances into
/// score and map. Pictures that cannot be read any more are not among what comes of it: of the others what each scores
/// as it is, and what each of its copies does.
pub fn measure(
    samples: &[Sample],
    look: &mut Look,
    detector: &mut Detector,
    options: &Options,
    run: &mut Run,
) -> Result<Vec<(Sample, Vec<Measurement>)>, TrainError> {
    let (seen, features) = see(samples, look, options, run)?;
    let folds = FOLDS.min(seen.len());
    let mut judged: Vec<Option<Vec<Measurement>>> = seen.iter().map(|_| None).collect();
    for fold in 0..folds {
        let (left_out, others): (Vec<usize>, Vec<usize>) =
            (0..seen.len()).partition(|index| index % folds == fold);
        let samples = [&others, &left_out].map(|part| of(&features, part));
        let [others, out] = samples.each_ref().map(Features::as_ref);
        let levels = others.zip(out).zip(dimensions(&options.config));
        let found = levels.map(|((others, out), dimensions)| {
            // SAFETY: all only read them.
            let (others, out) = unsafe { (SyncRef::new(others), SyncRef::new(out)) };
            let workers = look.workers();
            workers.run(|| judge(others.get(), out.get(), dimensions))
        });
        let found = found.transpose()?;
        // The views of one picture after those of the other.
        let views = options.views();
        let together = options.samples_of_a_picture() / views;
        let view =
            |all: &Tensor, view: usize| all.narrow(0, (view * together) as i64, together as i64);
        for (place, index) in left_out.into_iter().enumerate() {
            let own = place * views..(place + 1) * views;
            judged[index] = own
                .map(|index| {
                    let (distances, residuals) = &found.places;
                    let parts = [distances, residuals, &found.details.0];
                    let parts = parts.map(|all| view(all, index));
                    measurement(parts.each_ref(), detector)
                })
                .collect::<Result<_, _>>()?;
        }
        run.tell(TrainingEvent::Pictures(fold + 1, folds));
        run.check_stop()?;
    }
    let pictures = seen.into_iter().zip(judged);
    Ok(pictures
        .filter_map(|(sample, views)| Some((sample.clone(), views?)))
        .collect())
}

/// The features of some of the pictures.
fn of(all: &[Features], part: &[usize]) -> Features {
    let part = part
        .iter()
        .map(|&index| all[index].as_ref().map(Tensor::shallow_clone));
    Features::cat(&part.collect::<Vec<_>>(), 0)
}

/// The pictures that can be read, and what is seen of each and of its copies.
fn see<'a>(
    samples: &'a [Sample],
    look: &mut Look,
    options: &Options,
    run: &mut Run,
) -> Result<(Vec<&'a Sample>, Vec<Features>), TrainError> {
    let reading = reading(&options.config, run);
    let (mut seen, mut features) = (Vec::new(), Vec::new());
    reader::for_each(samples, reading, |index, picture| {
        match picture {
            Ok(picture) => {
                run.thumbnails
                    .calibrates(&samples[index], &picture.rgb, reading.size);
                seen.push(&samples[index]);
                features.push(look.sample(&picture));
            }
            Err(error) => run.skip(error)?,
        }
        run.check_stop()
    })?;
    Ok((seen, features))
}
