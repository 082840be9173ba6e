//! A frame's result as one line of JSON: what `igd predict` says of a picture, and where in the video the frame is.

use serde::Serialize;

use super::{AnomalyMeta, ObjectResult};
use crate::model::{Region, Scales};
use crate::video::Area;

/// One line. `path` is left out where there is no file to name, `age` for a frame with its own result, `inspected` where all of
/// the frame was, and `objects` where there are none.
#[derive(Clone, Debug, Serialize)]
pub struct FrameLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<&'a str>,
    /// The frame's number, from 0.
    pub frame: u64,
    /// Nanoseconds; null for a frame without a PTS.
    pub pts: Option<u64>,
    pub width: u32,
    pub height: u32,
    pub score: f32,
    pub normalized: f32,
    pub threshold: f32,
    pub anomalous: bool,
    pub scales: Scales,
    pub regions: &'a [Region],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inspected: Option<Area>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectLine<'a>>,
    pub inference_ms: f64,
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
        }
    }
}

impl<'a> FrameLine<'a> {
    pub fn new(
        path: Option<&'a str>,
        frame: u64,
        pts: Option<gst::ClockTime>,
        meta: &'a AnomalyMeta,
    ) -> Self {
        Self {
            path,
            frame,
            pts: pts.map(gst::ClockTime::nseconds),
            width: meta.width,
            height: meta.height,
            score: meta.score,
            normalized: meta.normalized,
            threshold: meta.threshold,
            anomalous: meta.anomalous,
            scales: meta.scales,
            regions: &meta.regions,
            inspected: meta.inspected,
            objects: meta.objects.iter().map(ObjectLine::from).collect(),
            inference_ms: (meta.inference_ms * 1000.0).round() / 1000.0,
            age: meta.age,
        }
    }
}

fn is_own_result(age: &u32) -> bool {
    *age == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ScaleTerms;

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
        let line = FrameLine::new(None, 7, Some(gst::ClockTime::from_mseconds(40)), &meta);
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            concat!(
                r#"{"frame":7,"pts":40000000,"width":64,"height":48,"score":0.4375,"normalized":0.75,"#,
                r#""threshold":0.25,"anomalous":true,"scales":{"global":{"reconstruction":0.125,"gaussian":0.5}},"#,
                r#""regions":[{"x":1,"y":2,"w":3,"h":4,"area":5,"score":0.625}],"inference_ms":12.346}"#
            )
        );
        let aged = AnomalyMeta { age: 3, ..meta };
        let line = serde_json::to_string(&FrameLine::new(Some("a.mp4"), 8, None, &aged)).unwrap();
        assert!(line.starts_with(r#"{"path":"a.mp4","frame":8,"pts":null,"#));
        assert!(line.ends_with(r#","age":3}"#));
    }
}
