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

/// Readers and masks that are kept; what moves with every frame is made anew.
const KEPT: usize = 32;

/// A part of a frame that is inspected by itself.
#[derive(Clone, Debug)]
pub struct View {
    pub area: Area,
    /// The region of interest that it is.
    pub object: Option<UpstreamRegion>,
}

/// Reads the parts of frames of one kind.
#[derive(Debug)]
pub struct Views {
    info: VideoInfo,
    /// What the model takes.
    size: (usize, usize),
    readers: Vec<(Area, FrameReader)>,
    /// White where frames are inspected.
    mask: Option<GrayImage>,
    masks: Vec<(Area, Result<Arc<Mask>, BlackMask>)>,
}

impl Views {
    /// Fails when frames of `info` are in no format that can be read.
    pub fn new(
        info: &VideoInfo,
        size: (usize, usize),
        mask: Option<GrayImage>,
    ) -> Result<Self, gst::ErrorMessage> {
        let reader = reader(info, Area::whole(info), size)?;
        Ok(Self {
            info: info.clone(),
            size,
            readers: vec![(Area::whole(info), reader)],
            mask,
            masks: Vec::new(),
        })
    }

    /// Fills `views` with the parts of a frame that are to be inspected.
    pub fn list(
        &self,
        buffer: &gst::BufferRef,
        inspection: Inspection,
        views: &mut Vec<View>,
    ) -> Result<(), gst::ErrorMessage> {
        views.clear();
        let whole = Area::whole(&self.info);
        let frame = (whole.w, whole.h);
        let region = inspection.region;
        let limits = region.unwrap_or(whole).within(frame).filter(is_large);
        let Some(limits) = limits else {
            return Err(self.small_region(region));
        };
        match inspection.kind {
            InferenceRegion::FullFrame => views.push(View {
                area: limits,
                object: None,
            }),
            InferenceRegion::RoiList => {
                views.extend(upstream_regions(buffer).into_iter().filter_map(|object| {
                    let area = object.area.within(frame)?;
                    let center = (area.x + area.w / 2, area.y + area.h / 2);
                    let is_inside = center.0.wrapping_sub(limits.x) < limits.w
                        && center.1.wrapping_sub(limits.y) < limits.h;
                    (is_inside && is_large(&area)).then_some(View {
                        area,
                        object: Some(object),
                    })
                }))
            }
        }
        Ok(())
    }

    /// Reads a part of a frame into `rgb`, at the size that the model takes.
    pub fn read(
        &mut self,
        frame: &VideoFrameRef<&gst::BufferRef>,
        area: Area,
        rgb: &mut Vec<f32>,
    ) -> Result<(), gst::ErrorMessage> {
        rgb.resize(3 * self.size.0 * self.size.1, 0.0);
        let known = self.readers.iter().position(|(known, _)| *known == area);
        let index = match known {
            Some(index) => index,
            None => {
                self.readers.truncate(KEPT - 1);
                let reader = reader(&self.info, area, self.size)?;
                self.readers.insert(0, (area, reader));
                0
            }
        };
        self.readers[index]
            .1
            .read(frame, rgb)
            .map_err(|_| unexpected_frame(frame.buffer().size(), &self.info))
    }

    /// The mask of a part of the frame; `None` where there is none and all is inspected. Fails when the part is ignored
    /// as a whole.
    pub fn mask(&mut self, area: Area) -> Result<Option<Arc<Mask>>, BlackMask> {
        let Some(picture) = &self.mask else {
            return Ok(None);
        };
        if let Some((_, mask)) = self.masks.iter().find(|(known, _)| *known == area) {
            return mask.clone().map(Some);
        }
        let mask = mask_of(picture, &self.info, area, self.size).map(Arc::new);
        self.masks.truncate(KEPT - 1);
        self.masks.insert(0, (area, mask.clone()));
        mask.map(Some)
    }

    fn small_region(&self, region: Option<Area>) -> gst::ErrorMessage {
        let (width, height) = (self.info.width(), self.info.height());
        let text = match region {
            Some(Area { x, y, w, h }) => format!(
                "region={x},{y},{w},{h} leaves less than {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels of frames of \
                {width}x{height}"
            ),
            None => format!(
                "frames of {width}x{height} are too small: igdfilter needs at least {SMALLEST_SIDE}x{SMALLEST_SIDE}"
            ),
        };
        gst::error_msg!(gst::StreamError::Format, ("{text}"))
    }
}

fn is_large(area: &Area) -> bool {
    area.w.min(area.h) >= SMALLEST_SIDE
}

fn reader(
    info: &VideoInfo,
    area: Area,
    size: (usize, usize),
) -> Result<FrameReader, gst::ErrorMessage> {
    FrameReader::of_area(info, area, size).map_err(|err| {
        gst::error_msg!(
            gst::StreamError::Format,
            ("{err}: put a videoconvert before igdfilter")
        )
    })
}

/// The mask's part that lies over `area`.
fn mask_of(
    picture: &GrayImage,
    info: &VideoInfo,
    area: Area,
    size: (usize, usize),
) -> Result<Mask, BlackMask> {
    let scale = |position: u32, frame: u32, side: u32| {
        (f64::from(position) * f64::from(side) / f64::from(frame)).round() as u32
    };
    let (width, height) = picture.dimensions();
    let left = scale(area.x, info.width(), width);
    let top = scale(area.y, info.height(), height);
    let right = scale(area.x + area.w, info.width(), width).max(left + 1);
    let bottom = scale(area.y + area.h, info.height(), height).max(top + 1);
    let part = imageops::crop_imm(picture, left, top, right - left, bottom - top).to_image();
    Mask::new(&part, size)
}
