//! What the pictures of a fit to few score, each as it is judged by a fit to others.
//!
//! The projection is fitted anew too: of few pictures it knows each so well that those that are left out in closed form
//! look more normal than new ones.

use super::fits;
use super::left_out::measurement;
use super::look::Look;
use super::moments::Moments;
use super::{Options, reading};
use crate::criterion::Field;
use crate::data::Sample;
use crate::model::{Detector, Measurement};
use crate::nn::dense::{Features, Levels};
use crate::train::run::Run;
use crate::train::{TrainError, TrainingEvent, reader};

/// The pictures are left out in so many parts, each of which takes a fit.
const FOLDS: usize = 5;

/// A picture, and what is seen of it and of its copies.
type Seen<'a> = (&'a Sample, Features);

/// Looks at pictures again that the moments are of, and takes some of them out in turn: the moments are what they were
/// in the end. `detector` turns distances into score and map. Pictures that cannot be read any more are not among what
/// comes of it: of the others what each scores as it is, and what each of its copies does.
pub fn measure(
    samples: &[Sample],
    moments: &mut Levels<Moments>,
    look: &mut Look,
    detector: &mut Detector,
    options: &Options,
    run: &mut Run,
) -> Result<Vec<(Sample, Vec<Measurement>)>, TrainError> {
    let seen = see(samples, look, options, run)?;
    let folds = FOLDS.min(seen.len());
    let mut judged: Vec<Option<Vec<Measurement>>> = seen.iter().map(|_| None).collect();
    for fold in 0..folds {
        let part: Vec<usize> = (fold..seen.len()).step_by(folds).collect();
        let features: Vec<&Features> = part.iter().map(|&index| &seen[index].1).collect();
        let fields = without(moments, &features, look, options)?;
        for index in part {
            judged[index] = judge(&fields, &seen[index].1, detector, options)?;
        }
        run.tell(TrainingEvent::Pictures(fold + 1, folds));
        run.check_stop()?;
    }
    let pictures = seen.into_iter().map(|(sample, _)| sample.clone());
    Ok(pictures
        .zip(judged)
        .filter_map(|(sample, views)| Some((sample, views?)))
        .collect())
}

fn see<'a>(
    samples: &'a [Sample],
    look: &mut Look,
    options: &Options,
    run: &mut Run,
) -> Result<Vec<Seen<'a>>, TrainError> {
    let reading = reading(&options.config, run);
    let mut seen = Vec::with_capacity(samples.len());
    reader::for_each(samples, reading, |index, picture| {
        match picture {
            Ok(picture) => {
                run.thumbnails
                    .calibrates(&samples[index], &picture.rgb, reading.size);
                seen.push((&samples[index], look.sample(&picture)));
            }
            Err(error) => run.skip(error)?,
        }
        run.check_stop()
    })?;
    Ok(seen)
}

/// The fields of all pictures but some.
fn without(
    moments: &mut Levels<Moments>,
    left_out: &[&Features],
    look: &Look,
    options: &Options,
) -> Result<Levels<Field>, TrainError> {
    let workers = look.workers();
    for features in left_out {
        let each = moments.as_mut().zip(features.as_ref());
        each.map(|(moments, features)| moments.remove(features, workers));
    }
    let fields =
        fits(moments.as_ref().map(Moments::share), &options.config).and_then(|mut fits| {
            fits.as_mut().map(|fit| fit.go_on(fit.places(), workers));
            fits.map(|fit| fit.finish()).transpose()
        });
    for features in left_out {
        let each = moments.as_mut().zip(features.as_ref());
        each.map(|(moments, features)| moments.add(features, workers));
    }
    Ok(fields?)
}

/// A picture's views by the fields of others; `None` where it says nothing.
fn judge(
    fields: &Levels<Field>,
    features: &Features,
    detector: &mut Detector,
    options: &Options,
) -> Result<Option<Vec<Measurement>>, TrainError> {
    let judged = fields
        .as_ref()
        .zip(features.as_ref())
        .map(|(field, features)| {
            let distances = field.distances(features, &field.matrices());
            (distances, field.residuals(features))
        });
    let views = options.views() as i64;
    let distances = judged.places.0.chunk(views, 0);
    let residuals = judged.places.1.chunk(views, 0);
    let details = judged.details.0.chunk(views, 0);
    let views = (0..views as usize).map(|view| {
        let view = [&distances[view], &residuals[view], &details[view]];
        measurement(view, detector)
    });
    Ok(views.collect::<Result<_, _>>()?)
}
