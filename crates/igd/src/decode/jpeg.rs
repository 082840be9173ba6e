//! Whether a JPEG file is whole. The decoder fills what is missing with gray and says nothing.

const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;

/// Whether the file ends before its picture does. What comes behind the picture's end, such as the video of a motion
/// photo, is not looked at; what cannot be made sense of is the decoder's to refuse.
pub fn is_cut_off(bytes: &[u8]) -> bool {
    let mut at = 0;
    loop {
        let Some((marker, behind)) = next_marker(bytes, at) else {
            return true;
        };
        at = match marker {
            END => return false,
            // Alone: a start, a restart, or for private use.
            START | 0x01 | 0xd0..=0xd7 => behind,
            _ => {
                // The length counts itself.
                let Some(length) = bytes.get(behind..behind + 2) else {
                    return true;
                };
                behind + usize::from(u16::from_be_bytes([length[0], length[1]]))
            }
        };
        if marker == SCAN {
            let Some(end) = end_of_scan(bytes, at) else {
                return true;
            };
            at = end;
        }
    }
}

/// The first marker from `at` on, and where what follows it begins.
fn next_marker(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let start = at + bytes.get(at..)?.iter().position(|byte| *byte == 0xff)?;
    // Any number of fill bytes may stand before it.
    let marker = start + bytes[start..].iter().position(|byte| *byte != 0xff)?;
    Some((bytes[marker], marker + 1))
}

/// Where the coded pixels that begin at `at` end: at a marker that is neither a coded 0xff nor a restart.
fn end_of_scan(bytes: &[u8], at: usize) -> Option<usize> {
    let is_end = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xff | 0xd0..=0xd7);
    Some(at + bytes.get(at..)?.windows(2).position(is_end)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::jpeg::JpegEncoder;
    use image::{ImageEncoder, RgbImage};

    fn jpeg() -> Vec<u8> {
        let picture = RgbImage::from_fn(40, 30, |x, y| [x as u8 * 6, y as u8 * 8, 7].into());
        let mut bytes = Vec::new();
        JpegEncoder::new(&mut bytes)
            .write_image(&picture, 40, 30, image::ExtendedColorType::Rgb8)
            .unwrap();
        bytes
    }

    #[test]
    fn a_whole_one_is_whole_whatever_comes_behind_it() {
        let mut bytes = jpeg();
        assert!(!is_cut_off(&bytes));
        bytes.extend([0xff, SCAN, 0x00, 0x08, 1, 2, 3]);
        assert!(!is_cut_off(&bytes));
    }

    #[test]
    fn any_missing_end_is_noticed() {
        let bytes = jpeg();
        for length in 0..bytes.len() {
            assert!(is_cut_off(&bytes[..length]), "{length}");
        }
    }
}
