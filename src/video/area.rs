//! A part of a frame.

use gst_video::VideoInfo;

/// A rectangle in pixels of the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Area {
    pub x: u32,
    pub y: u32,
    pub w: u32,
    pub h: u32,
}

impl Area {
    /// All of a frame.
    pub fn whole(info: &VideoInfo) -> Self {
        Self {
            x: 0,
            y: 0,
            w: info.width(),
            h: info.height(),
        }
    }

    /// What of it lies in a frame of `width` x `height`; `None` where nothing does.
    pub fn within(self, (width, height): (u32, u32)) -> Option<Self> {
        let (x, y) = (self.x.min(width), self.y.min(height));
        let area = Self {
            x,
            y,
            w: self.x.saturating_add(self.w).min(width) - x,
            h: self.y.saturating_add(self.h).min(height) - y,
        };
        (area.w > 0 && area.h > 0).then_some(area)
    }
}
