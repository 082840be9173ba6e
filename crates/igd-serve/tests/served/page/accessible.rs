//! WCAG 2.2, AA, as far as axe-core can tell.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::screen::WIDTHS;
use crate::common::browser::Opened;
use crate::http::program::{missing, pip};

/// The package of PyPI that brings axe-core along.
const PACKAGE: &str = "axe-playwright-python";

/// Holds a page to the rules at each width, in light and in dark.
#[track_caller]
pub fn check(page: &Opened, name: &str) {
    let Some(axe) = axe() else {
        return;
    };
    page.value(&format!("{axe}; 0"));
    for width in WIDTHS {
        for scheme in ["light", "dark"] {
            page.resize(width, width < 1000);
            page.prefer(&[("prefers-color-scheme", scheme)]);
            let rules = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']";
            let found = page.value(&format!(
                "axe.run(document, {{ runOnly: {rules} }}).then(found => \
                 [found.passes.length, found.violations.map(one => \
                 `${{one.id}}: ${{one.nodes[0].html}} ${{one.nodes[0].failureSummary}}`)])"
            ));
            let violations: Vec<Value> = found[1].as_array().unwrap().clone();
            assert!(
                violations.is_empty(),
                "{name} at {width}, {scheme}: {violations:#?}"
            );
            // It has looked at something.
            assert!(found[0].as_u64() > Some(5), "{found}");
        }
    }
    page.prefer(&[]);
    page.resize(WIDTHS[0], false);
}

/// Its script, fetched on first use.
fn axe() -> Option<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe");
    let script = folder.join("axe_playwright_python/axe.min.js");
    if !script.exists() {
        let installed = pip(&["install", "--no-deps", "--target"], &folder, PACKAGE);
        if let Err(error) = installed {
            return missing(PACKAGE, &error);
        }
    }
    Some(fs::read_to_string(script).unwrap())
}
