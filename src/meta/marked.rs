//! The element message `igd-marked`.

use gst::glib::gstr;

use super::field::{FieldError, is_message, required};

/// What `igdfilter` posts on the bus when a picture has been stored that the signal `mark` has asked for.
///
/// | field | type | meaning |
/// |---|---|---|
/// | `good` | boolean | marked as good; else as defective |
/// | `location` | string | the file: a PNG of what the model saw |
/// | `score` | double | its raw score |
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MarkedMessage {
    pub good: bool,
    pub location: String,
    pub score: f32,
}

impl MarkedMessage {
    /// The name of the message's structure.
    pub const NAME: &str = "igd-marked";
}

impl From<&MarkedMessage> for gst::Structure {
    fn from(message: &MarkedMessage) -> Self {
        gst::Structure::builder(MarkedMessage::NAME)
            .field(gstr!("good"), message.good)
            .field(gstr!("location"), message.location.as_str())
            .field(gstr!("score"), f64::from(message.score))
            .build()
    }
}

impl TryFrom<&gst::StructureRef> for MarkedMessage {
    type Error = FieldError;

    fn try_from(structure: &gst::StructureRef) -> Result<Self, FieldError> {
        is_message(structure, Self::NAME, "good")?;
        Ok(Self {
            good: required(structure, "good")?,
            location: required(structure, "location")?,
            score: required::<f64>(structure, "score")? as f32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_structure_brings_back_every_field() {
        gst::init().unwrap();
        let message = MarkedMessage {
            good: true,
            location: "part.marks/good/1-2.png".to_owned(),
            score: 1.25,
        };
        let mut structure = gst::Structure::from(&message);
        assert_eq!(
            MarkedMessage::try_from(structure.as_ref()).unwrap(),
            message
        );
        structure.remove_field("score");
        let err = MarkedMessage::try_from(structure.as_ref()).unwrap_err();
        assert_eq!(err.to_string(), "igd-marked: field `score`: missing");
        structure.set_name("level");
        assert!(MarkedMessage::try_from(structure.as_ref()).is_err());
    }
}
