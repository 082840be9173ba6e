//! Where frames come from: an address, a folder of pictures, or the text of a pipeline.

use std::fmt::Display;

use gst::prelude::*;

use super::pictures;

/// Milliseconds that the network's jitter may delay frames of RTSP.
const JITTER_MS: u32 = 200;

/// Opens nothing yet: a bin, or an element, with one source pad of raw video. The error says what is wrong with the
/// text.
pub fn source(text: &str) -> Result<gst::Element, String> {
    let text = text.trim();
    if let Some(folder) = text.strip_prefix("pictures:") {
        return pictures::source(folder.as_ref());
    }
    let bin = match scheme(text) {
        Some(scheme) => decoder(scheme, text),
        None => bin(text),
    };
    bin.map(Cast::upcast)
}

/// What is told of a source that failed, without what nobody needs to read: of an address its host and path, of a
/// pipeline nothing.
pub fn shown(source: &str, error: &str) -> String {
    let Some((scheme, rest)) = source
        .split_once("://")
        .filter(|_| scheme(source).is_some())
    else {
        return error.to_owned();
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let path = path.split('?').next().unwrap_or_default();
    let error = match user {
        "" => error.to_owned(),
        user => error.replace(&format!("{user}@"), ""),
    };
    format!("{scheme}://{host}{path}: {error}")
}

/// Of an address; `None` for the text of a pipeline.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once("://")?;
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    (!scheme.is_empty() && scheme.chars().all(is_letter)).then_some(scheme)
}

/// A launch line may end in caps, or in an element whose pads come later, where something follows. Its pad alone becomes
/// one of the bin: where parsing makes pads of all that are not linked yet, what follows is taken when the others come.
fn bin(text: &str) -> Result<gst::Bin, String> {
    const LAST: &str = "raw-video";
    // The text itself may hold a password.
    let told = |error: &dyn Display| format!("source: {error}");
    let description = format!("{text} ! videoconvert name={LAST}");
    let bin = gst::parse::bin_from_description(&description, false)
        .map_err(|error| told(&error.message()))?;
    let last = bin.by_name(LAST).and_then(|last| last.static_pad("src"));
    let last = last.ok_or_else(|| told(&"it has no end that gives video"))?;
    let pad = gst::GhostPad::with_target(&last).map_err(|error| told(&error))?;
    bin.add_pad(&pad).map_err(|error| told(&error))?;
    Ok(bin)
}

/// Files are played as fast as they were recorded, whatever else gives frames when it has them.
fn decoder(scheme: &str, uri: &str) -> Result<gst::Bin, String> {
    let pace = match scheme {
        "file" => " ! clocksync",
        _ => "",
    };
    // Sound is left alone. Whatever memory a decoder can give besides, it is not left out.
    let text = format!(
        "uridecodebin name=decoder caps=video/x-raw(ANY) expose-all-streams=false ! videoconvert ! \
         videoflip video-direction=auto{pace}"
    );
    let bin = bin(&text)?;
    let decoder = bin.by_name("decoder");
    let decoder = decoder.ok_or("uridecodebin is missing: install gstreamer1.0-plugins-base")?;
    decoder.set_property("uri", uri);
    decoder.connect("source-setup", false, |values| {
        let source = values.get(1)?.get::<gst::Element>().ok()?;
        let is_rtsp = source.factory()?.name() == "rtspsrc";
        if is_rtsp {
            source.set_property("latency", JITTER_MS);
        }
        None
    });
    Ok(bin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart() {
        for address in ["rtsp://camera/1", "v4l2:///dev/video0", "file:///a b.mp4"] {
            assert!(scheme(address).is_some(), "{address}");
        }
        for text in [
            "v4l2src ! videoconvert",
            "rtspsrc location=rtsp://camera ! decodebin",
        ] {
            assert_eq!(scheme(text), None);
        }
    }

    #[test]
    fn what_gives_no_video_is_refused() {
        gst::init().unwrap();
        for text in ["fakesrc ! fakesink", "nosuchelement", "", "videotestsrc !"] {
            let error = source(text).unwrap_err();
            assert!(error.starts_with("source: "), "{text}: {error}");
        }
        for text in [
            "videotestsrc",
            "videotestsrc ! video/x-raw,width=64",
            "uridecodebin",
        ] {
            source(text).unwrap();
        }
    }

    #[test]
    fn nobody_reads_a_password() {
        let told = shown(
            "rtsp://user:s3cret@camera:554/live?key=s3cret",
            "cannot open rtsp://user:s3cret@camera:554/live",
        );
        assert_eq!(
            told,
            "rtsp://camera:554/live: cannot open rtsp://camera:554/live"
        );
        assert_eq!(shown("rtspsrc user-pw=s3cret ! decodebin", "no"), "no");
        assert_eq!(shown("file:///a/b.mp4", "no"), "file:///a/b.mp4: no");
    }
}
