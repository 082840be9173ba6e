//! A buffer's GstAnalyticsRelationMeta.

use std::ptr::{self, NonNull};

use glib::Quark;
use glib::ffi::GFALSE;
use glib::translate::*;

use super::library::{Functions, Handle, Meta};
use crate::video::Area;

/// What two entries have to do with each other: GstAnalyticsRelTypes.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum Relation {
    IsPartOf = 1 << 1,
    RelateTo = 1 << 3,
}

/// GST_SEGMENTATION_TYPE_SEMANTIC
const SEMANTIC: i32 = 0;

/// An object detection.
#[derive(Clone, Copy, Debug)]
pub struct Detection {
    pub id: u32,
    pub kind: Quark,
    /// x, y, width and height in pixels.
    pub place: [i32; 4],
}

/// To add to.
pub struct Relations<'a> {
    functions: &'static Functions,
    meta: NonNull<Meta>,
    /// Whose it is.
    _buffer: &'a mut gst::BufferRef,
}

impl<'a> Relations<'a> {
    /// The one that the buffer has, or gets.
    pub fn of(
        buffer: &'a mut gst::BufferRef,
        functions: &'static Functions,
    ) -> Result<Self, glib::BoolError> {
        let pointer = buffer.as_mut_ptr();
        // SAFETY: the buffer is there and writable, as it is borrowed so.
        let meta = unsafe {
            match (functions.meta)(pointer) {
                there if there.is_null() => (functions.add_meta)(pointer),
                there => there,
            }
        };
        let meta = NonNull::new(meta)
            .ok_or_else(|| glib::bool_error!("the buffer takes no GstAnalyticsRelationMeta"))?;
        Ok(Self {
            functions,
            meta,
            _buffer: buffer,
        })
    }

    /// Adds a classification, with a level of each class, and returns its id.
    pub fn classify<const N: usize>(
        &mut self,
        classes: [Quark; N],
        mut levels: [f32; N],
    ) -> Result<u32, glib::BoolError> {
        let mut classes = classes.map(IntoGlib::into_glib);
        let mut handle = Handle::empty();
        // SAFETY: there are as many of both, and they are copied.
        let added = unsafe {
            (self.functions.add_classification)(
                self.meta.as_ptr(),
                N,
                levels.as_mut_ptr(),
                classes.as_mut_ptr(),
                &mut handle,
            )
        };
        id_of(added, &handle, "classification")
    }

    /// Adds an object detection and returns its id.
    pub fn detect(
        &mut self,
        kind: Quark,
        [x, y, w, h]: [i32; 4],
        confidence: f32,
    ) -> Result<u32, glib::BoolError> {
        let mut handle = Handle::empty();
        // SAFETY: numbers alone, and a handle to fill.
        let added = unsafe {
            (self.functions.add_detection)(
                self.meta.as_ptr(),
                kind.into_glib(),
                x,
                y,
                w,
                h,
                confidence,
                &mut handle,
            )
        };
        id_of(added, &handle, "detection")
    }

    /// Adds a semantic segmentation of a part of the frame, whose mask has these values, and returns its id; `None` on a
    /// GStreamer before 1.26.
    pub fn segment<const N: usize>(
        &mut self,
        mask: gst::Buffer,
        mut values: [u32; N],
        area: Area,
    ) -> Result<Option<u32>, glib::BoolError> {
        let Some(add_segmentation) = self.functions.add_segmentation else {
            return Ok(None);
        };
        let mut handle = Handle::empty();
        // SAFETY: the values are copied. It takes the mask over where it succeeds alone, so that a mask that was
        // refused is freed here.
        let added = unsafe {
            let mask = mask.into_glib_ptr();
            let added = add_segmentation(
                self.meta.as_ptr(),
                mask,
                SEMANTIC,
                N,
                values.as_mut_ptr(),
                area.x.cast_signed(),
                area.y.cast_signed(),
                area.w,
                area.h,
                &mut handle,
            );
            if added == GFALSE {
                drop(gst::Buffer::from_glib_full(mask));
            }
            added
        };
        id_of(added, &handle, "mask").map(Some)
    }

    /// Whether an id is that of an object detection.
    pub fn is_detection(&self, id: u32) -> bool {
        let (meta, mut handle) = (self.meta.as_ptr(), Handle::empty());
        // SAFETY: numbers alone; ids that are none are refused.
        unsafe {
            let kind = (self.functions.detection_type)();
            (self.functions.entry)(meta, id, kind, &mut handle) != GFALSE
        }
    }

    /// Says what the first has to do with the second.
    pub fn relate(
        &mut self,
        relation: Relation,
        first: u32,
        second: u32,
    ) -> Result<(), glib::BoolError> {
        let meta = self.meta.as_ptr();
        // SAFETY: numbers alone; ids that are none are refused.
        let related = unsafe { (self.functions.relate)(meta, relation as u32, first, second) };
        match related {
            GFALSE => Err(glib::bool_error!("{first} and {second} cannot be related")),
            _ => Ok(()),
        }
    }
}

fn id_of(added: i32, handle: &Handle, what: &str) -> Result<u32, glib::BoolError> {
    match added {
        GFALSE => Err(glib::bool_error!("the {what} was refused")),
        _ => Ok(handle.id),
    }
}

/// The detections of all elements so far.
pub fn detections(buffer: &gst::BufferRef, functions: &Functions) -> Vec<Detection> {
    let mut detections = Vec::new();
    // SAFETY: the buffer is there, and nothing is changed.
    let meta = unsafe { (functions.meta)(buffer.as_ptr().cast_mut()) };
    if meta.is_null() {
        return detections;
    }
    // SAFETY: it has no arguments.
    let kind_of_entry = unsafe { (functions.detection_type)() };
    let (mut state, mut handle) = (ptr::null_mut(), Handle::empty());
    // SAFETY: the meta is the buffer's; the handle is filled where there is another one.
    while unsafe { (functions.next)(meta, &mut state, kind_of_entry, &mut handle) } != GFALSE {
        let ([mut x, mut y, mut w, mut h], mut confidence) = ([0; 4], 0.0);
        // SAFETY: the handle is that of a detection.
        let (has_place, kind) = unsafe {
            let has_place =
                (functions.location)(&handle, &mut x, &mut y, &mut w, &mut h, &mut confidence);
            (has_place, (functions.kind)(&handle))
        };
        if has_place != GFALSE && kind != 0 {
            detections.push(Detection {
                id: handle.id,
                // SAFETY: it is a quark.
                kind: unsafe { from_glib(kind) },
                place: [x, y, w, h],
            });
        }
    }
    detections
}
