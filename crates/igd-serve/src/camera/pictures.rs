//! A folder of pictures as a camera: one after the other, and from the start again.

use std::path::Path;
use std::time::Duration;

use gst::prelude::*;
use gst_app::{AppSrc, AppSrcCallbacks};
use gst_video::VideoInfo;
use gstigd::video::frame_of;
use igd::data::{Picture, pictures_below};
use image::RgbImage;

/// Pictures a second.
const RATE: u32 = 5;

/// Live, as a camera is: a picture each fifth of a second.
pub fn source(folder: &Path) -> Result<gst::Element, String> {
    let paths = pictures_below(folder).map_err(|error| error.to_string())?;
    let count = paths.len();
    if count == 0 {
        let folder = folder.display();
        return Err(format!(
            "source = \"pictures:{folder}\": there is no picture in it"
        ));
    }
    let mut paths = paths.into_iter().cycle();
    let pause = Duration::from_secs(1) / RATE;
    let callbacks = AppSrcCallbacks::builder().need_data(move |source, _| {
        std::thread::sleep(pause);
        // Those that cannot be read are passed over.
        let mut next = paths.by_ref().take(count);
        let Some(picture) = next.find_map(|path| Picture::open(&path).ok()) else {
            let text = "none of its pictures can be read";
            gst::element_error!(source, gst::ResourceError::Read, ("{text}"));
            return;
        };
        // The sink has gone: the pipeline is being ended.
        let _ = push(source, &picture.into_rgb());
    });
    let source = AppSrc::builder()
        .format(gst::Format::Time)
        .is_live(true)
        .do_timestamp(true)
        .max_buffers(1)
        .callbacks(callbacks.build())
        .build();
    Ok(source.upcast())
}

fn push(source: &AppSrc, pixels: &RgbImage) -> Result<gst::FlowSuccess, gst::FlowError> {
    let odd = |_| gst::FlowError::NotSupported;
    let (info, bytes) = frame_of(pixels).map_err(odd)?;
    let caps = VideoInfo::builder(info.format(), info.width(), info.height())
        .fps(gst::Fraction::new(RATE as i32, 1))
        .build()
        .and_then(|info| info.to_caps())
        .map_err(odd)?;
    let sample = gst::Sample::builder()
        .buffer(&gst::Buffer::from_mut_slice(bytes))
        .caps(&caps)
        .build();
    source.push_sample(&sample)
}
