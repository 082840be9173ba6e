//! The anomaly map on a buffer.

use gst::glib::{self, gstr};
use igd::encode::gray_png;
use igd::model::Map;
use image::{GrayImage, ImageResult};

use super::field::{FieldError, optional, required};

/// Floats row by row, 0..=1 and anomalous from 0.5, in the machine's byte order. Copies share the memory.
#[derive(Clone, Debug, PartialEq)]
pub struct AttachedMap {
    pub width: u32,
    pub height: u32,
    bytes: glib::Bytes,
}

impl AttachedMap {
    /// Of `width * height` values.
    pub fn new(width: u32, height: u32, values: &[f32]) -> Self {
        let mut bytes = Vec::with_capacity(size_of_val(values));
        for value in values {
            bytes.extend_from_slice(&value.to_ne_bytes());
        }
        Self {
            width,
            height,
            bytes: glib::Bytes::from_owned(bytes),
        }
    }

    /// `width * height` of them.
    pub fn values(&self) -> impl Iterator<Item = f32> {
        let (values, _) = self.bytes.as_chunks();
        values.iter().map(|bytes| f32::from_ne_bytes(*bytes))
    }

    /// With memory of its own.
    pub fn to_map(&self) -> Map {
        Map {
            width: self.width as usize,
            height: self.height as usize,
            values: self.values().collect(),
        }
    }

    /// A gray picture, in which what is anomalous is 128 or brighter.
    pub fn to_picture(&self) -> GrayImage {
        let pixels = self.values().map(|value| (value * 255.0).round() as u8);
        GrayImage::from_raw(self.width, self.height, pixels.collect()).expect("a value a pixel")
    }

    /// The same as a file. A map without a value makes none.
    pub fn to_png(&self) -> ImageResult<Vec<u8>> {
        gray_png(&self.to_picture())
    }

    pub(super) fn write(&self, structure: &mut gst::StructureRef) {
        structure.set_with_static(gstr!("map"), &self.bytes);
        structure.set_with_static(gstr!("map-width"), self.width);
        structure.set_with_static(gstr!("map-height"), self.height);
    }

    /// The one that the structure holds, if it does.
    pub(super) fn read(structure: &gst::StructureRef) -> Result<Option<Self>, FieldError> {
        let Some(bytes) = optional::<glib::Bytes>(structure, "map")? else {
            return Ok(None);
        };
        let (width, height): (u32, u32) = (
            required(structure, "map-width")?,
            required(structure, "map-height")?,
        );
        let needed = u64::from(width) * u64::from(height);
        if bytes.len() as u64 != needed.saturating_mul(size_of::<f32>() as u64) {
            let reason = format!("{} bytes are not {width}x{height} floats", bytes.len());
            return Err(FieldError::new(structure, "map", reason));
        }
        Ok(Some(Self {
            width,
            height,
            bytes,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_it_is_bright_from_the_middle_where_anomalous() {
        let map = AttachedMap::new(3, 2, &[0.0, 0.499, 0.5, 1.0, 7.0, f32::NAN]);
        let picture = image::load_from_memory(&map.to_png().unwrap()).unwrap();
        assert_eq!((picture.width(), picture.height()), (3, 2));
        assert_eq!(
            picture.as_luma8().unwrap().as_raw(),
            &[0, 127, 128, 255, 255, 0]
        );
        assert!(AttachedMap::new(0, 0, &[]).to_png().is_err());
    }

    #[test]
    fn a_map_of_another_size_is_refused() {
        gst::init().unwrap();
        let map = AttachedMap::new(2, 1, &[0.25, 0.5]);
        let mut structure = gst::Structure::new_empty("any");
        assert_eq!(AttachedMap::read(&structure).unwrap(), None);
        map.write(&mut structure);
        let read = AttachedMap::read(&structure).unwrap().unwrap();
        assert_eq!(read.values().collect::<Vec<_>>(), [0.25, 0.5]);
        structure.set("map-width", u32::MAX);
        let error = AttachedMap::read(&structure).unwrap_err().to_string();
        assert!(error.contains("8 bytes are not 4294967295x1"), "{error}");
    }
}
