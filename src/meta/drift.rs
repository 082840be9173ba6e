//! The element message `igd-drift`.

use gst::glib::gstr;

use super::FrameTimes;
use super::field::{FieldError, is_message, required};

/// What `igdfilter` posts on the bus when the frames of late no longer look like the pictures that the model was
/// calibrated with, and when they do again.
///
/// | field | type | meaning |
/// |---|---|---|
/// | `drifted` | boolean | they no longer do |
/// | `drift` | double | as in `IgdAnomalyMeta` |
/// | `timestamp`, `stream-time`, `running-time`, `duration` | GstClockTime | those of the last of these frames, as in `igd-anomaly` |
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DriftMessage {
    pub drifted: bool,
    pub drift: f32,
    pub times: FrameTimes,
}

impl DriftMessage {
    /// The name of the message's structure.
    pub const NAME: &str = "igd-drift";
}

impl From<&DriftMessage> for gst::Structure {
    fn from(message: &DriftMessage) -> Self {
        let builder = gst::Structure::builder(DriftMessage::NAME)
            .field(gstr!("drifted"), message.drifted)
            .field(gstr!("drift"), f64::from(message.drift));
        message.times.add_to(builder).build()
    }
}

impl TryFrom<&gst::StructureRef> for DriftMessage {
    type Error = FieldError;

    fn try_from(structure: &gst::StructureRef) -> Result<Self, FieldError> {
        is_message(structure, Self::NAME, "drifted")?;
        Ok(Self {
            drifted: required(structure, "drifted")?,
            drift: required::<f64>(structure, "drift")? as f32,
            times: FrameTimes::read(structure)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_structure_brings_back_every_field() {
        gst::init().unwrap();
        let time = gst::ClockTime::from_mseconds;
        let message = DriftMessage {
            drifted: true,
            drift: 1.5,
            times: FrameTimes {
                timestamp: Some(time(40)),
                stream_time: Some(time(50)),
                running_time: Some(time(30)),
                duration: None,
            },
        };
        for message in [message, DriftMessage::default()] {
            let structure = gst::Structure::from(&message);
            assert_eq!(DriftMessage::try_from(structure.as_ref()).unwrap(), message);
        }
        let mut structure = gst::Structure::from(&DriftMessage::default());
        structure.remove_field("drift");
        let error = DriftMessage::try_from(structure.as_ref()).unwrap_err();
        assert_eq!(error.to_string(), "igd-drift: field `drift`: missing");
    }
}
