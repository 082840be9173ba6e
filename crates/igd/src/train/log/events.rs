//! TensorBoard's event files: records of a length, a message, and checksums of both (TFRecord), one after the other.
//! The messages are `Event`s of TensorFlow's `event.proto`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::summary::{Message, Summary};
use crate::files::write_atomically;

/// TensorBoard looks for `tfevents` in names.
const FILE: &str = "events.out.tfevents.0.igd";
/// Before a message, its length (8 bytes) and that length's checksum (4); after it the message's checksum (4).
const BEFORE: usize = 12;
const AFTER: usize = 4;

/// An event file that is added to.
#[derive(Debug)]
pub struct EventFile(File);

impl EventFile {
    /// The file of a folder.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// Opens the file of a folder, keeping of what is in it the events up to a step; of a training from its start,
    /// none.
    pub fn open(folder: &Path, step: usize) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = Self::path(folder);
        let before = match fs::read(&path) {
            Ok(bytes) if step > 0 => bytes,
            _ => Vec::new(),
        };
        let kept = match length_up_to(&before, step as u64) {
            0 => record(event(0).text(3, "brain.Event:2").bytes()),
            length => before[..length].to_vec(),
        };
        write_atomically(&path, &kept)?;
        Ok(Self(OpenOptions::new().append(true).open(path)?))
    }

    /// Adds what is to be shown of a step.
    pub fn write(&mut self, step: usize, summary: &Summary) -> io::Result<()> {
        let event = event(step as u64).message(5, summary.message());
        self.0.write_all(&record(event.bytes()))
    }
}

/// The time and the step, which every event of ours begins with.
fn event(step: u64) -> Message {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since_1970.map_or(0.0, |duration| duration.as_secs_f64());
    Message::default().double(1, seconds).number(2, step)
}

/// Where an event's step stands: after the time (9 bytes) and the step's own key.
const STEP_PLACE: usize = 10;

fn step_of(event: &[u8]) -> Option<u64> {
    let mut step = 0;
    for (place, byte) in event.get(STEP_PLACE..)?.iter().take(10).enumerate() {
        step |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(step);
        }
    }
    None
}

fn record(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    [
        &length[..],
        &masked_checksum(&length),
        message,
        &masked_checksum(message),
    ]
    .concat()
}

/// As TFRecord has it, so that checksums of what has checksums in it are none of zero.
fn masked_checksum(bytes: &[u8]) -> [u8; 4] {
    let checksum = crc32c::crc32c(bytes).rotate_right(15);
    checksum.wrapping_add(0xa282_ead8).to_le_bytes()
}

/// The message of the first record, if it is whole.
fn first_message(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let message = rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let (last, _) = rest[message.len()..].split_first_chunk::<4>()?;
    (masked_checksum(length) == *checksum && masked_checksum(message) == *last).then_some(message)
}

/// The bytes of the events up to a step. What a killed writer left half done ends them.
fn length_up_to(bytes: &[u8], step: u64) -> usize {
    let mut length = 0;
    while let Some(message) = first_message(&bytes[length..])
        && step_of(message).is_some_and(|found| found <= step)
    {
        length += BEFORE + message.len() + AFTER;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::super::summary::scalar;
    use super::*;

    fn steps(path: &Path) -> Vec<u64> {
        let bytes = fs::read(path.join(FILE)).unwrap();
        let mut rest = &bytes[..];
        let mut steps = Vec::new();
        while let Some(message) = first_message(rest) {
            steps.push(step_of(message).unwrap());
            rest = &rest[BEFORE + message.len() + AFTER..];
        }
        assert!(rest.is_empty());
        steps
    }

    #[test]
    fn checksums_are_tfrecords() {
        // The first record of any file that TensorFlow writes has this header where the version is 24 bytes.
        let header = 24u64.to_le_bytes();
        assert_eq!(masked_checksum(&header), [0xa3, 0x7f, 0x4b, 0x22]);
    }

    #[test]
    fn files_go_on_where_a_checkpoint_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("local");
        let summary = || Summary::from_iter([scalar("loss/total", 0.5)]);
        let mut file = EventFile::open(&path, 0).unwrap();
        for step in [1, 127, 128, 1_000_000] {
            file.write(step, &summary()).unwrap();
        }
        assert_eq!(steps(&path), [0, 1, 127, 128, 1_000_000]);
        let mut file = EventFile::open(&path, 128).unwrap();
        assert_eq!(steps(&path), [0, 1, 127, 128]);
        file.write(130, &summary()).unwrap();
        // Killed while it wrote.
        let bytes = fs::read(path.join(FILE)).unwrap();
        fs::write(path.join(FILE), &bytes[..bytes.len() - 3]).unwrap();
        EventFile::open(&path, 500).unwrap();
        assert_eq!(steps(&path), [0, 1, 127, 128]);
        EventFile::open(&path, 0).unwrap();
        assert_eq!(steps(&path), [0]);
    }
}
