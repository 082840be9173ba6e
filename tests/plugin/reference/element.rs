//! What the plugin's elements say of themselves.

use glib::subclass::{SignalId, SignalQuery};
use glib::translate::{FromGlib, IntoGlib};
use gst::prelude::*;

pub struct Element {
    pub name: String,
    pub long_name: String,
    pub klass: String,
    pub description: String,
    /// By name.
    pub pads: Vec<Pad>,
    /// Its own and those of its base classes, without GstObject's, by name.
    pub properties: Vec<Property>,
    pub signals: Vec<Signal>,
}

pub struct Pad {
    pub name: String,
    pub direction: &'static str,
    pub presence: &'static str,
    pub caps: String,
}

#[derive(Debug)]
pub struct Property {
    pub name: String,
    pub kind: String,
    pub default: String,
    pub range: Option<[String; 2]>,
    /// Of an enumeration or flags.
    pub choices: Vec<Choice>,
    /// In gst-inspect-1.0's words.
    pub access: String,
    pub blurb: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub value: u32,
    pub nick: String,
    pub meaning: String,
}

pub struct Signal {
    pub name: String,
    pub is_action: bool,
    pub parameters: Vec<String>,
    pub returns: String,
}

/// By name.
pub fn all() -> Vec<Element> {
    gst::init().unwrap();
    gstigd::plugin_register_static().unwrap();
    let features = gst::Registry::get().features_by_plugin("igd");
    let factories = features
        .iter()
        .filter_map(|feature| feature.downcast_ref::<gst::ElementFactory>());
    let mut elements: Vec<Element> = factories.map(element).collect();
    elements.sort_by(|a, b| a.name.cmp(&b.name));
    elements.dedup_by(|a, b| a.name == b.name);
    elements
}

fn element(factory: &gst::ElementFactory) -> Element {
    let element = factory.create().build().unwrap();
    let metadata = |key| factory.metadata(key).unwrap_or_default().to_owned();
    let mut properties: Vec<Property> = element
        .list_properties()
        .iter()
        .filter(|property| property.owner_type() != gst::Object::static_type())
        .map(|property| self::property(&element, property))
        .collect();
    properties.sort_by(|a, b| a.name.cmp(&b.name));
    let mut pads: Vec<Pad> = factory.static_pad_templates().iter().map(pad).collect();
    pads.sort_by(|a, b| a.name.cmp(&b.name));
    Element {
        name: factory.name().to_string(),
        long_name: metadata("long-name"),
        klass: metadata("klass"),
        description: metadata("description"),
        pads,
        properties,
        signals: signals(element.type_()),
    }
}

fn pad(template: &gst::StaticPadTemplate) -> Pad {
    Pad {
        name: template.name_template().to_owned(),
        direction: match template.direction() {
            gst::PadDirection::Src => "source",
            _ => "sink",
        },
        presence: match template.presence() {
            gst::PadPresence::Sometimes => "sometimes",
            gst::PadPresence::Request => "on request",
            _ => "always",
        },
        caps: template.caps().to_string(),
    }
}

fn property(element: &gst::Element, property: &glib::ParamSpec) -> Property {
    let has_default = property.flags().contains(glib::ParamFlags::WRITABLE);
    Property {
        name: property.name().to_owned(),
        kind: property.value_type().name().to_owned(),
        default: if has_default {
            // As a new element has it: a base class's property may have another default there.
            text_of(&element.property_value(property.name()))
        } else {
            String::new()
        },
        range: range(property),
        choices: choices(property.value_type()),
        access: access(property.flags()),
        blurb: property.blurb().unwrap_or_default().to_owned(),
    }
}

fn range(property: &glib::ParamSpec) -> Option<[String; 2]> {
    macro_rules! range_of {
        ($($kind:ident),*) => {
            $(if let Some(property) = property.downcast_ref::<glib::$kind>() {
                return Some([property.minimum(), property.maximum()].map(|limit| limit.to_string()));
            })*
        };
    }
    range_of!(ParamSpecInt, ParamSpecUInt, ParamSpecInt64, ParamSpecUInt64);
    // Their limits may have many digits.
    macro_rules! exponential_range_of {
        ($($kind:ident),*) => {
            $(if let Some(property) = property.downcast_ref::<glib::$kind>() {
                return Some([property.minimum(), property.maximum()].map(|limit| match limit.abs() {
                    0.0..1e9 => limit.to_string(),
                    _ => format!("{limit:e}"),
                }));
            })*
        };
    }
    exponential_range_of!(ParamSpecFloat, ParamSpecDouble);
    None
}

fn choices(kind: glib::Type) -> Vec<Choice> {
    let choice = |value, nick: &str, meaning: &str| Choice {
        value,
        nick: nick.to_owned(),
        meaning: meaning.to_owned(),
    };
    if let Some(class) = glib::EnumClass::with_type(kind) {
        let values = class.values().iter();
        return values
            .map(|value| choice(value.value() as u32, value.nick(), value.name()))
            .collect();
    }
    if let Some(class) = glib::FlagsClass::with_type(kind) {
        let values = class.values().iter();
        return values
            .map(|value| choice(value.value(), value.nick(), value.name()))
            .collect();
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

/// In gst-inspect-1.0's words.
fn access(flags: glib::ParamFlags) -> String {
    let words = [
        (glib::ParamFlags::READABLE, "readable"),
        (glib::ParamFlags::WRITABLE, "writable"),
        (glib::ParamFlags::DEPRECATED, "deprecated"),
        (gst::PARAM_FLAG_CONTROLLABLE, "controllable"),
        (
            gst::PARAM_FLAG_CONDITIONALLY_AVAILABLE,
            "conditionally available",
        ),
        (
            gst::PARAM_FLAG_MUTABLE_PLAYING,
            "changeable in NULL, READY, PAUSED or PLAYING state",
        ),
        (
            gst::PARAM_FLAG_MUTABLE_PAUSED,
            "changeable only in NULL, READY or PAUSED state",
        ),
        (
            gst::PARAM_FLAG_MUTABLE_READY,
            "changeable only in NULL or READY state",
        ),
    ];
    let words: Vec<&str> = words
        .into_iter()
        .filter(|(flag, _)| flags.contains(*flag))
        .map(|(_, word)| word)
        .collect();
    words.join(", ")
}

/// Its own and those of its base classes, without GstElement's.
fn signals(kind: glib::Type) -> Vec<Signal> {
    std::iter::successors(Some(kind), |kind| kind.parent())
        .take_while(|kind| *kind != gst::Element::static_type())
        .flat_map(signals_of)
        .map(|query| Signal {
            name: query.signal_name().to_owned(),
            is_action: query.flags().contains(glib::SignalFlags::ACTION),
            parameters: query
                .param_types()
                .iter()
                .map(|parameter| parameter.type_().name().to_owned())
                .collect(),
            returns: query.return_type().type_().name().to_owned(),
        })
        .collect()
}

fn signals_of(kind: glib::Type) -> Vec<SignalQuery> {
    let mut count = 0;
    // SAFETY: the ids are an array of `count` that is ours to free.
    let ids: Vec<u32> = unsafe {
        let ids = glib::gobject_ffi::g_signal_list_ids(kind.into_glib(), &raw mut count);
        let copied = (0..count as usize).map(|index| *ids.add(index)).collect();
        glib::ffi::g_free(ids.cast());
        copied
    };
    // SAFETY: the ids are of signals.
    ids.into_iter()
        .map(|id| unsafe { SignalId::from_glib(id) }.query())
        .collect()
}
