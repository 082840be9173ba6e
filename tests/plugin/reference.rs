//! docs/elements.md is what the elements say of themselves, and gst-inspect-1.0 says the same of the built plugin.

mod element;
mod inspect;
mod page;

use std::fs;

use element::{Element, Property};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/elements.md");

#[test]
fn page() {
    let expected = page::write(&element::all());
    if std::env::var_os("IGD_WRITE_DOCS").is_some() {
        fs::write(FILE, &expected).unwrap();
    }
    assert_eq!(fs::read_to_string(FILE).unwrap(), expected);
}

#[test]
fn inspection() {
    let tool = inspect::Tool::new();
    let elements = element::all();
    let names: Vec<&str> = elements
        .iter()
        .map(|element| element.name.as_str())
        .collect();
    assert_eq!(tool.elements(), names);
    for element in &elements {
        let Element {
            name,
            pads,
            properties,
            signals,
            ..
        } = element;
        let inspected = tool.inspect(name);
        let pads: Vec<&str> = pads.iter().map(|pad| pad.name.as_str()).collect();
        assert_eq!(inspected.pads, pads, "{name}");
        let signals: Vec<&str> = signals.iter().map(|signal| signal.name.as_str()).collect();
        assert_eq!(inspected.signals, signals, "{name}");
        let names = |properties: &[Property]| -> Vec<String> {
            properties
                .iter()
                .map(|property| property.name.clone())
                .collect()
        };
        assert_eq!(names(&inspected.properties), names(properties), "{name}");
        for (inspected, property) in inspected.properties.iter().zip(properties) {
            assert_same(name, inspected, property);
        }
    }
}

fn assert_same(element: &str, inspected: &Property, property: &Property) {
    let name = format!("{element} {}", property.name);
    assert_eq!(inspected.blurb, property.blurb, "{name}");
    assert_eq!(inspected.access, property.access, "{name}");
    assert_eq!(inspected.choices, property.choices, "{name}");
    assert!(
        is_same(&inspected.default, &property.default),
        "{name}: {inspected:?}"
    );
    match (&inspected.range, &property.range) {
        (None, None) => {}
        (Some([low, high]), Some([lowest, highest])) => {
            assert!(
                is_same(low, lowest) && is_same(high, highest),
                "{name}: {inspected:?}"
            );
        }
        _ => panic!("{name}: {inspected:?}"),
    }
}

/// gst-inspect-1.0 writes numbers with seven digits.
fn is_same(inspected: &str, ours: &str) -> bool {
    match (inspected.parse::<f64>(), ours.parse::<f64>()) {
        (Ok(inspected), Ok(ours)) => (inspected - ours).abs() <= 1e-6 * ours.abs(),
        _ => inspected == ours,
    }
}
