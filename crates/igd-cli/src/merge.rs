//! `igd merge`

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;

use crate::left_out::LeftOut;
use crate::output::stdout;
use crate::predict::Part;

#[derive(Args)]
pub struct Arguments {
    /// The files of all parts, in any order
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// A part's last line is shorter.
const LONGEST_END: u64 = 4096;

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let parts = all_parts(&arguments.files)?;
    let mut lines = Lines {
        out: BufWriter::new(stdout()),
        before: None,
    };
    for (path, part) in &parts {
        lines
            .copy(path, part.continues)
            .with_context(|| path.display().to_string())?;
    }
    lines.out.flush()?;
    let sum = |of: fn(&Part) -> usize| parts.iter().map(|(_, part)| of(part)).sum();
    let left_out = LeftOut {
        pictures: sum(|part| part.left_out),
        ends: sum(|part| part.ends),
        ..LeftOut::default()
    };
    Ok(left_out.check()?)
}

/// The parts in their order, of which none is missing.
fn all_parts(paths: &[PathBuf]) -> anyhow::Result<Vec<(&Path, Part)>> {
    let mut parts = Vec::with_capacity(paths.len());
    for path in paths {
        let part = last_line(path).with_context(|| path.display().to_string())?;
        parts.push((path.as_path(), part));
    }
    parts.sort_by_key(|(_, part)| part.shard);
    let (first_path, first) = &parts[0];
    for (path, part) in &parts {
        ensure!(
            (part.of, &part.work) == (first.of, &first.work),
            "{} and {} are no parts of one run: the model, the inputs, the precision or the number of parts differ",
            first_path.display(),
            path.display()
        );
    }
    for pair in parts.windows(2) {
        let [(one, part), (other, next)] = pair else {
            continue;
        };
        ensure!(
            part.shard != next.shard,
            "{} and {} are both part {}/{}",
            one.display(),
            other.display(),
            part.shard,
            part.of
        );
    }
    let is_there = |number: &usize| parts.iter().any(|(_, part)| part.shard == *number);
    let missing: Vec<String> = (1..=first.of)
        .filter(|number| !is_there(number))
        .map(|number| format!("{number}/{}", first.of))
        .collect();
    if !missing.is_empty() {
        bail!(
            "missing: {}; run `igd predict --shard` again for each of them",
            missing.join(", ")
        );
    }
    Ok(parts)
}

/// What a part says of itself.
fn last_line(path: &Path) -> anyhow::Result<Part> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LONGEST_END)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let line = end.trim_ascii_end().rsplit(|byte| *byte == b'\n').next();
    serde_json::from_slice(line.unwrap_or_default())
        .context("it does not end as a file of `igd predict --shard I/N --out` does")
}

struct Lines<W: Write> {
    out: BufWriter<W>,
    /// Of the frame before: what its line begins with, and its number.
    before: Option<(Vec<u8>, u64)>,
}

impl<W: Write> Lines<W> {
    /// All lines of a part but its last. Frames of a video that the part before has begun are counted on.
    fn copy(&mut self, path: &Path, continues: bool) -> anyhow::Result<()> {
        let mut reader = BufReader::new(File::open(path)?);
        let (mut line, mut next) = (Vec::new(), Vec::new());
        // How many frames of a video the parts before have.
        let mut offset = match &self.before {
            Some((_, number)) if continues => number + 1,
            _ => 0,
        };
        let mut is_first = true;
        reader.read_until(b'\n', &mut line)?;
        while reader.read_until(b'\n', &mut next)? != 0 {
            match frame(&line)? {
                None => {
                    self.before = None;
                    self.out.write_all(&line)?;
                }
                Some(FrameLine { head, number, tail }) => {
                    let is_of_another = || {
                        self.before
                            .as_ref()
                            .is_none_or(|(before, _)| before != head)
                    };
                    if is_of_another() || (number == 0 && !is_first) {
                        offset = 0;
                    }
                    let number = number + offset;
                    self.out.write_all(head)?;
                    write!(self.out, "{number}")?;
                    self.out.write_all(tail)?;
                    self.before = Some((head.to_owned(), number));
                }
            }
            is_first = false;
            std::mem::swap(&mut line, &mut next);
            next.clear();
        }
        Ok(())
    }
}

/// A frame's line.
struct FrameLine<'a> {
    /// What is before the number, with the video's path.
    head: &'a [u8],
    number: u64,
    /// What is behind it.
    tail: &'a [u8],
}

/// `None` for a picture's line. In a text of JSON quotation marks have a backslash before them, so that no path can look
/// like the name of the field.
fn frame(line: &[u8]) -> anyhow::Result<Option<FrameLine<'_>>> {
    const NAME: &[u8] = b",\"frame\":";
    let Some(found) = line.windows(NAME.len()).position(|bytes| bytes == NAME) else {
        return Ok(None);
    };
    let (head, rest) = line.split_at(found + NAME.len());
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, tail) = rest.split_at(digits);
    let number = str::from_utf8(number)?.parse();
    Ok(Some(FrameLine {
        head,
        number: number.context("a frame has a number")?,
        tail,
    }))
}
