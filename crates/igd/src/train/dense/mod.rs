//! The dense profile: one pass over the pictures, a solution in closed form, and a second pass for the
//! threshold.

mod error;
mod few;
mod fit;
mod folds;
mod kept;
mod learning;
mod left_out;
mod look;
mod moments;
mod options;
mod recentre;
mod solver;
mod trim;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::mem;
use std::path::PathBuf;
use std::time::Instant;

use tch::{Device, Kind};

pub use self::error::FitError;
use self::fit::Fit;
pub(super) use self::kept::{FIT, path as state_file};
use self::kept::{Kept, Seen};
pub use self::learning::{LearnError, Learned, Learning};
use self::look::{Look, sample};
use self::moments::Moments;
pub use self::options::Options;
pub use self::recentre::{FEWEST_TO_RECENTRE, recentre};
use self::solver::Solver;
use super::backbone::{BACKBONE_LICENCE, imagenet_backbone};
use super::reader::{self, Read, Reading};
use super::run::{Run, Split};
use super::{Calibrating, FEWEST_LEFT_OUT, TrainError, Trained, TrainingEvent};
use crate::align::{self, References, Small};
use crate::criterion::Field;
use crate::data::Sample;
use crate::libtorch::{KeptBlocks, Workers};
use crate::model::{
    DETAIL_DIMENSIONS, DenseConfig, Execution, Extractor, ModelConfig, ModelError, Precision,
    Provenance, Tensors,
};
use crate::nn::dense::{Features, Levels};
use crate::nn::{Builder, dense};

/// References are made of so many pictures at most.
const MOST_FOR_REFERENCES: usize = 400;

/// Fits a model to the pictures.
pub(super) fn learn(options: &Options, run: &mut Run) -> Result<Trained, TrainError> {
    let _kept = KeptBlocks::new();
    let config = &options.config;
    let out = &run.options.out;
    let augmentation = options.augmentation;
    config
        .check()
        .and_then(|()| augmentation.map_or(Ok(()), |augmentation| augmentation.check()))
        .map_err(|reason| ModelError::not_a_model(out, reason))?;
    run.tell(TrainingEvent::Stage("fitting"));
    let names = Names::new(&run.options.data.samples);
    let Plan {
        mut kept,
        samples,
        leaves_out,
    } = plan(options, &names, run)?;
    if leaves_out {
        run.thumbnails.all_calibrate();
    }
    let found = kept.seen.fitted.len() + samples.len() + kept.seen.held_out.len();
    if options.trim && (!leaves_out || found < FEWEST_LEFT_OUT) {
        return Err(TrainError::TooFewToTrim {
            data: run.options.data.name.clone(),
            found,
        });
    }
    let device = run.options.device;
    let kind = Precision::Auto.on(device).map_err(ModelError::from)?;
    let backbone = backbone_tensors(imagenet_backbone()?);
    if config.align.is_some() && kept.references.is_none() {
        kept.references = Some(references(&samples, config, run)?);
    }
    let extractor = extractor(&backbone, config, device, kind)?;
    let mut look = Look::new(extractor, options, kept.references.as_ref());
    see(&samples, &mut look, &mut kept, options, run)?;
    run.check_usable(kept.seen.fitted.len(), kept.seen.held_out.len())?;
    let keep = |kept: &Kept, run: &Run| match run.options.keep {
        true => kept.write(&state_file(out)),
        false => Ok(()),
    };
    keep(&kept, run).map_err(|cause| run.not_written(cause))?;

    let mut solver = Solver {
        options,
        config: ModelConfig::Dense(config.clone()),
        names: &names,
        backbone: &backbone,
        look,
        leaves_out,
    };
    let (solution, seen) = if options.trim {
        let solution = solver.trim(&mut kept, run)?;
        keep(&kept, run).map_err(|cause| run.not_written(cause))?;
        (solution, kept.seen)
    } else {
        let Kept {
            seen,
            moments,
            references,
        } = kept;
        (
            solver.solve(moments, &seen, references.as_ref(), run)?,
            seen,
        )
    };
    let calibrating = match solution.left_out {
        Some(judged) => Calibrating::LeftOut(judged.into_iter().map(|(_, views)| views).collect()),
        None => Calibrating::HeldOut(names.samples(&seen.held_out), options.augmentation),
    };
    Ok(Trained {
        config: solver.config,
        tensors: solution.tensors,
        provenance: Provenance {
            encoder_licence: Some(BACKBONE_LICENCE.to_owned()),
            epochs: 1,
            ..run.provenance(seen.fitted.len())
        },
        calibrating,
    })
}

/// What there is to do.
struct Plan {
    kept: Kept,
    /// The pictures that are yet to be fitted to.
    samples: Vec<Sample>,
    /// Each picture is left out in turn to calibrate; else some are held out.
    leaves_out: bool,
}

/// Goes on with what an earlier run has kept, if it shall.
fn plan(options: &Options, names: &Names, run: &Run) -> Result<Plan, TrainError> {
    let earlier = run.options.earlier(FIT)?;
    let mut kept = match &earlier {
        Some(path) => Kept::read(path, options)?,
        None => Kept::new(options)?,
    };
    let seen = &mut kept.seen;
    let bits = run.options.data.significant_bits;
    if seen.significant_bits.is_some_and(|seen| Some(seen) != bits) {
        let reason = "its pictures had another range of brightness (10, 12, 14 or 16 bits)";
        return Err(TrainError::resume(
            earlier.as_deref().unwrap_or(&run.options.out),
            reason,
        ));
    }
    seen.significant_bits = bits;
    let new = names.unseen(seen);
    let leaves_out = run.options.hold_out.is_none();
    let mut due = mem::take(&mut seen.due);
    if leaves_out {
        // What an earlier run has held out is fitted to now.
        due.append(&mut seen.held_out);
    }
    let new = Split::new(new, run.options.hold_out.unwrap_or(0.0));
    let due = names.samples(&due);
    let samples: Vec<Sample> = due.into_iter().chain(new.training).collect();
    run.check_enough(
        seen.fitted.len() + samples.len(),
        seen.held_out.len() + new.held_out.len(),
    )?;
    seen.held_out.extend(new.held_out.iter().map(name));
    Ok(Plan {
        kept,
        samples,
        leaves_out,
    })
}

/// How pictures are read for the fit.
fn reading(config: &DenseConfig, run: &Run) -> Reading {
    Reading {
        size: config.picture().into(),
        significant_bits: run.options.data.significant_bits,
    }
}

/// What the parts of some of the pictures look like that lie as they should.
fn references(
    samples: &[Sample],
    config: &DenseConfig,
    run: &mut Run,
) -> Result<References, TrainError> {
    let step = samples.len().div_ceil(MOST_FOR_REFERENCES).max(1);
    let samples: Vec<Sample> = samples.iter().step_by(step).cloned().collect();
    let reading = reading(config, run);
    let mut small = Small::new(reading.size);
    let (mut smalls, mut stretches) = (Vec::new(), Vec::new());
    reader::for_each(&samples, reading, |_, picture| {
        // What cannot be read is told of when it is to be fitted to.
        if let Ok(Read { rgb, stretch }) = picture {
            smalls.extend_from_slice(small.look(&rgb));
            stretches.push(stretch);
        }
        run.check_stop()
    })?;
    stretches.sort_by(f32::total_cmp);
    match stretches.get(stretches.len() / 2) {
        Some(&stretch) => Ok(align::fit(&smalls, stretch)),
        None => Err(TrainError::TooFew {
            data: run.options.data.name.clone(),
            found: 0,
        }),
    }
}

/// A picture's name in what is kept: with its whole path, so that a folder may be named in several ways.
fn name(sample: &Sample) -> PathBuf {
    match fs::canonicalize(sample.file()) {
        Ok(whole) => sample.name_in(&whole),
        Err(_) => sample.name(),
    }
}

/// The pictures of a set by their names in what is kept.
struct Names<'a> {
    in_order: Vec<(PathBuf, &'a Sample)>,
    by_name: HashMap<PathBuf, &'a Sample>,
}

impl<'a> Names<'a> {
    fn new(samples: &'a [Sample]) -> Self {
        let in_order: Vec<_> = samples.iter().map(|one| (name(one), one)).collect();
        Self {
            by_name: in_order.iter().cloned().collect(),
            in_order,
        }
    }

    /// The pictures that are new.
    fn unseen(&self, seen: &Seen) -> Vec<Sample> {
        let known: HashSet<&PathBuf> = [&seen.fitted, &seen.due, &seen.held_out]
            .into_iter()
            .flatten()
            .collect();
        let new = self.in_order.iter();
        new.filter(|(name, _)| !known.contains(name))
            .map(|(_, sample)| (*sample).clone())
            .collect()
    }

    /// The pictures of those names; of an earlier run's, which may be gone, those that are there.
    fn samples(&self, names: &[PathBuf]) -> Vec<Sample> {
        let sample = |name: &PathBuf| match self.by_name.get(name) {
            Some(sample) => Some((*sample).clone()),
            None => name.is_file().then(|| Sample::File(name.clone())),
        };
        names.iter().filter_map(sample).collect()
    }
}

/// Adds pictures to the moments; now and then what has been seen is saved.
fn see(
    samples: &[Sample],
    look: &mut Look,
    kept: &mut Kept,
    options: &Options,
    run: &mut Run,
) -> Result<(), TrainError> {
    let reading = reading(&options.config, run);
    let mut batch = Vec::with_capacity(options.batch);
    let started = Instant::now();
    let mut saved = started;
    reader::for_each(samples, reading, |index, picture| {
        match picture {
            Ok(picture) => {
                let (rgb, size) = (&picture.rgb, reading.size);
                run.thumbnails.trained(&samples[index], rgb, size);
                batch.push(look.sample(&picture));
                kept.seen.fitted.push(name(&samples[index]));
            }
            Err(error) => run.skip(error)?,
        }
        let done = index + 1;
        let (is_last, is_stopped) = (done == samples.len(), run.is_stopped());
        let is_full = batch.len() * options.views() >= options.batch || is_last || is_stopped;
        if is_full && !batch.is_empty() {
            add(&mut kept.moments, &batch, look.workers());
            kept.seen.count = kept.moments.places.count;
            batch.clear();
            run.tell(TrainingEvent::Pictures(done, samples.len()));
        }
        // What took long is also kept for the time of the calibration.
        let since = if is_last { started } else { saved }.elapsed();
        if batch.is_empty() && (is_stopped || since >= run.options.checkpoint_interval) {
            kept.seen.due = samples[done..].iter().map(name).collect();
            if let Err(error) = kept.write(&state_file(&run.options.out)) {
                run.tell(TrainingEvent::NotSaved(&error));
            }
            saved = Instant::now();
        }
        // As it was above: for a signal since then nothing has been kept yet.
        match is_stopped {
            true => Err(TrainError::Stopped),
            false => Ok(()),
        }
    })?;
    kept.seen.due.clear();
    Ok(())
}

/// Adds the features of samples.
fn add(moments: &mut Levels<Moments>, samples: &[Features], workers: &Workers) {
    let features = Features::cat(samples, 0);
    moments
        .as_mut()
        .zip(features.as_ref())
        .map(|(moments, features)| moments.add(features, workers));
}

/// Directions.
fn dimensions(config: &DenseConfig) -> Levels<usize> {
    Levels {
        places: config.dimensions,
        details: DETAIL_DIMENSIONS,
    }
}

/// Begins the fits of a model.
fn fits(moments: Levels<Moments>, config: &DenseConfig) -> Result<Levels<Fit>, FitError> {
    let fits = moments.zip(dimensions(config));
    fits.map(|(moments, dimensions)| Fit::new(moments, dimensions))
        .transpose()
}

/// The backbone's tensors by their names in a model, with the precision that a model's file has: what is fitted is what
/// will run.
fn backbone_tensors(imagenet: Tensors) -> Tensors {
    dense::needed(imagenet)
        .into_iter()
        .map(|(name, tensor)| {
            let is_statistic = name.contains(".running_");
            let tensor = match tensor.kind() {
                Kind::Float if !is_statistic => tensor.to_kind(Kind::Half).to_kind(Kind::Float),
                _ => tensor,
            };
            (format!("dense.backbone.{name}"), tensor)
        })
        .collect()
}

fn extractor(
    backbone: &Tensors,
    config: &DenseConfig,
    device: Device,
    kind: Kind,
) -> Result<Extractor, TrainError> {
    let builder = Builder::for_inference(copy(backbone), device);
    let scope = &builder.root() / "dense" / "backbone";
    let backbone = dense::backbone(scope).map_err(TrainError::Encoder)?;
    let execution = Execution::on(device);
    let extractor = Extractor::new(&backbone, config.tiling, device, kind, execution);
    Ok(extractor.map_err(ModelError::from)?)
}

/// The fields' and the backbone's tensors by their names in a model, with the precision that a model's file has.
fn model_tensors(fields: &Levels<Field>, backbone: &Tensors) -> Tensors {
    let named = |scope: &str, field: &Field| {
        let tensors = [
            ("projection", field.projection.shallow_clone()),
            ("c", field.c.shallow_clone()),
            ("whiteners", field.whiteners.to_kind(Kind::Half)),
        ];
        tensors.map(|(name, tensor)| (format!("{scope}.{name}"), tensor))
    };
    let fields = [
        named("dense", &fields.places),
        named("dense.details", &fields.details),
    ];
    let fields = fields.into_iter().flatten();
    copy(backbone).into_iter().chain(fields).collect()
}

fn copy(tensors: &Tensors) -> Tensors {
    let tensors = tensors.iter();
    tensors
        .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
        .collect()
}
