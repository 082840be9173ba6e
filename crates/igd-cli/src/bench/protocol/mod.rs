//! `igd bench mnist` and the like: the paper's protocols over classes and seeds, and a table of what came out.

mod published;
mod runs;
mod table;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use igd::data::{elpv, mnist};
use igd::files::advised;

use self::runs::{Job, Profile};
use crate::numbers::share;
use crate::output::stdout;

#[derive(Args)]
pub struct Arguments {
    /// The data set's folder; MNIST, Fashion-MNIST and ELPV are fetched to `OUT/data` where it is not given
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The folder for models and results; what is there already is not done again
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The families of models to train
    #[arg(long, value_enum, default_value_t = Profiles::Both)]
    profile: Profiles,
    /// The normal classes (0 to 9), or MVTec's categories [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    classes: Vec<String>,
    /// Each class is trained once with each of them; the dense profile draws nothing and has one run
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1")]
    seeds: Vec<u64>,
    /// Trainings at the same time; each has its share of the cores
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Minutes of each of the paper profile's trainings, instead of the set's usual steps
    #[arg(long, value_name = "M")]
    minutes: Option<f64>,
    /// Train on this share of the pictures only, in both profiles
    #[arg(long, value_name = "SHARE", value_parser = share)]
    sample_rate: Option<f64>,
    /// Let this share of what is trained on be anomalous, in both profiles
    #[arg(long, value_name = "SHARE", value_parser = share)]
    contamination: Option<f64>,
    /// Let the class after each normal one be normal too, but so small a share of what is trained on, and judge that one
    /// against the eight others
    #[arg(long, value_name = "SHARE", value_parser = share)]
    rare_share: Option<f64>,
    /// Further arguments of the paper profile's `igd train`, such as `-- --width 32 --no-critic`
    #[arg(last = true, value_name = "ARGUMENT")]
    train: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Profiles {
    Both,
    Paper,
    Dense,
}

impl Profiles {
    fn all(self) -> &'static [Profile] {
        match self {
            Self::Both => &[Profile::Paper, Profile::Dense],
            Self::Paper => &[Profile::Paper],
            Self::Dense => &[Profile::Dense],
        }
    }
}

/// A data set and how its models are trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    Mnist,
    FashionMnist,
    Cifar10,
    Mvtec,
    Folder,
    Elpv,
}

/// Arguments of `igd train` with their values, chosen for two cores: see docs/results.md.
const SMALL: &[(&str, &str)] = &[
    ("--scales", "single"),
    ("--width", "8"),
    ("--patch-batch", "32"),
    ("--learning-rate", "1e-3"),
    ("--steps", "1000"),
];
const SMALL_DENSE: &[(&str, &str)] = &[("--input", "64")];
const LARGE: &[(&str, &str)] = &[
    ("--batch", "8"),
    ("--learning-rate", "3e-4"),
    ("--global-share", "0.6"),
];

impl Set {
    fn name(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::FashionMnist => "fashion-mnist",
            Self::Cifar10 => "cifar10",
            Self::Mvtec => "mvtec",
            Self::Folder => "folder",
            Self::Elpv => "elpv",
        }
    }

    /// Whether one of ten classes is normal in turn.
    fn has_classes(self) -> bool {
        matches!(self, Self::Mnist | Self::FashionMnist | Self::Cifar10)
    }

    /// Arguments of `igd train` beside data and model: those of the command line, and the usual ones that it does not
    /// give.
    fn training(self, profile: Profile, seed: u64, arguments: &Arguments) -> Vec<String> {
        let (usual, mut given) = match (profile, self.has_classes()) {
            (Profile::Dense, true) => (SMALL_DENSE, Vec::new()),
            (Profile::Dense, false) => (&[][..], Vec::new()),
            (Profile::Paper, true) => (SMALL, arguments.train.clone()),
            (Profile::Paper, false) => (LARGE, arguments.train.clone()),
        };
        if profile == Profile::Paper {
            given.extend(["--seed".to_owned(), seed.to_string()]);
            if let Some(minutes) = arguments.minutes {
                given.extend(["--minutes".to_owned(), minutes.to_string()]);
            }
            // A mirrored digit is no digit.
            if matches!(self, Self::FashionMnist | Self::Cifar10) {
                given.push("--flip".to_owned());
            }
        }
        for (name, share) in [
            ("--sample-rate", arguments.sample_rate),
            ("--contamination", arguments.contamination),
            ("--rare-share", arguments.rare_share),
        ] {
            if let Some(share) = share {
                given.extend([name.to_owned(), share.to_string()]);
            }
        }
        let is_given = |name: &str| given.iter().any(|argument| argument == name);
        let has_length = ["--minutes", "--epochs", "--steps"]
            .into_iter()
            .any(is_given);
        let usual = usual
            .iter()
            .filter(|(name, _)| !(is_given(name) || has_length && *name == "--steps"))
            .flat_map(|&(name, value)| [name.to_owned(), value.to_owned()]);
        usual.chain(given.iter().cloned()).collect()
    }

    /// The data set's folder, fetched if need be.
    fn folder(self, arguments: &Arguments) -> anyhow::Result<PathBuf> {
        if let Some(folder) = &arguments.data {
            return Ok(folder.clone());
        }
        let folder = arguments.out.join("data");
        match self {
            Self::Mnist => mnist::write_mnist(&folder).map(drop)?,
            Self::FashionMnist => mnist::write_fashion_mnist(&folder).map(drop)?,
            Self::Elpv => elpv::write(&folder).map(drop)?,
            _ => bail!("say with --data where {} lies", self.name()),
        }
        Ok(folder)
    }

    /// The classes or categories in the folder, with the arguments that choose them, and each one's folder.
    fn classes(self, folder: &Path, with_rare: bool) -> anyhow::Result<Vec<Class>> {
        if self.has_classes() {
            let class = |number: u8| {
                let mut arguments = vec!["--class".to_owned(), number.to_string()];
                if with_rare {
                    let rare = (number + 1) % 10;
                    arguments.extend(["--rare-class".to_owned(), rare.to_string()]);
                }
                Class {
                    name: number.to_string(),
                    folder: folder.to_owned(),
                    arguments,
                }
            };
            return Ok((0..10).map(class).collect());
        }
        if with_rare {
            bail!("--rare-share is for sets of ten classes");
        }
        if self != Self::Mvtec {
            let name = self.name().to_owned();
            return Ok(vec![Class {
                name,
                folder: folder.to_owned(),
                arguments: Vec::new(),
            }]);
        }
        let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
        let mut classes: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.join("train/good").is_dir())
            .filter_map(|path| {
                Some(Class {
                    name: path.file_name()?.to_str()?.to_owned(),
                    folder: path,
                    arguments: Vec::new(),
                })
            })
            .collect();
        classes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(classes)
    }
}

/// What is normal in one run.
#[derive(Clone, Debug)]
struct Class {
    name: String,
    folder: PathBuf,
    /// That choose it, for training and evaluation.
    arguments: Vec<String>,
}

pub fn run(set: Set, arguments: &Arguments, json: bool) -> anyhow::Result<()> {
    fs::create_dir_all(&arguments.out)
        .map_err(advised)
        .with_context(|| arguments.out.display().to_string())?;
    let folder = set.folder(arguments)?;
    let mut classes = set.classes(&folder, arguments.rare_share.is_some())?;
    for wanted in &arguments.classes {
        if !classes.iter().any(|class| class.name == *wanted) {
            bail!("{}: there is no class {wanted}", folder.display());
        }
    }
    if !arguments.classes.is_empty() {
        classes.retain(|class| arguments.classes.contains(&class.name));
    }
    if classes.is_empty() {
        bail!("{}: no category with train/good in it", folder.display());
    }
    let mut jobs = Vec::new();
    for class in &classes {
        for &profile in arguments.profile.all() {
            let seeds = match profile {
                Profile::Paper => &arguments.seeds[..],
                Profile::Dense => &arguments.seeds[..1],
            };
            for &seed in seeds {
                jobs.push(Job {
                    class: class.clone(),
                    profile,
                    seed,
                    training: set.training(profile, seed, arguments),
                });
            }
        }
    }
    let results = runs::run(&jobs, usize::from(arguments.jobs), &arguments.out)?;
    let rows = table::rows(set, &results);
    if json {
        writeln!(stdout(), "{}", serde_json::to_string(&rows)?)?;
    } else {
        write!(stdout(), "{}", table::text(set, &rows))?;
    }
    Ok(())
}
