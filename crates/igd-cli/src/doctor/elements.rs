//! The elements that pipelines around `igdfilter` are made of.

use super::finding::Finding;

const SUBJECT: &str = "element";

/// A Debian package, and the elements of it that matter here.
struct Package {
    name: &'static str,
    elements: &'static [Element],
    /// `igd predict` does not work without it.
    needed: bool,
}

struct Element {
    name: &'static str,
    purpose: &'static str,
}

const fn element(name: &'static str, purpose: &'static str) -> Element {
    Element { name, purpose }
}

const PACKAGES: [Package; 5] = [
    Package {
        name: "gstreamer1.0-plugins-base",
        elements: &[
            element("videoconvert", "other formats"),
            element("uridecodebin", "igd predict of videos"),
            element("decodebin", "decoding of whatever comes"),
            element("appsink", "igd predict of videos"),
        ],
        needed: true,
    },
    Package {
        name: "gstreamer1.0-plugins-good",
        elements: &[
            element("v4l2src", "cameras"),
            element("rtspsrc", "network cameras"),
            element("jpegdec", "JPEG"),
            element("qtdemux", "reading .mp4"),
            element("mp4mux", "writing .mp4"),
            element("autovideosink", "a window"),
        ],
        needed: false,
    },
    Package {
        name: "gstreamer1.0-plugins-bad",
        elements: &[element("h264parse", "H.264")],
        needed: false,
    },
    Package {
        name: "gstreamer1.0-plugins-ugly",
        elements: &[element("x264enc", "encoding H.264")],
        needed: false,
    },
    Package {
        name: "gstreamer1.0-libav",
        elements: &[element("avdec_h264", "decoding H.264")],
        needed: false,
    },
];

pub fn names() -> impl Iterator<Item = &'static str> {
    PACKAGES
        .iter()
        .flat_map(|package| package.elements)
        .map(|element| element.name)
}

/// A finding for each package.
pub fn check(missing: &[String]) -> Vec<Finding> {
    let is_missing = |element: &&Element| missing.iter().any(|name| name == element.name);
    let findings = PACKAGES.iter().map(|package| {
        let missing: Vec<String> = package
            .elements
            .iter()
            .filter(is_missing)
            .map(|element| format!("{} ({})", element.name, element.purpose))
            .collect();
        if missing.is_empty() {
            let names: Vec<&str> = package
                .elements
                .iter()
                .map(|element| element.name)
                .collect();
            return Finding::ok(SUBJECT, names.join(", "));
        }
        let text = format!("there is no {}", missing.join(", "));
        let cure = format!("sudo apt-get install {}", package.name);
        if package.needed {
            Finding::failure(SUBJECT, text, cure)
        } else {
            Finding::warning(SUBJECT, text, cure)
        }
    });
    findings.collect()
}
