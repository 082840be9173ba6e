use std::path::{Path, PathBuf};

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::Name;

/// `[cameras.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CameraConfig {
    /// Where frames come from: an address (`rtsp://`, `http://`, `file://`, `v4l2:///dev/video0`), `pictures:FOLDER`,
    /// or the text of a pipeline that ends in raw video (`v4l2src ! videoflip method=clockwise`).
    pub source: String,
    /// The recipe to begin with.
    pub recipe: Name,
    /// When there is a part, and how it is judged.
    #[serde(default)]
    pub trigger: Trigger,
    /// Seconds without a frame after which the source is opened again; 0: never, for cameras that are triggered.
    #[serde(default = "stall_seconds")]
    pub stall_seconds: u64,
}

impl CameraConfig {
    /// A part a frame, judged by a recipe.
    pub fn of(source: String, recipe: Name) -> Self {
        Self {
            source,
            recipe,
            trigger: Trigger::default(),
            stall_seconds: stall_seconds(),
        }
    }

    pub(super) fn relative_to(&mut self, folder: &Path) {
        if let Some(pictures) = self.source.strip_prefix("pictures:") {
            self.source = format!("pictures:{}", folder.join(pictures).display());
        }
        let empty = &mut self.trigger.empty;
        *empty = empty.take().map(|empty| folder.join(empty));
    }

    /// What no value tells by itself.
    pub(super) fn check(&self) -> Result<(), String> {
        let trigger = &self.trigger;
        if trigger.by == TriggerBy::Frame && trigger.frames.0 > 1 {
            return Err(format!(
                "frames = {}: with by = \"frame\" each frame is a part of its own",
                trigger.frames.0
            ));
        }
        match (trigger.by, &trigger.empty) {
            (TriggerBy::Presence, None) => Err(
                "by = \"presence\" needs empty = \"FILE\", a picture of the place without a part: the API gives one at \
                 cameras/NAME/picture.jpg?drawn=false"
                    .into(),
            ),
            (TriggerBy::Presence, Some(_)) | (_, None) => Ok(()),
            (_, Some(_)) => Err("empty: a picture of the empty place is for by = \"presence\"".into()),
        }
    }
}

const fn stall_seconds() -> u64 {
    10
}

/// `[cameras.NAME.trigger]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Trigger {
    /// What says that a part is there.
    pub by: TriggerBy,
    /// Frames that are judged, 1 to 1000.
    pub frames: Frames,
    /// Of those, how many have to be anomalous for the part to be bad.
    pub decide: Decide,
    /// From the trigger on, in milliseconds: 1 to 3,600,000. What has no verdict by then never gets one.
    pub deadline_ms: DeadlineMs,
    /// With `by = "motion"`: the mean change of a pixel between frames above which something moves, 0 to 255.
    #[serde(deserialize_with = "change")]
    pub motion: f32,
    /// With `by = "presence"`: the mean difference of a pixel from the empty place above which a part is there, 0 to
    /// 255. It has gone when the difference is less than half of that.
    #[serde(deserialize_with = "change")]
    pub presence: f32,
    /// With `by = "presence"`: a picture of the place without a part.
    pub empty: Option<PathBuf>,
}

fn change<'de, D: Deserializer<'de>>(number: D) -> Result<f32, D::Error> {
    let number = f32::deserialize(number)?;
    match (0.0..=255.0).contains(&number) {
        true => Ok(number),
        false => Err(D::Error::custom(format!(
            "a change of {number}: it is 0 to 255"
        ))),
    }
}

impl Default for Trigger {
    fn default() -> Self {
        Self {
            by: TriggerBy::default(),
            frames: Frames(1),
            decide: Decide::default(),
            deadline_ms: DeadlineMs(1000),
            motion: 4.0,
            presence: 8.0,
            empty: None,
        }
    }
}

/// What says that a part is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TriggerBy {
    /// Each frame that is judged is a part.
    #[default]
    Frame,
    /// A request: HTTP, MQTT or a coil of Modbus.
    Request,
    /// What moved has come to rest.
    Motion,
    /// The place no longer looks as it does without a part.
    Presence,
}

/// How frames make a verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decide {
    /// One anomalous frame makes a bad part.
    #[default]
    Any,
    /// More than half of them do.
    Majority,
}

/// 1 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct Frames(pub u32);

impl TryFrom<u32> for Frames {
    type Error = String;

    fn try_from(count: u32) -> Result<Self, String> {
        match (1..=1000).contains(&count) {
            true => Ok(Self(count)),
            false => Err(format!("{count} frames a part: 1 to 1000 can be judged")),
        }
    }
}

/// 1 to 3,600,000 milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct DeadlineMs(pub u64);

impl TryFrom<u64> for DeadlineMs {
    type Error = String;

    fn try_from(milliseconds: u64) -> Result<Self, String> {
        match (1..=3_600_000).contains(&milliseconds) {
            true => Ok(Self(milliseconds)),
            false => Err(format!(
                "a deadline of {milliseconds} ms: it is 1 to 3600000"
            )),
        }
    }
}
