//! Pictures come: as files that somebody sends, which may be anything, or as frames.

use std::io::Write;

use igd::data::{Picture, claimed};
use igd::encode;
use image::{ImageFormat, RgbImage};
use uuid::Uuid;

use super::Lessons;
use super::set::{CAMERA, New, Set};
use crate::command::Refused;
use crate::lock::lock;

/// More pixels are not decoded: 8 bits of R, G and B of each take 150 MB.
const MOST_PIXELS: u64 = 50_000_000;
/// Smaller ones are told apart by nothing.
const SMALLEST_SIDE: u32 = 16;
/// Of the small pictures.
const SMALL_WIDTH: u32 = 240;
const QUALITY: u8 = 80;

impl Lessons {
    /// Takes a file that somebody sends: PNG, JPEG, BMP or TIFF, whatever it is called.
    pub fn upload(&self, recipe: &str, file: Vec<u8>) -> Result<Uuid, Refused> {
        self.room(recipe, file.len() as u64)?;
        let picture = {
            let _turn = lock(&self.decoding);
            decoded(&file)?
        };
        let (ending, picture) = picture;
        self.add(recipe, ending, file, picture)
    }

    /// Takes a frame of a camera.
    pub(super) fn take(&self, recipe: &str, frame: RgbImage) -> Result<Uuid, Refused> {
        let file = encode::png(&frame).map_err(failed)?;
        self.room(recipe, file.len() as u64)?;
        self.add(recipe, CAMERA, file, frame.into())
    }

    fn add(
        &self,
        recipe: &str,
        ending: &'static str,
        file: Vec<u8>,
        picture: Picture,
    ) -> Result<Uuid, Refused> {
        let new = New {
            small: small(picture.clone().into_rgb())?,
            ending,
            file,
            picture,
        };
        let mut sets = self.sets();
        let folder = self.folder.join(recipe);
        let set = sets
            .entry(recipe.to_owned())
            .or_insert_with(|| Set::new(folder));
        set.add(new).map_err(failed)
    }
}

fn failed(error: impl std::fmt::Display) -> Refused {
    Refused::Failed(error.to_string())
}

/// What follows its name, and the picture. What claims to be too large is not decoded.
fn decoded(file: &[u8]) -> Result<(&'static str, Picture), Refused> {
    let unfit = |why: String| Refused::Unfit(why);
    let kinds = [
        (ImageFormat::Png, ".png"),
        (ImageFormat::Jpeg, ".jpg"),
        (ImageFormat::Bmp, ".bmp"),
        (ImageFormat::Tiff, ".tif"),
    ];
    let claimed = claimed(file).map_err(|error| unfit(format!("not a picture: {error}")))?;
    let known = claimed.and_then(|claimed| {
        let known = kinds.into_iter().find(|(kind, _)| *kind == claimed.kind);
        known.map(|(_, ending)| (ending, claimed.size))
    });
    let (ending, (width, height)) =
        known.ok_or_else(|| unfit("no PNG, JPEG, BMP or TIFF".into()))?;
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(unfit(format!(
            "{width} x {height} pixels are more than a picture to learn from may have ({MOST_PIXELS})"
        )));
    }
    if width.min(height) < SMALLEST_SIDE {
        return Err(unfit(format!(
            "{width} x {height} pixels show too little: {SMALLEST_SIDE} x {SMALLEST_SIDE} at least"
        )));
    }
    // The decoder of all other pictures reads files; what it says of one is told without the file's name.
    let mut place = tempfile::NamedTempFile::new().map_err(failed)?;
    place.write_all(file).map_err(failed)?;
    let picture = Picture::open(place.path()).map_err(|error| {
        let told = error.to_string();
        let name = format!("{}: ", place.path().display());
        unfit(told.strip_prefix(&name).unwrap_or(&told).to_owned())
    })?;
    Ok((ending, picture))
}

fn small(pixels: RgbImage) -> Result<Vec<u8>, Refused> {
    let (width, height) = pixels.dimensions();
    let small_width = SMALL_WIDTH.min(width);
    let small_height = (u64::from(height) * u64::from(small_width) / u64::from(width)).max(1);
    let small = encode::scaled(&pixels, (small_width, small_height as u32));
    encode::jpeg(&small, QUALITY).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_picture_or_too_large_is_refused_with_a_reason() {
        let refused = |file: &[u8]| decoded(file).unwrap_err().to_string();
        assert_eq!(refused(b"no picture at all"), "no PNG, JPEG, BMP or TIFF");
        let mut bomb = Vec::new();
        let mut encoder = png(60_000, 60_000);
        bomb.append(&mut encoder);
        let told = refused(&bomb);
        assert!(
            told.starts_with("60000 x 60000 pixels are more than"),
            "{told}"
        );
        let whole = encode::jpeg(&RgbImage::new(64, 48), 80).unwrap();
        assert_eq!(decoded(&whole).unwrap().1.size(), (64, 48));
        let told = refused(&whole[..whole.len() - 8]);
        assert_eq!(told, "a part of the picture is missing at its end");
        assert!(refused(&png(8, 8)).starts_with("8 x 8 pixels show too little"));
    }

    /// The head of a PNG, which claims a size.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
        let mut head = b"IHDR".to_vec();
        head.extend(width.to_be_bytes());
        head.extend(height.to_be_bytes());
        head.extend([8, 0, 0, 0, 0]);
        let sum = crc(&head);
        file.extend(head);
        file.extend(sum.to_be_bytes());
        // An empty chunk of pixels, where readers of the head stop.
        file.extend([0, 0, 0, 0]);
        file.extend(b"IDAT");
        file.extend(crc(b"IDAT").to_be_bytes());
        file
    }

    fn crc(bytes: &[u8]) -> u32 {
        let step = |sum: u32, _| match sum & 1 {
            1 => 0xedb8_8320 ^ (sum >> 1),
            _ => sum >> 1,
        };
        let add = |sum: u32, byte: &u8| (0..8).fold(sum ^ u32::from(*byte), step);
        !bytes.iter().fold(!0, add)
    }
}
