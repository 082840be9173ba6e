//! A frame with what was found in it.

use std::time::Instant;

use gst_video::{VideoFrameRef, VideoInfo};
use gstigd::meta::{AnomalyMeta, AttachedMap};
use gstigd::video::{Area, Colormap, FrameReader, Verdict as Badge, paint_on};
use igd::data::Picture;
use igd::model::Region;
use image::RgbImage;
use jiff::Timestamp;

use crate::store::Pictures;
use crate::thumbnail::Thumbnail;

/// How strong the heatmap is drawn.
const OPACITY: f32 = 0.5;

/// One frame of a camera, judged.
#[derive(Clone, Debug)]
pub struct Judged {
    sample: gst::Sample,
    info: VideoInfo,
    /// What `igdfilter` says of it, with its map.
    pub meta: AnomalyMeta,
    /// The recipe that it was judged by, and the version of its model; 0: there was no model to judge it.
    pub recipe: String,
    /// See `recipe`.
    pub version: u32,
    /// When it came from the camera.
    pub arrived: Instant,
    /// The same, for people.
    pub time: Timestamp,
}

impl Judged {
    /// `None` of a sample that is no frame.
    pub fn new(
        sample: gst::Sample,
        meta: AnomalyMeta,
        (recipe, version): (String, u32),
        (arrived, time): (Instant, Timestamp),
    ) -> Option<Self> {
        let info = VideoInfo::from_caps(sample.caps()?).ok()?;
        Some(Self {
            sample,
            info,
            meta,
            recipe,
            version,
            arrived,
            time,
        })
    }

    /// A frame that no model has judged.
    pub fn unjudged(sample: gst::Sample, came: (Instant, Timestamp)) -> Option<Self> {
        Self::new(sample, AnomalyMeta::default(), (String::new(), 0), came)
    }

    /// Whether a model has.
    pub const fn is_judged(&self) -> bool {
        self.version > 0
    }

    /// Width and height.
    pub fn size(&self) -> [u32; 2] {
        [self.info.width(), self.info.height()]
    }

    /// With memory of its own, so that the camera gets its buffer back.
    pub fn detached(&self) -> Option<Self> {
        let buffer = self.sample.buffer()?.copy_deep().ok()?;
        let caps = self.sample.caps_owned()?;
        let sample = gst::Sample::builder().buffer(&buffer).caps(&caps).build();
        Some(Self {
            sample,
            ..self.clone()
        })
    }

    /// What was inspected of it.
    pub fn inspected(&self) -> Area {
        self.meta.inspected.unwrap_or(Area::whole(&self.info))
    }

    /// A part of it at another size. `None` where its memory cannot be read.
    fn picture(&self, area: Area, size: (usize, usize)) -> Option<Picture> {
        let mut rgb = vec![0.0; 3 * size.0 * size.1];
        self.read(area, size, &mut rgb)?;
        Some(Picture::of_planes(&rgb, size))
    }

    /// The same as planar R, G, B with values of 0..=255.
    fn read(&self, area: Area, size: (usize, usize), rgb: &mut [f32]) -> Option<()> {
        let frame = VideoFrameRef::from_buffer_ref_readable(self.sample.buffer()?, &self.info);
        let mut reader = FrameReader::of_area(&self.info, None, area, size).ok()?;
        reader.read(&frame.ok()?, rgb).ok()
    }

    /// What was inspected of it, to see whether something moves or is there.
    pub fn thumbnail(&self) -> Option<Thumbnail> {
        Thumbnail::of(self.sample.buffer()?, &self.info, self.inspected())
    }

    /// All of it, as it came.
    pub fn whole(&self) -> Option<RgbImage> {
        let whole = Area::whole(&self.info);
        let full = (whole.w as usize, whole.h as usize);
        Some(self.picture(whole, full)?.into_rgb())
    }

    /// What is kept of it.
    pub fn pictures(&self) -> Option<Pictures> {
        let map = self.meta.map.as_ref()?;
        let size = (map.width as usize, map.height as usize);
        Some(Pictures {
            frame: self.whole()?,
            seen: self.picture(self.inspected(), size)?.into_rgb(),
            map: map.to_picture(),
        })
    }

    /// At most so wide, as it came or with heatmap, boxes and badge.
    pub fn view(&self, width: u32, drawn: bool) -> Option<RgbImage> {
        let [full_width, full_height] = self.size();
        let width = width.min(full_width).max(1);
        let share = f64::from(width) / f64::from(full_width);
        let height = ((f64::from(full_height) * share).round() as u32).max(1);
        let size = (width as usize, height as usize);
        let mut pixels = self.picture(Area::whole(&self.info), size)?.into_rgb();
        if drawn && self.is_judged() {
            let map = self.meta.map.as_ref().map(AttachedMap::to_map);
            let regions = self.meta.regions.iter();
            let regions: Vec<_> = regions.map(|region| scaled(region, share)).collect();
            let area = self
                .inspected()
                .rescale(self.size().into(), (width, height));
            let badge = Badge {
                anomalous: self.meta.anomalous,
                score: self.meta.score,
                threshold: self.meta.threshold,
            };
            paint_on(&mut pixels, |painter, frame| {
                if let Some(map) = &map {
                    painter.heatmap_in(frame, map, area, Colormap::Turbo, OPACITY);
                }
                painter.boxes(frame, &regions);
                painter.badge(frame, area, &badge);
            })
            .ok()?;
        }
        Some(pixels)
    }
}

fn scaled(region: &Region, share: f64) -> Region {
    let scale = |value: u32| (f64::from(value) * share).round() as u32;
    Region {
        x: scale(region.x),
        y: scale(region.y),
        w: scale(region.w).max(1),
        h: scale(region.h).max(1),
        ..*region
    }
}
