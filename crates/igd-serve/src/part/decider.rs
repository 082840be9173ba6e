//! Frames to verdicts: a trigger opens a part, the frames after it decide, and a deadline ends it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::motion::Motion;
use super::presence::Presence;
use crate::command::Refused;
use crate::config::{Decide, Trigger, TriggerBy};
use crate::judged::Judged;
use crate::record::{Record, Verdict};

/// Parts that wait for their frames at once.
const MOST_OPEN: usize = 64;

/// What was said of a part, and the frame that it rests on most.
#[derive(Debug)]
pub struct Decision {
    /// For the store and the line.
    pub record: Record,
    /// The worst of its frames.
    pub worst: Option<Arc<Judged>>,
}

/// A part that was triggered and is not decided.
struct Open {
    id: Uuid,
    since: Instant,
    time: Timestamp,
    frames: u32,
    anomalous: u32,
    worst: Option<Arc<Judged>>,
    /// Whoever asked for it.
    answer: Option<oneshot::Sender<Record>>,
}

/// The parts of one camera.
pub struct Decider {
    camera: String,
    /// The recipe, and the version of its model, that parts without a frame are told with.
    judging: (String, u32),
    trigger: Trigger,
    motion: Motion,
    /// Where a part is triggered by it.
    presence: Option<Presence>,
    open: VecDeque<Open>,
}

impl Decider {
    /// Of a camera that says so when there is a part. The error is of the picture of the empty place.
    pub fn new(camera: String, trigger: Trigger) -> Result<Self, String> {
        let empty = trigger.empty.as_deref();
        let presence = empty.map(|empty| Presence::open(empty, trigger.presence));
        Ok(Self {
            camera,
            judging: Default::default(),
            motion: Motion::new(trigger.motion),
            presence: presence.transpose()?,
            trigger,
            open: VecDeque::new(),
        })
    }

    /// Frames are judged by this recipe, and this version of its model, from now on.
    pub fn judge_by(&mut self, recipe: &str, version: u32) {
        self.judging = (recipe.to_owned(), version);
    }

    /// The mean difference of a pixel of the last frame from the empty place, 0 to 255, where parts are triggered by it.
    pub fn difference(&self) -> Option<f32> {
        self.presence.as_ref().map(Presence::difference)
    }

    /// From the trigger on.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.trigger.deadline_ms.0)
    }

    /// A part is there. Frames that arrive from now on count for it.
    pub fn open(
        &mut self,
        since: Instant,
        time: Timestamp,
        answer: Option<oneshot::Sender<Record>>,
    ) -> Result<(), Refused> {
        if self.open.len() >= MOST_OPEN {
            return Err(Refused::Unfit(format!(
                "{}: {MOST_OPEN} parts wait for their frames already: triggers come faster than frames",
                self.camera
            )));
        }
        self.open.push_back(Open {
            id: Uuid::now_v7(),
            since,
            time,
            frames: 0,
            anomalous: 0,
            worst: None,
            answer,
        });
        Ok(())
    }

    /// Takes a judged frame, and hands on what is decided by it. True: a part has been opened, which has a deadline.
    pub fn frame(&mut self, frame: &Arc<Judged>, decided: impl FnMut(Decision)) -> bool {
        let has_come = match self.trigger.by {
            TriggerBy::Request => false,
            TriggerBy::Frame => true,
            TriggerBy::Motion => frame
                .thumbnail()
                .is_some_and(|thumbnail| self.motion.rests(thumbnail)),
            TriggerBy::Presence => {
                (self.presence.as_mut()).is_some_and(|presence| presence.has_come(frame))
            }
        };
        let opened = has_come && self.open(frame.arrived, frame.time, None).is_ok();
        let keeps = self.trigger.frames.0 > 1;
        for part in &mut self.open {
            if frame.arrived >= part.since {
                part.take(frame, keeps);
            }
        }
        self.decide(Instant::now(), decided);
        opened && !self.open.is_empty()
    }

    /// Hands on what has run out of time.
    pub fn expire(&mut self, decided: impl FnMut(Decision)) {
        self.decide(Instant::now(), decided);
    }

    /// Ends all parts that are open, as the camera does.
    pub fn end(&mut self, reason: &str, mut decided: impl FnMut(Decision)) {
        for part in std::mem::take(&mut self.open) {
            let verdict = Err(reason.to_owned());
            decided(part.decision(&self.camera, &self.judging, verdict, Instant::now()));
        }
    }

    fn decide(&mut self, now: Instant, mut decided: impl FnMut(Decision)) {
        let deadline = self.deadline();
        for part in std::mem::take(&mut self.open) {
            let is_late = now.saturating_duration_since(part.since) > deadline;
            let verdict = part.verdict(&self.trigger);
            let verdict = match (verdict, is_late) {
                (None, false) => {
                    self.open.push_back(part);
                    continue;
                }
                (Some(verdict), false) => Ok(verdict),
                (Some(_), true) => Err(format!(
                    "its verdict came after the deadline of {} ms",
                    deadline.as_millis()
                )),
                (None, true) => Err(format!(
                    "{} of {} frames were judged within {} ms",
                    part.frames,
                    self.trigger.frames.0,
                    deadline.as_millis()
                )),
            };
            decided(part.decision(&self.camera, &self.judging, verdict, now));
        }
    }
}

impl Open {
    /// `keeps`: frames to come count as well, so that this one has to last.
    fn take(&mut self, frame: &Arc<Judged>, keeps: bool) {
        let judging = |frame: &Judged| (frame.recipe.clone(), frame.version);
        if let Some(worst) = &self.worst
            && judging(worst) != judging(frame)
        {
            // Another recipe has taken over: what the one before has found does not count.
            (self.frames, self.anomalous, self.worst) = (0, 0, None);
        }
        self.frames += 1;
        self.anomalous += u32::from(frame.meta.anomalous);
        let badness = |frame: &Judged| (frame.meta.anomalous, frame.meta.normalized);
        let is_worse = |worst: &Arc<Judged>| badness(frame) > badness(worst);
        if self.worst.as_ref().is_none_or(is_worse) {
            // Cameras have few buffers.
            let lasting = keeps.then(|| frame.detached().map(Arc::new)).flatten();
            self.worst = Some(lasting.unwrap_or_else(|| frame.clone()));
        }
    }

    /// As soon as the frames to come cannot change it.
    fn verdict(&self, trigger: &Trigger) -> Option<Verdict> {
        let all = trigger.frames.0;
        let needed = match trigger.decide {
            Decide::Any => 1,
            Decide::Majority => all / 2 + 1,
        };
        let normal = self.frames - self.anomalous;
        if self.anomalous >= needed {
            Some(Verdict::Bad)
        } else if normal > all - needed {
            Some(Verdict::Good)
        } else {
            None
        }
    }

    fn decision(
        self,
        camera: &str,
        (recipe, version): &(String, u32),
        verdict: Result<Verdict, String>,
        now: Instant,
    ) -> Decision {
        let latency = now.saturating_duration_since(self.since);
        let mut record = Record {
            id: self.id,
            time: self.time,
            camera: camera.to_owned(),
            recipe: recipe.clone(),
            version: *version,
            verdict: *verdict.as_ref().unwrap_or(&Verdict::None),
            reason: verdict.err(),
            frames: self.frames,
            latency_ms: latency.as_secs_f32() * 1000.0,
            ..Record::default()
        };
        if let Some(worst) = &self.worst {
            let meta = &worst.meta;
            record.recipe.clone_from(&worst.recipe);
            record.version = worst.version;
            record.score = Some(meta.score);
            record.normalized = Some(meta.normalized);
            record.threshold = Some(meta.threshold).filter(|threshold| threshold.is_finite());
            record.drift = meta.drift;
            record.size = worst.size();
            record.inspected = meta.inspected.map(|area| [area.x, area.y, area.w, area.h]);
            if record.verdict != Verdict::Good {
                record.regions.clone_from(&meta.regions);
            }
        }
        if let Some(answer) = self.answer {
            // Whoever asked may have gone.
            let _ = answer.send(record.clone());
        }
        Decision {
            record,
            worst: self.worst,
        }
    }
}
