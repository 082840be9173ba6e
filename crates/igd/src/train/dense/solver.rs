//! From what a fit has seen to a model, and to what its pictures score.

use super::fit::Fit;
use super::kept::{Kept, Seen};
use super::look::Look;
use super::moments::Moments;
use super::trim::{MOST_DROPPED, MOST_ROUNDS, odd};
use super::{Names, Options, fits, model_tensors, name, reading};
use super::{folds, left_out};
use crate::align::References;
use crate::criterion::{DriftReference, LeftOutField};
use crate::data::Sample;
use crate::model::{Measurement, ModelConfig, Tensors, tensors_of_references};
use crate::nn::dense::Levels;
use crate::train::run::Run;
use crate::train::{FEWEST_LEFT_OUT, TrainError, TrainingEvent, Trimmed, reader};

/// What is the same for all that is fitted in a run.
pub struct Solver<'a> {
    pub options: &'a Options,
    pub config: ModelConfig,
    pub names: &'a Names<'a>,
    pub backbone: &'a Tensors,
    pub look: Look,
    /// Each picture is left out in turn.
    pub leaves_out: bool,
}

/// How pictures are left out in turn.
enum LeavingOut {
    /// In closed form, by what is fitted to all.
    OneByOne(Levels<LeftOutField>),
    /// By fits to others.
    SomeAtOnce,
}

/// A model's tensors.
pub struct Solution {
    pub tensors: Tensors,
    /// The pictures that it was fitted to, each left out in turn, if they are: what each scores as it is, and what
    /// each of its copies does.
    pub left_out: Option<Vec<(Sample, Vec<Measurement>)>>,
}

impl Solver<'_> {
    /// Fits to what was seen.
    pub fn solve(
        &mut self,
        moments: Levels<Moments>,
        seen: &Seen,
        references: Option<&References>,
        run: &mut Run,
    ) -> Result<Solution, TrainError> {
        let is_few = seen.fitted.len() < FEWEST_LEFT_OUT;
        let mut fits = fits(moments, &self.options.config)?;
        let workers = self.look.workers();
        fits.as_mut().map(|fit| fit.go_on(fit.places(), workers));
        let together = self.options.samples_of_a_picture();
        let leaving_out = self.leaves_out.then(|| match is_few {
            true => LeavingOut::SomeAtOnce,
            false => LeavingOut::OneByOne(fits.as_ref().map(|fit| fit.left_out(together, workers))),
        });
        let fields = fits.map(Fit::finish).transpose()?;
        let mut tensors = model_tensors(&fields, self.backbone);
        tensors.extend(references.into_iter().flat_map(tensors_of_references));
        let Some(leaving_out) = leaving_out else {
            return Ok(Solution {
                tensors,
                left_out: None,
            });
        };
        run.tell(TrainingEvent::Stage("calibrating"));
        run.thumbnails.forget_calibrating();
        let samples = self.names.samples(&seen.fitted);
        let mut detector = run.detector(&self.config, &tensors)?;
        let (look, options) = (&mut self.look, self.options);
        let judged = match leaving_out {
            LeavingOut::OneByOne(fields) => {
                let judged =
                    left_out::measure(&samples, &fields, look, &mut detector, options, run)?;
                tensors.extend(to_learn_from(&judged));
                judged
            }
            LeavingOut::SomeAtOnce => folds::measure(&samples, look, &mut detector, options, run)?,
        };
        Ok(Solution {
            tensors,
            left_out: Some(judged),
        })
    }

    /// The same with pictures dropped that do not fit the others, until none is odd any more.
    pub fn trim(&mut self, kept: &mut Kept, run: &mut Run) -> Result<Solution, TrainError> {
        let mut most = (MOST_DROPPED * kept.seen.fitted.len() as f64) as usize;
        let mut solution = self.solve_kept(kept, run)?;
        for _ in 0..MOST_ROUNDS {
            let judged = solution.left_out.take().unwrap_or_default();
            let scores: Vec<f32> = judged.iter().map(|(_, views)| views[0].score).collect();
            let odd = odd(&scores, most);
            if odd.is_empty() {
                solution.left_out = Some(judged);
                break;
            }
            most -= odd.len();
            let odd: Vec<_> = odd
                .iter()
                .map(|&index| (judged[index].0.clone(), scores[index]))
                .collect();
            self.drop(&odd, kept, run)?;
            solution = self.solve_kept(kept, run)?;
        }
        Ok(solution)
    }

    fn solve_kept(&mut self, kept: &Kept, run: &mut Run) -> Result<Solution, TrainError> {
        let references = kept.references.as_ref();
        self.solve(
            kept.moments.as_ref().map(Moments::share),
            &kept.seen,
            references,
            run,
        )
    }

    /// Takes pictures, with what they score, out of what was seen.
    fn drop(
        &mut self,
        odd: &[(Sample, f32)],
        kept: &mut Kept,
        run: &mut Run,
    ) -> Result<(), TrainError> {
        run.tell(TrainingEvent::Stage("trimming"));
        let samples: Vec<Sample> = odd.iter().map(|(sample, _)| sample.clone()).collect();
        let reading = reading(&self.options.config, run);
        reader::for_each(&samples, reading, |index, picture| {
            let (dropped, score) = &odd[index];
            // It was read a moment ago: a file that has gone since then is an error.
            let picture = picture?;
            let features = self.look.sample(&picture);
            let workers = self.look.workers();
            let moments = kept.moments.as_mut().zip(features.as_ref());
            moments.map(|(moments, features)| moments.remove(features, workers));
            kept.seen.count = kept.moments.places.count;
            let name = name(dropped);
            kept.seen.fitted.retain(|fitted| *fitted != name);
            run.trim(&Trimmed {
                sample: dropped,
                score: *score,
                rgb: &picture.rgb,
                size: reading.size,
            });
            run.check_stop()
        })
    }
}

/// What stays in the model of pictures that were left out in turn: to learn from marked ones later, and to know drift.
fn to_learn_from(judged: &[(Sample, Vec<Measurement>)]) -> Tensors {
    let measurements: Vec<_> = judged.iter().flat_map(|(_, views)| views).collect();
    let kept = left_out::kept(&measurements).into_iter().flatten();
    // One of each picture's, for they are no pictures of their own.
    let views = judged.iter().enumerate();
    let pooled: Vec<_> = views
        .map(|(index, (_, views))| views[index % views.len()].pooled.clone())
        .collect();
    let drift = DriftReference::new(&pooled);
    kept.chain(drift.iter().flat_map(DriftReference::tensors))
        .collect()
}
