//! The README's table of properties is what the element says of itself.

use std::fmt::Write;
use std::fs;

use gst::prelude::*;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const START: &str =
    "<!-- properties: written by IGD_WRITE_README=1 cargo test --release --test readme -->\n";
const END: &str = "<!-- end of properties -->";

fn table() -> String {
    gst::init().unwrap();
    gstigd::plugin_register_static().unwrap();
    let element = gst::ElementFactory::make("igdfilter").build().unwrap();
    let mut table = String::from("| property | default | meaning |\n|---|---|---|\n");
    for property in element.list_properties() {
        let owner = property.owner_type();
        if owner != element.type_() {
            continue;
        }
        let default = if property.flags().contains(glib::ParamFlags::WRITABLE) {
            text_of(property.default_value())
        } else {
            "read-only".to_owned()
        };
        let mut meaning = property.blurb().unwrap_or_default().replace('|', "\\|");
        let choices = choices(&property);
        if !choices.is_empty() {
            write!(meaning, ": {}", choices.join(", ")).unwrap();
        }
        writeln!(table, "| {} | {default} | {meaning} |", property.name()).unwrap();
    }
    table
}

/// The nicks of an enumeration's or flags' values.
fn choices(property: &glib::ParamSpec) -> Vec<String> {
    if let Some(class) = glib::EnumClass::with_type(property.value_type()) {
        let nicks = class.values().iter().map(|value| value.nick().to_owned());
        return nicks.collect();
    }
    if let Some(class) = glib::FlagsClass::with_type(property.value_type()) {
        let nicks = class.values().iter().map(|value| value.nick().to_owned());
        return nicks.collect();
    }
    Vec::new()
}

/// As a pipeline is written: enumerations and flags by nick.
fn text_of(value: &glib::Value) -> String {
    if let Some((_, value)) = glib::EnumValue::from_value(value) {
        return value.nick().to_owned();
    }
    if let Some((_, flags)) = glib::FlagsValue::from_value(value) {
        let nicks: Vec<&str> = flags.iter().map(|flag| flag.nick()).collect();
        return nicks.join("+");
    }
    if let Ok(number) = value.get::<f32>() {
        return number.to_string();
    }
    if let Ok(text) = value.get::<Option<String>>() {
        return text.unwrap_or_default();
    }
    value
        .serialize()
        .map_or_else(|_| String::new(), |text| text.to_string())
}

#[test]
fn properties() {
    let readme = fs::read_to_string(FILE).unwrap();
    let start = readme.find(START).unwrap() + START.len();
    let end = start + readme[start..].find(END).unwrap();
    let expected = format!("{}{}{}", &readme[..start], table(), &readme[end..]);
    if std::env::var_os("IGD_WRITE_README").is_some() {
        fs::write(FILE, &expected).unwrap();
    }
    assert_eq!(fs::read_to_string(FILE).unwrap(), expected);
}
