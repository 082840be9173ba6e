//! A frame's result as one line of JSON: what `igd predict` says of a picture, and where in the video the frame is.
//! `docs/frame.schema.json` describes it to readers.

use serde::ser::Error;
use serde::{Serialize, Serializer};

use super::{AnomalyMeta, AttachedMap, FrameTimes, ObjectResult};
use crate::video::Area;
use igd::model::{Region, Scales};

/// One line. `path` is left out where the source has no name, and `results` where one filter alone has inspected the
/// frame; otherwise they are the result of each filter, and the line's own is that of the worst.
#[derive(Clone, Debug, Serialize)]
pub struct FrameLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<&'a str>,
    /// The frame's number, from 0.
    pub frame: u64,
    /// Nanoseconds; null for a frame without a PTS.
    pub pts: Option<u64>,
    /// The PTS as nanoseconds from the start of the video, also after a seek.
    pub stream_time: Option<u64>,
    /// The PTS as nanoseconds that the pipeline has played, which other streams of it share.
    pub running_time: Option<u64>,
    pub width: u32,
    pub height: u32,
    #[serde(flatten)]
    pub result: ResultLine<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<ResultLine<'a>>,
}

/// What one filter says. `element` is left out where it has no name, `age` for a frame with its own result, `inspected`
/// where all of the frame was, `candidates` and `objects` where there are none, `map` where none is attached, `drift`
/// where it is not known, and `inference_ms` where it is not asked for. A threshold that is infinite is null.
#[derive(Clone, Debug, Serialize)]
pub struct ResultLine<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub element: &'a str,
    pub score: f32,
    pub normalized: f32,
    pub threshold: f32,
    pub anomalous: bool,
    pub scales: Scales,
    pub regions: &'a [Region],
    #[serde(skip_serializing_if = "<[Region]>::is_empty")]
    pub candidates: &'a [Region],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inspected: Option<Area>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map: Option<&'a AttachedMap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inference_ms: Option<f64>,
    #[serde(skip_serializing_if = "is_own_result")]
    pub age: u32,
}

/// An upstream region of interest.
#[derive(Clone, Debug, Serialize)]
pub struct ObjectLine<'a> {
    pub id: i32,
    #[serde(rename = "type")]
    pub kind: &'a str,
    #[serde(flatten)]
    pub area: Area,
    pub score: f32,
    pub normalized: f32,
    pub anomalous: bool,
    pub regions: &'a [Region],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map: Option<&'a AttachedMap>,
}

impl<'a> From<&'a ObjectResult> for ObjectLine<'a> {
    fn from(object: &'a ObjectResult) -> Self {
        Self {
            id: object.id,
            kind: &object.kind,
            area: object.area,
            score: object.score,
            normalized: object.normalized,
            anomalous: object.anomalous,
            regions: &object.regions,
            map: object.map.as_ref(),
        }
    }
}

impl<'a> FrameLine<'a> {
    /// What there is to say of the frame that is shown at `times`.
    pub fn new(
        path: Option<&'a str>,
        frame: u64,
        times: FrameTimes,
        meta: &'a AnomalyMeta,
    ) -> Self {
        let nanoseconds = |time: Option<gst::ClockTime>| time.map(gst::ClockTime::nseconds);
        Self {
            path,
            frame,
            pts: nanoseconds(times.timestamp),
            stream_time: nanoseconds(times.stream_time),
            running_time: nanoseconds(times.running_time),
            width: meta.width,
            height: meta.height,
            result: ResultLine::from(meta),
            results: meta.results.iter().map(ResultLine::from).collect(),
        }
    }

    /// Whether there is a map of the frame or of one of its objects.
    pub fn has_map(&self) -> bool {
        self.result.has_map() || self.results.iter().any(ResultLine::has_map)
    }

    pub fn remove_maps(&mut self) {
        self.all_results().for_each(ResultLine::remove_maps);
    }

    pub fn remove_inference_times(&mut self) {
        self.all_results()
            .for_each(|result| result.inference_ms = None);
    }

    /// The line's own, and that of each filter.
    fn all_results(&mut self) -> impl Iterator<Item = &mut ResultLine<'a>> {
        [&mut self.result].into_iter().chain(&mut self.results)
    }
}

impl<'a> From<&'a AnomalyMeta> for ResultLine<'a> {
    fn from(meta: &'a AnomalyMeta) -> Self {
        Self {
            element: &meta.element,
            score: meta.score,
            normalized: meta.normalized,
            threshold: meta.threshold,
            anomalous: meta.anomalous,
            scales: meta.scales,
            regions: &meta.regions,
            candidates: &meta.candidates,
            inspected: meta.inspected,
            objects: meta.objects.iter().map(ObjectLine::from).collect(),
            map: meta.map.as_ref(),
            drift: meta.drift,
            inference_ms: Some((meta.inference_ms * 1000.0).round() / 1000.0),
            age: meta.age,
        }
    }
}

impl ResultLine<'_> {
    fn has_map(&self) -> bool {
        self.map.is_some() || self.objects.iter().any(|object| object.map.is_some())
    }

    fn remove_maps(&mut self) {
        self.map = None;
        for object in &mut self.objects {
            object.map = None;
        }
    }
}

/// As a gray PNG of 8 bits in base64: 0 where normal, 255 at most, anomalous from 128.
impl Serialize for AttachedMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let png = self.to_png().map_err(S::Error::custom)?;
        serializer.serialize_str(&glib::base64_encode(&png))
    }
}

fn is_own_result(age: &u32) -> bool {
    *age == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use igd::model::ScaleTerms;

    #[test]
    fn a_line_has_the_fields_of_a_picture_and_those_of_a_frame() {
        let meta = AnomalyMeta {
            score: 0.4375,
            normalized: 0.75,
            threshold: 0.25,
            anomalous: true,
            scales: Scales {
                global: Some(ScaleTerms {
                    reconstruction: 0.125,
                    gaussian: 0.5,
                }),
                ..Scales::default()
            },
            drift: Some(1.25),
            inference_ms: 12.34567,
            width: 64,
            height: 48,
            regions: vec![Region {
                x: 1,
                y: 2,
                w: 3,
                h: 4,
                area: 5,
                score: 0.625,
            }],
            ..Default::default()
        };
        gst::init().unwrap();
        let mut buffer = gst::Buffer::new();
        let pts = gst::ClockTime::from_mseconds(40);
        buffer.make_mut().set_pts(pts);
        let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
        segment.set_start(gst::ClockTime::from_mseconds(10));
        segment.set_time(gst::ClockTime::from_mseconds(20));
        let times = FrameTimes::new(&buffer, segment.upcast_ref());
        let line = FrameLine::new(None, 7, times, &meta);
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            concat!(
                r#"{"frame":7,"pts":40000000,"stream_time":50000000,"running_time":30000000,"width":64,"height":48,"score":0.4375,"normalized":0.75,"#,
                r#""threshold":0.25,"anomalous":true,"scales":{"global":{"reconstruction":0.125,"gaussian":0.5}},"#,
                r#""regions":[{"x":1,"y":2,"w":3,"h":4,"area":5,"score":0.625}],"drift":1.25,"inference_ms":12.346}"#
            )
        );
        let aged = AnomalyMeta { age: 3, ..meta };
        let line = FrameLine::new(Some("a.mp4"), 8, FrameTimes::default(), &aged);
        let line = serde_json::to_string(&line).unwrap();
        assert!(line.starts_with(concat!(
            r#"{"path":"a.mp4","frame":8,"pts":null,"#,
            r#""stream_time":null,"running_time":null,"#
        )));
        assert!(line.ends_with(r#","age":3}"#));
    }
}
