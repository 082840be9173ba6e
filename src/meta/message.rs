//! The element message `igd-anomaly`.

use gst::glib::gstr;

use super::field::{FieldError, is_message, required};
use super::{AnomalyMeta, region};
use igd::model::Region;

/// When a frame is shown. What it does not have is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameTimes {
    /// Its PTS.
    pub timestamp: Option<gst::ClockTime>,
    /// The PTS in the stream.
    pub stream_time: Option<gst::ClockTime>,
    /// The PTS in the pipeline.
    pub running_time: Option<gst::ClockTime>,
    pub duration: Option<gst::ClockTime>,
}

impl FrameTimes {
    /// Those of `buffer` in `segment`.
    pub fn new(buffer: &gst::BufferRef, segment: &gst::Segment) -> Self {
        let segment = segment.downcast_ref::<gst::ClockTime>();
        let timestamp = buffer.pts();
        Self {
            timestamp,
            stream_time: segment.and_then(|segment| segment.to_stream_time(timestamp)),
            running_time: segment.and_then(|segment| segment.to_running_time(timestamp)),
            duration: buffer.duration(),
        }
    }

    /// The fields of a message, with these.
    pub(super) fn add_to(self, message: gst::structure::Builder) -> gst::structure::Builder {
        message
            .field(gstr!("timestamp"), self.timestamp)
            .field(gstr!("stream-time"), self.stream_time)
            .field(gstr!("running-time"), self.running_time)
            .field(gstr!("duration"), self.duration)
    }

    /// Those of a message.
    pub(super) fn read(message: &gst::StructureRef) -> Result<Self, FieldError> {
        Ok(Self {
            timestamp: required(message, "timestamp")?,
            stream_time: required(message, "stream-time")?,
            running_time: required(message, "running-time")?,
            duration: required(message, "duration")?,
        })
    }
}

/// What `igdfilter` posts on the bus when a frame turns anomalous or normal again, or, with `messages=all`, of every
/// frame that it has inferred.
///
/// | field | type | meaning |
/// |---|---|---|
/// | `anomalous` | boolean | the frame's score is above the threshold |
/// | `score`, `normalized`, `threshold` | double | as in `IgdAnomalyMeta` |
/// | `timestamp` | GstClockTime | the frame's PTS |
/// | `stream-time`, `running-time` | GstClockTime | the PTS in the stream and in the pipeline |
/// | `duration` | GstClockTime | the frame's duration |
/// | `regions` | GstValueArray of GstStructure `region` | as in `IgdAnomalyMeta` |
///
/// A time that the frame does not have is GST_CLOCK_TIME_NONE. With `inference-region=roi-list` a frame without a
/// region of interest counts as normal, with the score 0, though there is no message of it with `messages=all`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnomalyMessage {
    pub anomalous: bool,
    pub score: f32,
    pub normalized: f32,
    pub threshold: f32,
    pub times: FrameTimes,
    pub regions: Vec<Region>,
}

impl AnomalyMessage {
    /// The name of the message's structure.
    pub const NAME: &str = "igd-anomaly";

    /// What there is to say of `meta`'s frame.
    pub fn new(meta: &AnomalyMeta, times: FrameTimes) -> Self {
        Self {
            anomalous: meta.anomalous,
            score: meta.score,
            normalized: meta.normalized,
            threshold: meta.threshold,
            times,
            regions: meta.regions.clone(),
        }
    }

    /// Of a frame without a region of interest.
    pub fn nothing(threshold: f32, times: FrameTimes) -> Self {
        Self {
            threshold,
            times,
            ..Self::default()
        }
    }
}

impl From<&AnomalyMessage> for gst::Structure {
    fn from(message: &AnomalyMessage) -> Self {
        let builder = gst::Structure::builder(AnomalyMessage::NAME)
            .field(gstr!("anomalous"), message.anomalous)
            .field(gstr!("score"), f64::from(message.score))
            .field(gstr!("normalized"), f64::from(message.normalized))
            .field(gstr!("threshold"), f64::from(message.threshold));
        let builder = message.times.add_to(builder);
        builder
            .field(gstr!("regions"), region::to_array(&message.regions))
            .build()
    }
}

impl TryFrom<&gst::StructureRef> for AnomalyMessage {
    type Error = FieldError;

    fn try_from(structure: &gst::StructureRef) -> Result<Self, FieldError> {
        is_message(structure, Self::NAME, "anomalous")?;
        Ok(Self {
            anomalous: required(structure, "anomalous")?,
            score: required::<f64>(structure, "score")? as f32,
            normalized: required::<f64>(structure, "normalized")? as f32,
            threshold: required::<f64>(structure, "threshold")? as f32,
            times: FrameTimes::read(structure)?,
            regions: region::from_array(structure, "regions")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> AnomalyMessage {
        AnomalyMessage {
            anomalous: true,
            score: 0.4375,
            normalized: 0.71,
            threshold: 0.3,
            times: FrameTimes {
                timestamp: Some(gst::ClockTime::from_mseconds(40)),
                stream_time: None,
                running_time: Some(gst::ClockTime::from_seconds(2)),
                duration: Some(gst::ClockTime::from_mseconds(20)),
            },
            regions: vec![Region {
                x: 1,
                y: 2,
                w: 3,
                h: 4,
                area: 5,
                score: 0.625,
            }],
        }
    }

    #[test]
    fn a_structure_brings_back_every_field() {
        gst::init().unwrap();
        for message in [sample(), AnomalyMessage::default()] {
            let structure = gst::Structure::from(&message);
            assert_eq!(
                AnomalyMessage::try_from(structure.as_ref()).unwrap(),
                message
            );
        }
    }

    #[test]
    fn another_message_is_refused() {
        gst::init().unwrap();
        let mut structure = gst::Structure::from(&sample());
        structure.set_name("level");
        assert!(AnomalyMessage::try_from(structure.as_ref()).is_err());
    }

    #[test]
    fn times_follow_the_segment() {
        gst::init().unwrap();
        let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
        segment.set_start(gst::ClockTime::from_seconds(10));
        segment.set_time(gst::ClockTime::from_seconds(3));
        let mut buffer = gst::Buffer::new();
        buffer
            .get_mut()
            .unwrap()
            .set_pts(gst::ClockTime::from_seconds(11));
        let times = FrameTimes::new(&buffer, segment.upcast_ref());
        assert_eq!(times.timestamp, Some(gst::ClockTime::from_seconds(11)));
        assert_eq!(times.stream_time, Some(gst::ClockTime::from_seconds(4)));
        assert_eq!(times.running_time, Some(gst::ClockTime::from_seconds(1)));
        assert_eq!(times.duration, None);
    }
}
