//! The element message `igd-learned`.

use gst::glib::gstr;

use super::field::{FieldError, is_message, required};

/// What `igdfilter` posts on the bus when it has learned a model from the first frames of its stream and begins to
/// judge the others.
///
/// | field | type | meaning |
/// |---|---|---|
/// | `frames` | uint | frames that the model was fitted to |
/// | `calibration-frames` | uint | frames that set the threshold; the model was not fitted to them |
/// | `threshold` | double | raw score above which a frame is anomalous |
/// | `median` | double | raw score of an ordinary frame, the median of those that set the threshold |
/// | `false-positive-rate` | double | share of ordinary frames, 0..1, that may lie above the threshold |
/// | `seconds` | double | from the first learned frame to the model |
/// | `location` | string | file that the model is being saved to; empty where it is not saved |
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LearnedMessage {
    pub frames: u32,
    pub calibration_frames: u32,
    pub threshold: f32,
    pub median: f32,
    pub false_positive_rate: f64,
    pub seconds: f64,
    pub location: String,
}

impl LearnedMessage {
    /// The name of the message's structure.
    pub const NAME: &str = "igd-learned";
}

impl From<&LearnedMessage> for gst::Structure {
    fn from(message: &LearnedMessage) -> Self {
        gst::Structure::builder(LearnedMessage::NAME)
            .field(gstr!("frames"), message.frames)
            .field(gstr!("calibration-frames"), message.calibration_frames)
            .field(gstr!("threshold"), f64::from(message.threshold))
            .field(gstr!("median"), f64::from(message.median))
            .field(gstr!("false-positive-rate"), message.false_positive_rate)
            .field(gstr!("seconds"), message.seconds)
            .field(gstr!("location"), message.location.as_str())
            .build()
    }
}

impl TryFrom<&gst::StructureRef> for LearnedMessage {
    type Error = FieldError;

    fn try_from(structure: &gst::StructureRef) -> Result<Self, FieldError> {
        is_message(structure, Self::NAME, "frames")?;
        Ok(Self {
            frames: required(structure, "frames")?,
            calibration_frames: required(structure, "calibration-frames")?,
            threshold: required::<f64>(structure, "threshold")? as f32,
            median: required::<f64>(structure, "median")? as f32,
            false_positive_rate: required(structure, "false-positive-rate")?,
            seconds: required(structure, "seconds")?,
            location: required(structure, "location")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> LearnedMessage {
        LearnedMessage {
            frames: 240,
            calibration_frames: 60,
            threshold: 0.4375,
            median: 0.3,
            false_positive_rate: 0.01,
            seconds: 12.5,
            location: "part.safetensors".to_owned(),
        }
    }

    #[test]
    fn a_structure_brings_back_every_field() {
        gst::init().unwrap();
        for message in [sample(), LearnedMessage::default()] {
            let structure = gst::Structure::from(&message);
            assert_eq!(
                LearnedMessage::try_from(structure.as_ref()).unwrap(),
                message
            );
        }
    }

    #[test]
    fn another_message_is_refused() {
        gst::init().unwrap();
        let mut structure = gst::Structure::from(&sample());
        structure.set_name("level");
        assert!(LearnedMessage::try_from(structure.as_ref()).is_err());
    }

    #[test]
    fn a_missing_field_is_named() {
        gst::init().unwrap();
        let mut structure = gst::Structure::from(&sample());
        structure.remove_field("median");
        let err = LearnedMessage::try_from(structure.as_ref()).unwrap_err();
        assert_eq!(err.to_string(), "igd-learned: field `median`: missing");
    }
}
