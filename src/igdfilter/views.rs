//! What of a frame is inspected: all of it, a part, or each upstream region of interest.

use std::sync::Arc;

use gst_video::prelude::*;
use gst_video::{VideoFrameRef, VideoInfo};
use image::{GrayImage, imageops};

use super::refusal::unexpected_frame;
use super::settings::Inspection;
use super::{InferenceRegion, SMALLEST_SIDE};
use crate::meta::{UpstreamRegion, upstream_regions};
use crate::video::{Area, FrameReader};
use igd::model::{BlackMask, Mask};

/// Readers and masks that are kept, those that were used last.
const KEPT: usize = 32;

/// A part of a frame that is inspected by itself.
#[derive(Clone, Debug)]
pub struct View {
    pub area: Area,
    /// What of it counts; `None` for all.
    pub mask: Option<Arc<Mask>>,
    /// The region of interest that it is.
    pub object: Option<UpstreamRegion>,
}

/// Why nothing of the frames can be inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NothingToInspect {
    #[error(
        "frames of {width}x{height} are too small: igdfilter needs at least {SMALLEST_SIDE}x{SMALLEST_SIDE}"
    )]
    SmallFrame { width: u32, height: u32 },
    #[error(
        "region={},{},{},{} leaves less than {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels of frames of {width}x{height}",
        .region.x, .region.y, .region.w, .region.h
    )]
    SmallRegion {
        region: Area,
        width: u32,
        height: u32,
    },
    #[error("mask-location: {0} in region")]
    Masked(#[from] BlackMask),
}

impl From<NothingToInspect> for gst::ErrorMessage {
    fn from(error: NothingToInspect) -> Self {
        match error {
            NothingToInspect::Masked(_) => {
                gst::error_msg!(gst::ResourceError::Settings, ("{error}"))
            }
            _ => gst::error_msg!(gst::StreamError::Format, ("{error}")),
        }
    }
}

/// Reads the parts of frames of one kind.
#[derive(Debug)]
pub struct Views {
    info: VideoInfo,
    /// Of samples of 16 bits, those that are used; `None` for all.
    significant_bits: Option<u32>,
    /// What the model takes.
    size: (usize, usize),
    readers: Vec<FrameReader>,
    /// White where frames are inspected.
    mask: Option<GrayImage>,
    masks: Vec<(Area, Result<Arc<Mask>, BlackMask>)>,
}

impl Views {
    /// Fails when frames of `info` are in no format that can be read.
    pub fn new(
        info: &VideoInfo,
        significant_bits: Option<u32>,
        size: (usize, usize),
        mask: Option<GrayImage>,
    ) -> Result<Self, gst::ErrorMessage> {
        Ok(Self {
            info: info.clone(),
            significant_bits,
            size,
            readers: vec![reader(info, significant_bits, Area::whole(info), size)?],
            mask,
            masks: Vec::new(),
        })
    }

    /// Whether there is something to inspect in these frames.
    pub fn check(&mut self, inspection: Inspection) -> Result<(), NothingToInspect> {
        let limits = self.limits(inspection.region)?;
        match inspection.kind {
            InferenceRegion::FullFrame => self.mask(limits).map(drop)?,
            InferenceRegion::RoiList => {}
        }
        Ok(())
    }

    /// Fills `views` with the parts of a frame that are to be inspected.
    pub fn list(
        &mut self,
        buffer: &gst::BufferRef,
        inspection: Inspection,
        views: &mut Vec<View>,
    ) -> Result<(), NothingToInspect> {
        views.clear();
        let limits = self.limits(inspection.region)?;
        match inspection.kind {
            InferenceRegion::FullFrame => views.push(View {
                area: limits,
                mask: self.mask(limits)?,
                object: None,
            }),
            InferenceRegion::RoiList => {
                for object in upstream_regions(buffer) {
                    views.extend(self.view_of(object, limits));
                }
            }
        }
        Ok(())
    }

    /// An object's part of the frame: none where it is too small, has its centre outside `limits`, or is ignored.
    fn view_of(&mut self, object: UpstreamRegion, limits: Area) -> Option<View> {
        let frame = (self.info.width(), self.info.height());
        let area = object.area.within(frame).filter(is_large)?;
        let (x, y) = (area.x + area.w / 2, area.y + area.h / 2);
        let is_inside = x.wrapping_sub(limits.x) < limits.w && y.wrapping_sub(limits.y) < limits.h;
        let mask = self.mask(area).ok()?;
        is_inside.then_some(View {
            area,
            mask,
            object: Some(object),
        })
    }

    /// The part of the frames that `region` names.
    fn limits(&self, region: Option<Area>) -> Result<Area, NothingToInspect> {
        let (width, height) = (self.info.width(), self.info.height());
        let limits = region.unwrap_or(Area::whole(&self.info));
        let limits = limits.within((width, height)).filter(is_large);
        limits.ok_or(match region {
            Some(region) => NothingToInspect::SmallRegion {
                region,
                width,
                height,
            },
            None => NothingToInspect::SmallFrame { width, height },
        })
    }

    /// Reads a part of a frame into `rgb`, at the size that the model takes.
    pub fn read(
        &mut self,
        frame: &VideoFrameRef<&gst::BufferRef>,
        area: Area,
        rgb: &mut Vec<f32>,
    ) -> Result<(), gst::ErrorMessage> {
        rgb.resize(3 * self.size.0 * self.size.1, 0.0);
        match self.readers.iter_mut().position(|known| known.go_to(area)) {
            Some(index) => to_front(&mut self.readers, index),
            None => {
                let reader = reader(&self.info, self.significant_bits, area, self.size)?;
                keep(&mut self.readers, reader);
            }
        }
        self.readers[0]
            .read(frame, rgb)
            .map_err(|_| unexpected_frame(frame.buffer().size(), &self.info))
    }

    /// The mask of a part of the frame; `None` where there is none and all is inspected. Fails when the part is ignored
    /// as a whole.
    fn mask(&mut self, area: Area) -> Result<Option<Arc<Mask>>, BlackMask> {
        let Some(picture) = &self.mask else {
            return Ok(None);
        };
        match self.masks.iter().position(|(known, _)| *known == area) {
            Some(index) => to_front(&mut self.masks, index),
            None => {
                let mask = mask_of(picture, &self.info, area, self.size).map(Arc::new);
                keep(&mut self.masks, (area, mask));
            }
        }
        self.masks[0].1.clone().map(Some)
    }
}

fn to_front<T>(kept: &mut [T], index: usize) {
    kept[..=index].rotate_right(1);
}

/// In front of the others, of which the last one goes where there are too many.
fn keep<T>(kept: &mut Vec<T>, new: T) {
    kept.truncate(KEPT - 1);
    kept.insert(0, new);
}

fn is_large(area: &Area) -> bool {
    area.w.min(area.h) >= SMALLEST_SIDE
}

fn reader(
    info: &VideoInfo,
    significant_bits: Option<u32>,
    area: Area,
    size: (usize, usize),
) -> Result<FrameReader, gst::ErrorMessage> {
    FrameReader::of_area(info, significant_bits, area, size).map_err(|err| {
        gst::error_msg!(
            gst::StreamError::Format,
            ("{err}: put a videoconvert before igdfilter")
        )
    })
}

/// The mask's part that lies over `area`: a pixel at least, also of a mask that is much smaller than the frames.
fn mask_of(
    picture: &GrayImage,
    info: &VideoInfo,
    area: Area,
    size: (usize, usize),
) -> Result<Mask, BlackMask> {
    let span = |position: u32, length: u32, frame: u32, side: u32| {
        let scale = |position: u32| {
            (f64::from(position) * f64::from(side) / f64::from(frame)).round() as u32
        };
        let start = scale(position).min(side.saturating_sub(1));
        (start, scale(position + length).max(start + 1) - start)
    };
    let (width, height) = picture.dimensions();
    let (left, across) = span(area.x, area.w, info.width(), width);
    let (top, down) = span(area.y, area.h, info.height(), height);
    let part = imageops::crop_imm(picture, left, top, across, down).to_image();
    Mask::new(&part, size)
}
