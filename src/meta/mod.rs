//! What travels with a buffer after [`igdfilter`](crate::igdfilter): the result as a structure that any language reads
//! by name, a region of interest for each anomalous region, and the bus messages.
//!
//! `IgdAnomalyMeta` is a [`GstCustomMeta`](gst::meta::CustomMeta), so that no reader has to link to this plugin:
//! `gst_buffer_get_custom_meta (buffer, "IgdAnomalyMeta")`, then `gst_custom_meta_get_structure`; `examples/` has such
//! readers in C, Python and Rust, and [`igdmetaenc`](crate::igdmetaenc) writes it as JSON. Its fields:
//!
//! | field | type | meaning |
//! |---|---|---|
//! | `element` | string | name of the igdfilter |
//! | `score` | double | the raw score: IGD's, or a dense model's largest distance, which marked pictures may have changed |
//! | `normalized` | double | 0 at the median of the calibrating normal pictures, 0.5 at the threshold, at most 1 |
//! | `threshold` | double | the raw score above which a frame counts as anomalous; infinite when neither the model nor the user gives one |
//! | `anomalous` | boolean | `score` is above `threshold` |
//! | `global-reconstruction`, `global-gaussian` | double | the two terms of the whole picture; absent when the model has no global network |
//! | `local-reconstruction`, `local-gaussian` | double | the two terms of the worst patch; absent when the model has no local network |
//! | `dense-distance`, `dense-gaussian` | double | a dense model's terms: the largest distance from normal, about 1 where normal (the score, but for what marked pictures have taught), and 1 - exp(-distance^2); absent in other models |
//! | `drift` | double | with `watch-drift`: how far the last 50 inspected frames are from the pictures that the model was calibrated with, all of each picture: above 1 light, focus, place or compression have changed. Absent before there are 50, with a mask, with `inference-region=roi-list`, and where the model does not tell drift |
//! | `inference-ms` | double | milliseconds from the mapped frame to the result |
//! | `age` | uint | frames since the inference that this result comes from, 0 for its own frame |
//! | `width`, `height` | uint | size of the frame that the regions refer to |
//! | `model` | string | name of the model file, without folder and extension |
//! | `regions` | GstValueArray of GstStructure `region` | of an anomalous frame, the largest first: `x`, `y`, `w`, `h`, `area` (uint, pixels) and `score` (double, 0.5..1); none of a normal one |
//! | `candidates` | as `regions` | with `candidates`: the regions that a frame (or an object) would have if its score were above the threshold; absent where there are none. They are no regions of interest, and in no message |
//! | `inspected` | GstStructure `area` | the part of the frame that was inspected: `x`, `y`, `w`, `h` (uint, pixels); absent for the whole |
//! | `objects` | GstValueArray of GstStructure `object` | with `inference-region=roi-list`, a result for each upstream region of interest: its `id` (int), `type` (string), `x`, `y`, `w`, `h` (uint), `score`, `normalized` (double), `anomalous` (boolean), `regions` as above, and its `map`; the frame's own score is that of the worst |
//! | `map`, `map-width`, `map-height` | GBytes, uint, uint | with `attach-map`: the map of the inspected part, floats in the machine's byte order, row by row, normalised as `normalized` is |
//! | `results` | GstValueArray of GstStructure `result` | where several igdfilters have inspected the frame (other regions, other models): the result of each, in their order, with all fields of this table; those above are then of the worst, so that no reader misses a defect. Absent where there is one |
//!
//! # What other elements do to it
//!
//! A result is lost, kept or moved along in all its forms alike, GstAnalytics (on GStreamer 1.24 and newer) included
//! (`tests/plugin/survival.rs`, on GStreamer 1.22 and 1.26):
//!
//! | element | on 1.22 | on 1.26 |
//! |---|---|---|
//! | queue, tee, videoconvert, gamma, videorate, encoders, decoders | kept | kept |
//! | videoscale | the places move along | the places move along |
//! | videoflip, a method by name | kept, with the places of **before** the turn | lost |
//! | videoflip `method=automatic` or `none` | lost | lost |
//! | videocrop, aspectratiocrop, videobox that do change the size | lost | lost |
//! | deinterlace, compositor | lost | lost |
//!
//! So turn and crop before `igdfilter`. Borders that videoscale adds are not accounted for, as they are not for
//! GStreamer's own regions of interest. Those keep their place and id, but not the `detection`, where videoscale scales
//! or videoconvert converts: GStreamer makes new ones there. GstAnalytics keeps type and confidence.
//!
//! # Encoders
//!
//! vaapi's encoders (`vaapih264enc` and its kin) take every region of interest, by default at their highest quality
//! (property `default-roi-delta-qp`), so that anomalies come out sharper by themselves. msdk's and OMX's want a param
//! of their own too (`roi/msdk` with `delta-qp` or `priority`, `roi/omx-alg` with `quality`); va, qsv, nvcodec, x264,
//! x265, openh264, svtav1, aom and libav read none. No such param is attached: how many bits an anomaly is worth is for
//! the user of the encoder to say, and a videoconvert on the way would drop it. A pad probe before the encoder can add
//! one.

mod analytics;
mod anomaly;
mod area;
mod attach;
mod custom;
mod drift;
mod field;
mod gate;
mod json;
mod learned;
mod map;
mod marked;
mod message;
mod object;
mod region;
mod region_of_interest;
mod upstream;

pub use anomaly::AnomalyMeta;
pub use attach::{PartMap, attach};
pub use custom::{NAME, register};
pub use drift::DriftMessage;
pub use field::FieldError;
pub use gate::GateMessage;
pub use json::FrameLine;
pub use learned::LearnedMessage;
pub use map::AttachedMap;
pub use marked::MarkedMessage;
pub use message::{AnomalyMessage, FrameTimes};
pub use object::{ObjectResult, UpstreamRegion};
pub use upstream::upstream_regions;
