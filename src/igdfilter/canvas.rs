//! How what was found gets on the video: painted on the frames, or as a composition that someone after us draws.

use gst_video::{VideoFrameRef, VideoInfo, VideoOverlayComposition, VideoOverlayCompositionMeta};

use super::Overlay;
use super::refusal::unexpected_frame;
use super::settings::FrameSettings;
use crate::video::{Area, Colormap, Composer, Painter, stack};
use igd::model::{Detection, Region};

/// For frames of one kind.
#[derive(Debug)]
pub struct Canvas {
    info: VideoInfo,
    brush: Brush,
}

#[derive(Debug)]
enum Brush {
    Painter(Box<Painter>),
    Composer(Composer, Option<Composed>),
}

/// What can be attached again as long as nothing changes.
#[derive(Debug)]
struct Composed {
    composition: VideoOverlayComposition,
    look: OverlaySettings,
}

/// What the user says of the overlay.
#[derive(Clone, Copy, Debug, PartialEq)]
struct OverlaySettings {
    draws_map: bool,
    draws_regions: bool,
    draws_badge: bool,
    colormap: Colormap,
    opacity: f32,
}

/// What is to be drawn.
pub struct Found<'a> {
    pub detections: &'a [(Area, Detection)],
    pub regions: &'a [Region],
    /// What comes near.
    pub candidates: &'a [Region],
    /// It was not drawn before.
    pub is_new: bool,
}

impl Canvas {
    /// For frames with the caps of `info`, which carry compositions (`composes`) or are painted on.
    /// Of samples of 16 bits so many are used, all unless told.
    pub fn new(info: &VideoInfo, significant_bits: Option<u32>, composes: bool) -> Self {
        Self {
            info: info.clone(),
            brush: if composes {
                Brush::Composer(Composer::new(info), None)
            } else {
                Brush::Painter(Box::new(Painter::new(info, significant_bits)))
            },
        }
    }

    /// Maps the frame for writing only when there is something to paint: a buffer that others hold too would be copied
    /// for it.
    pub fn draw(
        &mut self,
        buffer: &mut gst::BufferRef,
        found: &Found<'_>,
        settings: &FrameSettings,
    ) -> Result<(), gst::ErrorMessage> {
        let look = OverlaySettings {
            draws_map: settings.overlay.contains(Overlay::HEATMAP) && settings.opacity > 0.0,
            draws_regions: settings.overlay.contains(Overlay::REGIONS)
                && !(found.regions.is_empty() && found.candidates.is_empty()),
            draws_badge: settings.overlay.contains(Overlay::BADGE) && !found.detections.is_empty(),
            colormap: settings.colormap,
            opacity: settings.opacity,
        };
        if !look.draws_map && !look.draws_regions && !look.draws_badge {
            return Ok(());
        }
        match &mut self.brush {
            Brush::Painter(painter) => {
                let mut frame = writable(buffer, &self.info)?;
                if look.draws_map {
                    let (colormap, opacity) = (look.colormap, look.opacity);
                    for (area, detection) in found.detections {
                        painter.heatmap_in(&mut frame, &detection.map, *area, colormap, opacity);
                    }
                }
                if look.draws_regions {
                    painter.boxes(&mut frame, found.regions);
                    painter.corners(&mut frame, found.candidates);
                }
                if look.draws_badge {
                    for (area, detection) in found.detections {
                        painter.badge(&mut frame, *area, &detection.into());
                    }
                }
            }
            Brush::Composer(composer, composed) => {
                let is_due = found.is_new || composed.as_ref().is_none_or(|old| old.look != look);
                if is_due {
                    *composed = compose(composer, found, look)
                        .map(|composition| Composed { composition, look });
                }
                if let Some(composed) = composed {
                    attach(&composed.composition, buffer);
                }
            }
        }
        Ok(())
    }

    /// Draws how much has been learned, 0..=1.
    pub fn draw_progress(
        &mut self,
        buffer: &mut gst::BufferRef,
        share: f32,
    ) -> Result<(), gst::ErrorMessage> {
        match &mut self.brush {
            Brush::Painter(painter) => {
                let mut frame = writable(buffer, &self.info)?;
                painter.progress(&mut frame, share);
            }
            Brush::Composer(composer, _) => {
                composer.progress(share);
                if let Some(composition) = composer.compose() {
                    attach(&composition, buffer);
                }
            }
        }
        Ok(())
    }
}

fn compose(
    composer: &mut Composer,
    found: &Found<'_>,
    look: OverlaySettings,
) -> Option<VideoOverlayComposition> {
    if look.draws_map {
        for (area, detection) in found.detections {
            composer.heatmap(&detection.map, *area, look.colormap, look.opacity);
        }
    }
    if look.draws_regions {
        composer.boxes(found.regions);
        composer.corners(found.candidates);
    }
    if look.draws_badge {
        for (area, detection) in found.detections {
            composer.badge(*area, &detection.into());
        }
    }
    composer.compose()
}

/// Where there is a composition already, ours comes above it: many elements draw one only.
fn attach(composition: &VideoOverlayComposition, buffer: &mut gst::BufferRef) {
    let below = buffer.meta::<VideoOverlayCompositionMeta>();
    let Some(below) = below.map(|meta| meta.overlay_owned()) else {
        VideoOverlayCompositionMeta::add(buffer, composition);
        return;
    };
    let both = stack(&below, composition);
    if let (Some(both), Some(mut meta)) = (both, buffer.meta_mut::<VideoOverlayCompositionMeta>()) {
        meta.set_overlay(&both);
    }
}

fn writable<'a>(
    buffer: &'a mut gst::BufferRef,
    info: &VideoInfo,
) -> Result<VideoFrameRef<&'a mut gst::BufferRef>, gst::ErrorMessage> {
    let size = buffer.size();
    VideoFrameRef::from_buffer_ref_writable(buffer, info).map_err(|_| unexpected_frame(size, info))
}
