//! What gst-inspect-1.0 says of the built plugin.

use std::env;
use std::os::unix::fs::symlink;
use std::process::Command;

use tempfile::TempDir;

use super::element::{Choice, Property};

/// gst-inspect-1.0 with the built plugin alone.
pub struct Tool {
    folder: TempDir,
}

pub struct Inspected {
    pub pads: Vec<String>,
    pub properties: Vec<Property>,
    pub signals: Vec<String>,
}

impl Tool {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Tests lie in the folder where the plugin is built.
        let plugin = env::current_exe().unwrap().with_file_name("libgstigd.so");
        symlink(plugin, folder.path().join("libgstigd.so")).unwrap();
        Self { folder }
    }

    fn run(&self, name: &str) -> String {
        let output = Command::new("gst-inspect-1.0")
            .args(["--no-colors", name])
            .env("GST_PLUGIN_PATH", self.folder.path())
            .env("GST_PLUGIN_SYSTEM_PATH", "")
            .env("GST_REGISTRY", self.folder.path().join("registry.bin"))
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The names of the plugin's elements.
    pub fn elements(&self) -> Vec<String> {
        let said = self.run("igd");
        let mut names: Vec<String> = said
            .lines()
            .filter(|line| line.starts_with("  igd"))
            .filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned()))
            .collect();
        names.sort_unstable();
        names
    }

    pub fn inspect(&self, element: &str) -> Inspected {
        let said = self.run(element);
        let mut inspected = Inspected {
            pads: Vec::new(),
            properties: Vec::new(),
            signals: Vec::new(),
        };
        let mut section = "";
        for line in said.lines() {
            if line.ends_with(':') && !line.starts_with(' ') {
                section = line;
                continue;
            }
            match section {
                "Pad Templates:" => {
                    let template = line.trim().split_once(" template: '");
                    let name = template.and_then(|(_, name)| name.strip_suffix('\''));
                    inspected.pads.extend(name.map(str::to_owned));
                }
                "Element Properties:" => property(&mut inspected.properties, line),
                "Element Signals:" | "Element Actions:" => {
                    let name = line.trim().strip_prefix('"');
                    let name = name.and_then(|rest| rest.split('"').next());
                    inspected.signals.extend(name.map(str::to_owned));
                }
                _ => {}
            }
        }
        inspected.pads.sort_unstable();
        // GstObject's.
        let properties = &mut inspected.properties;
        properties.retain(|property| !["name", "parent"].contains(&property.name.as_str()));
        inspected
    }
}

/// What a line says of the last of the properties, or the first line of one more.
fn property(properties: &mut Vec<Property>, line: &str) {
    let text = line.trim();
    let is_first = line.starts_with("  ") && !line.starts_with("   ");
    if let (true, Some((name, blurb))) = (is_first, text.split_once(": ")) {
        properties.push(Property {
            name: name.trim().to_owned(),
            kind: String::new(),
            default: String::new(),
            range: None,
            choices: Vec::new(),
            access: String::new(),
            blurb: blurb.to_owned(),
        });
        return;
    }
    let Some(property) = properties.last_mut() else {
        return;
    };
    if let Some(access) = text.strip_prefix("flags: ") {
        property.access = access.to_owned();
    } else if let Some(choice) = choice(text) {
        property.choices.push(choice);
    } else if property.access.contains("writable") {
        if let Some((_, default)) = text.split_once("Default: ") {
            property.default = default_of(default);
        }
        if let Some((_, rest)) = text.split_once("Range: ") {
            property.range = range(rest);
        }
    }
}

/// `null`, `"auto"`, `0, "turbo"` or `0.5`.
fn default_of(text: &str) -> String {
    let text = text.trim();
    match text.split_once('"') {
        Some((_, quoted)) => quoted.trim_end_matches('"').to_owned(),
        None if text == "null" => String::new(),
        None => text.to_owned(),
    }
}

/// `1 - 4294967295 Default: 1`
fn range(text: &str) -> Option<[String; 2]> {
    let (range, _) = text.split_once("Default:")?;
    let (low, high) = range.split_once(" - ")?;
    Some([low, high].map(|limit| limit.trim().to_owned()))
}

/// `(0x00000001): heatmap - Heatmap: blend the anomaly map over the frame`
fn choice(text: &str) -> Option<Choice> {
    let (value, rest) = text.strip_prefix('(')?.split_once("): ")?;
    let (nick, meaning) = rest.split_once(" - ")?;
    let value = match value.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => value.parse::<i32>().ok()? as u32,
    };
    Some(Choice {
        value,
        nick: nick.trim().to_owned(),
        meaning: meaning.trim().to_owned(),
    })
}
