//! The page.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::element::{Choice, Element, Pad, Property, Signal};

const START: &str = "# Elements\n\n<!-- written by IGD_WRITE_DOCS=1 cargo test --release --test plugin reference:: -->\n";

pub fn write(elements: &[Element]) -> String {
    let mut page = START.to_owned();
    for element in elements {
        write_element(&mut page, element);
    }
    page
}

fn write_element(page: &mut String, element: &Element) {
    let Element {
        name,
        long_name,
        klass,
        description,
        ..
    } = element;
    write!(
        page,
        "\n## {name}\n\n{long_name} ({klass}). {description}.\n"
    )
    .unwrap();
    write_pads(page, &element.pads);
    write_properties(page, &element.properties);
    write_signals(page, &element.signals);
    let kinds: BTreeMap<&str, &[Choice]> = element
        .properties
        .iter()
        .filter(|property| !property.choices.is_empty())
        .map(|property| (property.kind.as_str(), property.choices.as_slice()))
        .collect();
    for (kind, choices) in kinds {
        write_choices(page, kind, choices);
    }
}

fn write_pads(page: &mut String, pads: &[Pad]) {
    for pad in pads {
        let Pad {
            name,
            direction,
            presence,
            caps,
        } = pad;
        let caps = caps.replace("; ", ";\n");
        write!(
            page,
            "\nPad `{name}`: {direction}, {presence}\n\n```\n{caps}\n```\n"
        )
        .unwrap();
    }
}

fn write_properties(page: &mut String, properties: &[Property]) {
    page.push_str(
        "\n| property | type | default | range | access | meaning |\n|---|---|---|---|---|---|\n",
    );
    for property in properties {
        let range = match &property.range {
            Some([low, high]) => format!("{low} to {high}"),
            None => String::new(),
        };
        let kind = if property.choices.is_empty() {
            property.kind.clone()
        } else {
            format!("[{}](#{})", property.kind, property.kind.to_lowercase())
        };
        let Property {
            name,
            default,
            access,
            blurb,
            ..
        } = property;
        let blurb = cell(blurb);
        writeln!(
            page,
            "| {name} | {kind} | {default} | {range} | {access} | {blurb} |"
        )
        .unwrap();
    }
}

fn write_signals(page: &mut String, signals: &[Signal]) {
    if signals.is_empty() {
        return;
    }
    page.push_str("\n| signal | parameters | returns |\n|---|---|---|\n");
    for signal in signals {
        let action = if signal.is_action { " (action)" } else { "" };
        let parameters = signal.parameters.join(", ");
        writeln!(
            page,
            "| {}{action} | {parameters} | {} |",
            signal.name, signal.returns
        )
        .unwrap();
    }
}

fn write_choices(page: &mut String, kind: &str, choices: &[Choice]) {
    write!(
        page,
        "\n### {kind}\n\n| value | name | meaning |\n|---|---|---|\n"
    )
    .unwrap();
    for Choice {
        value,
        nick,
        meaning,
    } in choices
    {
        // The nick comes first in the meaning as well.
        let meaning = cell(meaning);
        writeln!(page, "| {value} | {nick} | {meaning} |").unwrap();
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
