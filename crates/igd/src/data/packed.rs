//! Files that hold many small pictures without compression: MNIST's IDX (LeCun et al.) and CIFAR-10's binary version
//! (Krizhevsky).

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use image::RgbImage;

use super::picture::Picture;
use crate::decode::PictureError;

/// A file of pictures of one size, each `record` bytes after the one before. Pictures are read when they are asked for.
#[derive(Debug)]
pub struct Packed {
    path: PathBuf,
    file: File,
    /// Bytes before the first picture.
    start: u64,
    /// From one picture to the next.
    record: u64,
    width: u32,
    height: u32,
    /// 1: gray, 3: planes of R, G and B.
    channels: usize,
    count: usize,
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Packed {}

/// The first bytes of IDX files: unsigned bytes in three dimensions, and in one.
const IDX_PICTURES: u32 = 0x0803;
const IDX_LABELS: u32 = 0x0801;
const IDX_PICTURES_HEADER: usize = 16;
const IDX_LABELS_HEADER: usize = 8;
/// Sides beyond this are a damaged header's.
const LARGEST_IDX_SIDE: u32 = 4096;

/// The names of MNIST's files: pictures and labels of training, then of testing.
pub const IDX_FILES: [[&str; 2]; 2] = [
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
    ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
];

const CIFAR_SIDE: u32 = 32;
/// The label and three planes.
const CIFAR_RECORD: usize = 1 + 3 * (CIFAR_SIDE * CIFAR_SIDE) as usize;

/// Why such a file cannot be used.
fn refused(path: &Path, reason: impl Into<String>) -> PictureError {
    PictureError::Packed {
        path: path.to_owned(),
        reason: reason.into(),
    }
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> PictureError {
    let path = path.to_owned();
    move |cause| PictureError::Io {
        path: path.clone(),
        cause,
    }
}

/// The big-endian numbers at the start of an IDX file.
fn numbers<const N: usize>(file: &mut File, path: &Path) -> Result<[u32; N], PictureError> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        let mut bytes = [0; 4];
        file.read_exact(&mut bytes)
            .map_err(|_| refused(path, "it ends before its header does"))?;
        *number = u32::from_be_bytes(bytes);
    }
    Ok(numbers)
}

impl Packed {
    /// Opens an IDX file of gray pictures, such as `train-images-idx3-ubyte`.
    pub fn idx(path: &Path) -> Result<Self, PictureError> {
        let mut file = File::open(path).map_err(io_error(path))?;
        let [kind, count, height, width] = numbers(&mut file, path)?;
        if kind != IDX_PICTURES {
            return Err(refused(path, "it is no IDX file of pictures"));
        }
        let sides = 1..=LARGEST_IDX_SIDE;
        if !sides.contains(&height) || !sides.contains(&width) {
            return Err(refused(path, format!("its pictures are {width}x{height}")));
        }
        Self {
            path: path.to_owned(),
            file,
            start: IDX_PICTURES_HEADER as u64,
            record: u64::from(width) * u64::from(height),
            width,
            height,
            channels: 1,
            count: count as usize,
        }
        .whole()
    }

    /// Opens a file of CIFAR-10's binary version, such as `data_batch_1.bin`, and reads its labels.
    pub fn cifar(path: &Path) -> Result<(Self, Vec<u8>), PictureError> {
        let bytes = std::fs::read(path).map_err(io_error(path))?;
        if bytes.is_empty() || !bytes.len().is_multiple_of(CIFAR_RECORD) {
            let reason = format!("it has {} bytes, not {CIFAR_RECORD} a picture", bytes.len());
            return Err(refused(path, reason));
        }
        let labels = bytes.iter().step_by(CIFAR_RECORD).copied().collect();
        let packed = Self {
            path: path.to_owned(),
            file: File::open(path).map_err(io_error(path))?,
            start: 1,
            record: CIFAR_RECORD as u64,
            width: CIFAR_SIDE,
            height: CIFAR_SIDE,
            channels: 3,
            count: bytes.len() / CIFAR_RECORD,
        };
        Ok((packed, labels))
    }

    /// Refuses a file that is shorter than its header says.
    fn whole(self) -> Result<Self, PictureError> {
        let length = self.file.metadata().map_err(io_error(&self.path))?.len();
        let expected = self.start + self.count as u64 * self.record;
        if length < expected {
            let reason = format!("it has {length} bytes, its header speaks of {expected}");
            return Err(refused(&self.path, reason));
        }
        Ok(self)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Pictures in the file.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are no pictures in the file.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Reads the picture at a place, from 0. Fails where there is none, or where the file cannot be read.
    pub fn picture(&self, index: usize) -> Result<Picture, PictureError> {
        let area = self.width as usize * self.height as usize;
        let mut planes = vec![0; area * self.channels];
        self.file
            .read_exact_at(&mut planes, self.start + index as u64 * self.record)
            .map_err(io_error(&self.path))?;
        let pixel = |x: u32, y: u32| {
            let place = (y * self.width + x) as usize;
            image::Rgb([0, 1, 2].map(|channel| planes[(channel % self.channels) * area + place]))
        };
        let rgb = RgbImage::from_fn(self.width, self.height, pixel);
        Ok(rgb.into())
    }
}

/// The labels in an IDX file, such as `train-labels-idx1-ubyte`.
pub fn idx_labels(path: &Path) -> Result<Vec<u8>, PictureError> {
    let mut file = File::open(path).map_err(io_error(path))?;
    let [kind, count] = numbers(&mut file, path)?;
    if kind != IDX_LABELS {
        return Err(refused(path, "it is no IDX file of labels"));
    }
    let mut labels = Vec::new();
    file.read_to_end(&mut labels).map_err(io_error(path))?;
    if labels.len() < count as usize {
        let reason = format!(
            "it has {} bytes, its header speaks of {}",
            labels.len() + IDX_LABELS_HEADER,
            count as usize + IDX_LABELS_HEADER
        );
        return Err(refused(path, reason));
    }
    labels.truncate(count as usize);
    Ok(labels)
}

/// Writes an IDX file of gray pictures, each `width` x `height` bytes, row by row.
pub fn write_idx_pictures(
    path: &Path,
    (width, height): (u32, u32),
    pictures: &[u8],
) -> io::Result<()> {
    let count = pictures.len() as u32 / (width * height).max(1);
    write_idx(path, &[IDX_PICTURES, count, height, width], pictures)
}

/// Writes an IDX file of labels, a byte each.
pub fn write_idx_labels(path: &Path, labels: &[u8]) -> io::Result<()> {
    write_idx(path, &[IDX_LABELS, labels.len() as u32], labels)
}

fn write_idx(path: &Path, header: &[u32], bytes: &[u8]) -> io::Result<()> {
    let header = header.iter().flat_map(|number| number.to_be_bytes());
    let all: Vec<u8> = header.chain(bytes.iter().copied()).collect();
    crate::files::write_atomically(path, &all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idx_there_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let (pictures, labels) = (folder.path().join("pictures"), folder.path().join("labels"));
        let bytes: Vec<u8> = (0..24).collect();
        write_idx_pictures(&pictures, (4, 3), &bytes).unwrap();
        write_idx_labels(&labels, &[7, 9]).unwrap();
        let packed = Packed::idx(&pictures).unwrap();
        assert_eq!(packed.len(), 2);
        let second = packed.picture(1).unwrap();
        assert_eq!(second.size(), (4, 3));
        assert_eq!(second.into_rgb().get_pixel(1, 2).0, [21; 3]);
        assert_eq!(idx_labels(&labels).unwrap(), [7, 9]);
        // One is not taken for the other, and what was cut off is told.
        assert!(Packed::idx(&labels).is_err() && idx_labels(&pictures).is_err());
        std::fs::write(&pictures, &std::fs::read(&pictures).unwrap()[..30]).unwrap();
        let error = Packed::idx(&pictures).unwrap_err().to_string();
        assert!(error.contains("30 bytes"), "{error}");
        std::fs::write(&labels, [0, 0]).unwrap();
        assert!(idx_labels(&labels).is_err());
    }

    #[test]
    fn cifar_has_planes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data_batch_1.bin");
        let mut bytes = vec![0; 2 * CIFAR_RECORD];
        bytes[CIFAR_RECORD] = 5;
        // The second picture's pixel (1, 0) in each plane.
        for (channel, value) in [10, 20, 30].into_iter().enumerate() {
            bytes[CIFAR_RECORD + 1 + channel * 1024 + 1] = value;
        }
        std::fs::write(&path, &bytes).unwrap();
        let (packed, labels) = Packed::cifar(&path).unwrap();
        assert_eq!(labels, [0, 5]);
        let picture = packed.picture(1).unwrap().into_rgb();
        assert_eq!(picture.get_pixel(1, 0).0, [10, 20, 30]);
        std::fs::write(&path, &bytes[1..]).unwrap();
        assert!(Packed::cifar(&path).is_err());
    }
}
