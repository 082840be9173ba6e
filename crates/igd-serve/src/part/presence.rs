//! Whether a part is in the place that is inspected.

use std::path::Path;

use gst_video::VideoInfo;
use gstigd::video::{Area, frame_of};
use igd::data::Picture;

use crate::judged::Judged;
use crate::thumbnail::Thumbnail;

/// What a part has to leave of the limit to have gone, so that no part is told twice that is hard to see.
const GONE: f32 = 0.5;
/// How much of the way the empty place comes nearer to each frame without a part, as its light changes.
const FOLLOWS: f32 = 0.02;

/// Holds a camera's frames against the place without a part.
pub struct Presence {
    /// Mean difference of a pixel, 0 to 255, above which a part is there.
    limit: f32,
    info: VideoInfo,
    empty: gst::Buffer,
    /// The inspected part of it.
    place: Option<(Area, Thumbnail)>,
    /// Of the last frame.
    difference: f32,
    is_there: bool,
}

impl Presence {
    /// `empty` is the file of a picture of the place without a part, of the whole frame at any size. The error says what
    /// is wrong with it.
    pub fn open(empty: &Path, limit: f32) -> Result<Self, String> {
        let picture = Picture::open(empty).map_err(|error| error.to_string())?;
        let (info, bytes) = frame_of(&picture.into_rgb()).map_err(|error| error.to_string())?;
        Ok(Self {
            limit,
            info,
            empty: gst::Buffer::from_mut_slice(bytes),
            place: None,
            difference: 0.0,
            is_there: false,
        })
    }

    /// Takes the next frame. True where a part has come with it.
    pub fn has_come(&mut self, frame: &Judged) -> bool {
        let area = frame.inspected();
        if self.place.as_ref().is_none_or(|(known, _)| *known != area) {
            // The first frame, or another recipe.
            let size = (self.info.width(), self.info.height());
            let area_of_empty = area.rescale(frame.size().into(), size);
            let place = Thumbnail::of(&self.empty, &self.info, area_of_empty);
            self.place = place.map(|place| (area, place));
        }
        match frame.thumbnail() {
            Some(now) => self.comes(&now),
            None => false,
        }
    }

    /// The mean difference of a pixel of the last frame from the empty place, 0 to 255.
    pub const fn difference(&self) -> f32 {
        self.difference
    }

    fn comes(&mut self, now: &Thumbnail) -> bool {
        let Some((_, place)) = &mut self.place else {
            return false;
        };
        self.difference = now.difference(place);
        let gone = GONE * self.limit;
        if self.difference <= gone {
            place.follow(now, FOLLOWS);
        }
        let was_there = self.is_there;
        self.is_there = self.difference > if was_there { gone } else { self.limit };
        self.is_there && !was_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frames with which a part comes.
    fn told(levels: &[f32]) -> Vec<usize> {
        gst::init().unwrap();
        let (info, bytes) = frame_of(&image::RgbImage::new(8, 8)).unwrap();
        let mut presence = Presence {
            limit: 8.0,
            place: Some((Area::whole(&info), Thumbnail::plain(50.0))),
            info,
            empty: gst::Buffer::from_mut_slice(bytes),
            difference: 0.0,
            is_there: false,
        };
        (0..levels.len())
            .filter(|&frame| presence.comes(&Thumbnail::plain(levels[frame])))
            .collect()
    }

    #[test]
    fn a_part_is_told_once_until_the_place_is_empty() {
        let levels = [50.0, 55.0, 59.0, 90.0, 57.0, 59.0, 55.0, 53.0, 20.0, 50.0];
        assert_eq!(told(&levels), [2, 8]);
        // One that is there at the start is a part, too.
        assert_eq!(told(&[90.0, 90.0]), [0]);
    }

    #[test]
    fn light_that_changes_slowly_is_no_part() {
        let grows: Vec<_> = (0..2000).map(|frame| 50.0 + 0.05 * frame as f32).collect();
        assert!(told(&grows).is_empty());
        let jumps = [vec![50.0; 10], vec![70.0; 10]].concat();
        assert_eq!(told(&jumps), [10]);
    }
}
