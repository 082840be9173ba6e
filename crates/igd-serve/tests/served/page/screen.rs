//! Pictures of pages, to be looked at: in `target/page`, or where `IGD_WRITE_DOCS` is set in `docs/page`, which keeps them.

use std::{env, fs};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::common::browser::Opened;
use crate::common::repository;

/// A desktop, a tablet and a phone.
pub const WIDTHS: [u32; 3] = [1280, 768, 390];

/// Writes what a page looks like to those who need strong contrasts, and holds its texts to be there still.
#[track_caller]
pub fn shoot_contrasts(page: &Opened, name: &str) {
    for (feature, value) in [("forced-colors", "active"), ("prefers-contrast", "more")] {
        page.prefer(&[(feature, value)]);
        let is_so = format!("matchMedia('({feature}: {value})').matches");
        assert_eq!(page.value(&is_so), true, "{name}");
        shoot(page, &format!("{name}-{value}"), true);
    }
    page.prefer(&[]);
}

/// Writes what a page looks like at each width, and holds it to them. `whole` is the page, not the window.
#[track_caller]
pub fn shoot(page: &Opened, name: &str, whole: bool) {
    let kept = env::var_os("IGD_WRITE_DOCS").is_some();
    let (folder, format) = if kept {
        ("docs/page", "jpeg")
    } else {
        ("target/page", "png")
    };
    let folder = repository().join(folder);
    fs::create_dir_all(&folder).unwrap();
    for width in WIDTHS {
        page.resize(width, width < 1000);
        // Pictures that were off the screen come now.
        page.until(
            "[...document.images].every(image => image.complete || image.loading === 'lazy')",
        );
        let wide = page.value("document.documentElement.scrollWidth");
        assert!(
            wide.as_u64() <= Some(u64::from(width)),
            "{name} is {wide} wide at {width}"
        );
        let picture = page.ask(
            "Page.captureScreenshot",
            json!({"format": format, "quality": 30, "captureBeyondViewport": whole && !kept}),
        );
        let picture = BASE64_STANDARD
            .decode(picture["data"].as_str().unwrap())
            .unwrap();
        let file = folder.join(format!("{name}-{width}.{format}"));
        fs::write(file, picture).unwrap();
    }
    page.resize(WIDTHS[0], false);
}
