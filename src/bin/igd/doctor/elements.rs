//! The elements that pipelines around `igdfilter` are made of.

use super::finding::Finding;

struct Element {
    name: &'static str,
    /// Of Debian.
    package: &'static str,
    purpose: &'static str,
    /// `igd predict` does not work without it.
    needed: bool,
}

const fn needed(name: &'static str, package: &'static str, purpose: &'static str) -> Element {
    Element {
        name,
        package,
        purpose,
        needed: true,
    }
}

const fn usual(name: &'static str, package: &'static str, purpose: &'static str) -> Element {
    Element {
        needed: false,
        ..needed(name, package, purpose)
    }
}

const ELEMENTS: [Element; 13] = [
    needed(
        "videoconvert",
        "gstreamer1.0-plugins-base",
        "conversion to the formats that igdfilter takes",
    ),
    needed(
        "uridecodebin",
        "gstreamer1.0-plugins-base",
        "igd predict of videos",
    ),
    needed(
        "appsink",
        "gstreamer1.0-plugins-base",
        "igd predict of videos",
    ),
    usual(
        "decodebin",
        "gstreamer1.0-plugins-base",
        "decoding of whatever comes",
    ),
    usual("v4l2src", "gstreamer1.0-plugins-good", "cameras"),
    usual(
        "jpegdec",
        "gstreamer1.0-plugins-good",
        "cameras and files of JPEG",
    ),
    usual("rtspsrc", "gstreamer1.0-plugins-good", "network cameras"),
    usual("qtdemux", "gstreamer1.0-plugins-good", "reading .mp4"),
    usual("mp4mux", "gstreamer1.0-plugins-good", "writing .mp4"),
    usual("autovideosink", "gstreamer1.0-plugins-good", "a window"),
    usual("h264parse", "gstreamer1.0-plugins-bad", "H.264"),
    usual("x264enc", "gstreamer1.0-plugins-ugly", "encoding H.264"),
    usual("avdec_h264", "gstreamer1.0-libav", "decoding H.264"),
];

pub fn names() -> impl Iterator<Item = &'static str> {
    ELEMENTS.iter().map(|element| element.name)
}

pub fn check(missing: &[String]) -> Vec<Finding> {
    const SUBJECT: &str = "element";
    let (missing, there): (Vec<&Element>, Vec<&Element>) = ELEMENTS
        .iter()
        .partition(|element| missing.iter().any(|name| name == element.name));
    let names: Vec<&str> = there.iter().map(|element| element.name).collect();
    let mut findings = Vec::new();
    if !names.is_empty() {
        findings.push(Finding::ok(
            SUBJECT,
            format!("{} are there", names.join(", ")),
        ));
    }
    findings.extend(missing.into_iter().map(|element| {
        let text = format!("there is no {}, for {}", element.name, element.purpose);
        let cure = format!("apt-get install {}", element.package);
        if element.needed {
            Finding::failure(SUBJECT, text, cure)
        } else {
            Finding::warning(SUBJECT, text, cure)
        }
    }));
    findings
}
