//! The element message `igd-gate`.

use gst::glib::gstr;

use super::field::{FieldError, is_message, required};

/// What `igdgate` posts on the bus when it opens and when it closes.
///
/// | field | type | meaning |
/// |---|---|---|
/// | `open` | boolean | the event begins; otherwise it is over |
/// | `event` | guint64 | number of the event since the element has started, from 1 |
/// | `timestamp` | GstClockTime | PTS of the first anomalous frame |
/// | `stream-time`, `running-time` | GstClockTime | the same in the stream and in the pipeline |
/// | `start` | GstClockTime | stream time of the first buffer that is passed |
/// | `end` | GstClockTime | stream time at which the last buffer that was passed ends; none while the gate is open |
/// | `score`, `normalized` | double | the highest so far, as in `IgdAnomalyMeta` |
/// | `anomalous-frames` | guint64 | so far |
///
/// A time that is not known is GST_CLOCK_TIME_NONE. When the gate closes is known some time after `end`, since another
/// anomaly could have followed; when it opens, more than one anomalous frame may be known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GateMessage {
    pub open: bool,
    pub event: u64,
    pub timestamp: Option<gst::ClockTime>,
    pub stream_time: Option<gst::ClockTime>,
    pub running_time: Option<gst::ClockTime>,
    pub start: Option<gst::ClockTime>,
    pub end: Option<gst::ClockTime>,
    pub score: f32,
    pub normalized: f32,
    pub anomalous_frames: u64,
}

impl GateMessage {
    /// The name of the message's structure.
    pub const NAME: &str = "igd-gate";
}

impl From<&GateMessage> for gst::Structure {
    fn from(message: &GateMessage) -> Self {
        gst::Structure::builder(GateMessage::NAME)
            .field(gstr!("open"), message.open)
            .field(gstr!("event"), message.event)
            .field(gstr!("timestamp"), message.timestamp)
            .field(gstr!("stream-time"), message.stream_time)
            .field(gstr!("running-time"), message.running_time)
            .field(gstr!("start"), message.start)
            .field(gstr!("end"), message.end)
            .field(gstr!("score"), f64::from(message.score))
            .field(gstr!("normalized"), f64::from(message.normalized))
            .field(gstr!("anomalous-frames"), message.anomalous_frames)
            .build()
    }
}

impl TryFrom<&gst::StructureRef> for GateMessage {
    type Error = FieldError;

    fn try_from(structure: &gst::StructureRef) -> Result<Self, FieldError> {
        is_message(structure, Self::NAME, "open")?;
        Ok(Self {
            open: required(structure, "open")?,
            event: required(structure, "event")?,
            timestamp: required(structure, "timestamp")?,
            stream_time: required(structure, "stream-time")?,
            running_time: required(structure, "running-time")?,
            start: required(structure, "start")?,
            end: required(structure, "end")?,
            score: required::<f64>(structure, "score")? as f32,
            normalized: required::<f64>(structure, "normalized")? as f32,
            anomalous_frames: required(structure, "anomalous-frames")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> GateMessage {
        GateMessage {
            open: true,
            event: 3,
            timestamp: Some(gst::ClockTime::from_mseconds(4040)),
            stream_time: Some(gst::ClockTime::from_mseconds(40)),
            running_time: Some(gst::ClockTime::from_seconds(2)),
            start: Some(gst::ClockTime::from_mseconds(20)),
            end: None,
            score: 0.4375,
            normalized: 0.75,
            anomalous_frames: 5,
        }
    }

    #[test]
    fn a_structure_brings_back_every_field() {
        gst::init().unwrap();
        for message in [sample(), GateMessage::default()] {
            let structure = gst::Structure::from(&message);
            assert_eq!(GateMessage::try_from(structure.as_ref()).unwrap(), message);
        }
    }

    #[test]
    fn another_message_is_refused() {
        gst::init().unwrap();
        let mut structure = gst::Structure::from(&sample());
        structure.set_name("level");
        assert!(GateMessage::try_from(structure.as_ref()).is_err());
    }

    #[test]
    fn a_missing_field_is_named() {
        gst::init().unwrap();
        let mut structure = gst::Structure::from(&sample());
        structure.remove_field("end");
        let err = GateMessage::try_from(structure.as_ref()).unwrap_err();
        assert_eq!(err.to_string(), "igd-gate: field `end`: missing");
    }
}
