//! A part of a frame in a structure.

use gst::glib::gstr;

use super::field::{FieldError, required};
use super::region::rescale_span;
use crate::video::Area;

impl Area {
    /// The same part after a frame of the size `from` has become one of the size `to`, in whole pixels.
    pub fn rescale(self, from: (u32, u32), to: (u32, u32)) -> Self {
        let (x, w) = rescale_span(self.x, self.w, from.0, to.0);
        let (y, h) = rescale_span(self.y, self.h, from.1, to.1);
        Self { x, y, w, h }
    }

    pub(super) fn write(self, structure: &mut gst::StructureRef) {
        structure.set_with_static(gstr!("x"), self.x);
        structure.set_with_static(gstr!("y"), self.y);
        structure.set_with_static(gstr!("w"), self.w);
        structure.set_with_static(gstr!("h"), self.h);
    }
}

impl From<Area> for gst::Structure {
    fn from(area: Area) -> Self {
        let mut structure = gst::Structure::new_empty("area");
        area.write(&mut structure);
        structure
    }
}

impl TryFrom<&gst::StructureRef> for Area {
    type Error = FieldError;

    fn try_from(structure: &gst::StructureRef) -> Result<Self, FieldError> {
        Ok(Self {
            x: required(structure, "x")?,
            y: required(structure, "y")?,
            w: required(structure, "w")?,
            h: required(structure, "h")?,
        })
    }
}
