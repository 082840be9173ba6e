//! A part of the inputs, so that several machines share them: pictures are shared out by their number and videos by their
//! bytes, and a video that lies across the end of a part is cut in time.

use std::str::FromStr;

use anyhow::{Context, bail};

use super::plan::{Input, VideoPlan};

/// As many bytes of a video as are taken to be a picture's work.
const BYTES_OF_A_FRAME: f64 = 20_000.0;

/// One of so many parts, the first of which is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    pub number: usize,
    pub of: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(number, of)| {
            let (number, of) = (number.parse().ok()?, of.parse().ok()?);
            (1..=of).contains(&number).then_some(Self { number, of })
        });
        numbers.ok_or_else(|| "expected I/N, as in 1/8 for the first of eight".to_owned())
    }
}

impl Shard {
    /// What of the inputs is this part's, in their order. All parts together have each picture once and each moment of
    /// each video once.
    pub fn take(self, inputs: Vec<Input>) -> anyhow::Result<Vec<Input>> {
        let works = inputs
            .iter()
            .map(work)
            .collect::<anyhow::Result<Vec<_>>>()?;
        let whole: f64 = works.iter().sum();
        let share = |number: usize| whole * number as f64 / self.of as f64;
        let (first, last) = (share(self.number - 1), share(self.number));
        let is_last = self.number == self.of;
        let mut start = 0.0;
        let mut taken = Vec::new();
        for (input, work) in inputs.into_iter().zip(works) {
            // From here on as shares of the input; what rounding leaves at the very end is the last part's.
            let within = |place: f64| ((place - start) / work).clamp(0.0, 1.0);
            let end = if is_last { 1.0 } else { within(last) };
            let part = within(first)..end;
            start += work;
            match input {
                Input::Picture(picture) => {
                    // It is where its middle is.
                    if part.start < 0.5 && 0.5 <= part.end {
                        taken.push(Input::Picture(picture));
                    }
                }
                Input::Video(video) if part.start < part.end => {
                    taken.push(Input::Video(VideoPlan { part, ..video }));
                }
                Input::Video(_) => {}
            }
        }
        Ok(taken)
    }
}

/// How much an input is to do, in pictures.
fn work(input: &Input) -> anyhow::Result<f64> {
    let Input::Video(video) = input else {
        return Ok(1.0);
    };
    let path = &video.path;
    if path.to_string_lossy().contains("://") {
        bail!("{}: --shard takes files, not addresses", path.display());
    }
    let metadata = path
        .metadata()
        .with_context(|| path.display().to_string())?;
    Ok((metadata.len() as f64 / BYTES_OF_A_FRAME).max(1.0))
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::path::PathBuf;

    use super::*;
    use crate::predict::plan::PicturePlan;

    fn pictures(count: usize) -> Vec<Input> {
        let picture = |number: usize| {
            Input::Picture(PicturePlan {
                path: format!("{number}.png").into(),
                map: None,
                overlay: None,
            })
        };
        (0..count).map(picture).collect()
    }

    fn video(path: PathBuf) -> Input {
        Input::Video(VideoPlan::whole(path))
    }

    /// The paths of each part, and what of it is taken.
    fn parts(of: usize, inputs: impl Fn() -> Vec<Input>) -> Vec<Vec<(PathBuf, Range<f64>)>> {
        let taken = |number| Shard { number, of }.take(inputs()).unwrap();
        let named = |input| match input {
            Input::Picture(picture) => (picture.path, 0.0..1.0),
            Input::Video(video) => (video.path, video.part),
        };
        (1..=of)
            .map(|number| taken(number).into_iter().map(named).collect())
            .collect()
    }

    #[test]
    fn each_picture_is_in_one_part_and_none_has_two_more_than_another() {
        for (count, of) in [(10, 3), (3, 5), (64, 8), (1, 1)] {
            let parts = parts(of, || pictures(count));
            let (least, most) = (count / of, count.div_ceil(of));
            assert!(
                parts
                    .iter()
                    .all(|part| (least.saturating_sub(1)..=most + 1).contains(&part.len())),
                "{count} {of}"
            );
            let names: Vec<_> = parts.concat().into_iter().map(|(path, _)| path).collect();
            let expected: Vec<PathBuf> = (0..count)
                .map(|number| format!("{number}.png").into())
                .collect();
            assert_eq!(names, expected);
        }
    }

    #[test]
    fn videos_are_cut_where_parts_end() {
        let folder = tempfile::tempdir().unwrap();
        let [short, long] = ["short.mp4", "long.mp4"].map(|name| folder.path().join(name));
        std::fs::write(&short, vec![0; 40_000]).unwrap();
        std::fs::write(&long, vec![0; 160_000]).unwrap();
        let all = || {
            let mut inputs = vec![video(short.clone()), video(long.clone())];
            inputs.extend(pictures(2));
            inputs
        };
        let [first, second, third] = &parts(3, all)[..] else {
            panic!("three parts")
        };
        assert_eq!(
            first[..],
            [(short.clone(), 0.0..1.0), (long.clone(), 0.0..0.25)]
        );
        assert_eq!(second[..], [(long.clone(), 0.25..0.75)]);
        assert_eq!(third[0], (long.clone(), 0.75..1.0));
        assert_eq!(third.len(), 3);
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for text in ["", "3", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert_eq!("2/3".parse(), Ok(Shard { number: 2, of: 3 }));
        let address = video("rtsp://camera/1".into());
        let error = Shard { number: 1, of: 2 }
            .take(vec![address])
            .err()
            .unwrap();
        assert!(error.to_string().contains("takes files"), "{error}");
    }
}
