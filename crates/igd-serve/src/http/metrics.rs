//! Metrics of the line, in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::Mutex;

use axum::extract::State as Of;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::State;
use super::latency::{ENDS, Histogram};
use super::problem::{Problem, aside};
use crate::line::{CameraState, CameraStatus};
use crate::lock::lock;
use crate::outputs::OutputStatus;
use crate::store::Store;

/// For Prometheus.
pub(super) async fn metrics(Of(state): Of<State>) -> Result<impl IntoResponse, Problem> {
    let text = aside(move || Ok::<_, Problem>(text(&state))).await?;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(CONTENT_TYPE, kind)], text))
}

fn text(state: &State) -> String {
    let line = &state.line;
    let mut page = Page {
        line: &line.config().name,
        text: String::new(),
    };
    page.cameras(&line.cameras(), &state.dropped);
    page.outputs(&line.outputs(), line.store());
    let name = "igd_part_latency_seconds";
    page.family(
        name,
        "histogram",
        "From the trigger of a part to its verdict.",
    );
    for (camera, histogram) in state.latencies.all() {
        page.histogram(name, &camera, &histogram);
    }
    page.family(
        "igd_pictures_bytes",
        "gauge",
        "Bytes that pictures of parts take.",
    );
    page.value("igd_pictures_bytes", &[], line.store().disk());
    let (slow, records) = line.left_out();
    let name = "igd_pictures_left_out_total";
    page.family(
        name,
        "counter",
        "Parts whose pictures the disk was too slow for, or had no room for.",
    );
    page.value(name, &[("reason", "slow")], slow);
    page.value(name, &[("reason", "full")], line.store().left_out());
    let name = "igd_records_lost_total";
    page.family(name, "counter", "Parts that could not be stored at all.");
    page.value(name, &[], records);
    page.family("igd_build_info", "gauge", "The version of the program.");
    page.value(
        "igd_build_info",
        &[("version", env!("CARGO_PKG_VERSION"))],
        1,
    );
    page.text
}

/// Frames that were not judged, by camera. Of frames that came some have just not been judged yet; a counter that fell
/// when they are would count as begun anew.
#[derive(Default)]
pub(super) struct Dropped(Mutex<BTreeMap<String, u64>>);

impl Dropped {
    fn of(&self, camera: &CameraStatus) -> u64 {
        let mut cameras = lock(&self.0);
        let dropped = cameras.entry(camera.name.clone()).or_default();
        *dropped = (*dropped).max(camera.frames.saturating_sub(camera.judged));
        *dropped
    }
}

/// Labels need no escapes: they are names, versions and numbers.
struct Page<'a> {
    line: &'a str,
    text: String,
}

impl Page<'_> {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.text, "{name}{{line=\"{}\"", self.line);
        for (label, of) in labels {
            let _ = write!(self.text, ",{label}=\"{of}\"");
        }
        let _ = writeln!(self.text, "}} {value}");
    }

    fn cameras(&mut self, cameras: &[CameraStatus], dropped: &Dropped) {
        let mut each = |name: &str, help: &str, value: &dyn Fn(&CameraStatus) -> Option<f64>| {
            let kind = if name.ends_with("_total") {
                "counter"
            } else {
                "gauge"
            };
            self.family(name, kind, help);
            for camera in cameras {
                if let Some(value) = value(camera) {
                    self.value(name, &[("camera", &camera.name)], value);
                }
            }
        };
        let is = |state| move |camera: &CameraStatus| Some(f64::from(camera.state == state));
        each(
            "igd_camera_up",
            "1 while frames come.",
            &is(CameraState::Running),
        );
        each(
            "igd_camera_paused",
            "1 while a user has paused it.",
            &is(CameraState::Paused),
        );
        each(
            "igd_camera_reconnects_total",
            "Times that the source was opened again.",
            &|camera| Some(camera.reconnects as f64),
        );
        each("igd_frames_total", "Frames that came.", &|camera| {
            Some(camera.frames as f64)
        });
        each(
            "igd_frames_judged_total",
            "Frames that were judged.",
            &|camera| Some(camera.judged as f64),
        );
        each(
            "igd_frames_dropped_total",
            "Frames that were not judged.",
            &|camera| Some(dropped.of(camera) as f64),
        );
        each(
            "igd_inference_seconds",
            "What the last inference took.",
            &|camera| (camera.judged > 0).then_some(camera.inference_ms / 1000.0),
        );
        each(
            "igd_drift",
            "Change of light, focus or place, of the limit.",
            &|camera| camera.drift.map(f64::from),
        );
        self.family(
            "igd_parts_total",
            "counter",
            "Parts by what was said of them.",
        );
        for CameraStatus { name, counts, .. } in cameras {
            let verdicts = [
                ("good", counts.good),
                ("bad", counts.bad),
                ("none", counts.none),
            ];
            for (verdict, count) in verdicts {
                self.value(
                    "igd_parts_total",
                    &[("camera", name), ("verdict", verdict)],
                    count,
                );
            }
        }
    }

    fn outputs(&mut self, outputs: &[OutputStatus], store: &Store) {
        self.family(
            "igd_output_connected",
            "gauge",
            "1 while its peer is there.",
        );
        for output in outputs {
            let connected = u8::from(output.connected);
            self.value(
                "igd_output_connected",
                &[("output", &output.name)],
                connected,
            );
        }
        self.family("igd_output_waiting", "gauge", "Parts that wait for it.");
        for output in outputs {
            self.value(
                "igd_output_waiting",
                &[("output", &output.name)],
                output.waiting,
            );
        }
        let name = "igd_output_lost_total";
        self.family(
            name,
            "counter",
            "Parts that became too old before it had them.",
        );
        for output in outputs {
            match store.lost(&output.name) {
                Ok(lost) => self.value(name, &[("output", &output.name)], lost),
                Err(error) => tracing::warn!("{name}: {error}"),
            }
        }
    }

    fn histogram(&mut self, name: &str, camera: &str, histogram: &Histogram) {
        let bucket = format!("{name}_bucket");
        for (end, count) in ENDS.iter().zip(histogram.up_to) {
            let labels = [("camera", camera), ("le", &end.to_string())];
            self.value(&bucket, &labels, count);
        }
        let Histogram { count, sum, .. } = histogram;
        self.value(&bucket, &[("camera", camera), ("le", "+Inf")], count);
        self.value(&format!("{name}_sum"), &[("camera", camera)], sum);
        self.value(&format!("{name}_count"), &[("camera", camera)], count);
    }
}
