//! What made-up lines have to show.

use igd::model::{Flagged, Promise, Region, Revision};
use jiff::{Timestamp, ToSpan};
use uuid::Uuid;

use crate::config::Role;
use crate::http::Caller;
use crate::line::{
    By, CameraState, CameraStatus, Change, Collecting, Doubt, Fit, Inspected, Lesson,
    LessonPicture, RecipeStatus, Refit, Scores, Shape, Stage, Taught,
};
use crate::outputs::OutputStatus;
use crate::page::events::Happened;
use crate::page::improve::Improvable;
use crate::page::live::{Camera, Seen};
use crate::page::region::Drawable;
use crate::page::review::{Filter, Gallery, Shown};
use crate::page::teach::Teachable;
use crate::page::threshold::Settable;
use crate::page::{Language, Visit};
use crate::record::{Mark, Record, Verdict};
use crate::store::{Counts, Event, Marked, Part, Version};

/// What a page must not take for its own.
pub const EVIL: &str = "<b>\"&'</b><img src=x onerror=alert(1)>";

pub fn visit(language: Language, role: Role) -> Visit {
    Visit {
        caller: Caller {
            name: EVIL.into(),
            role,
        },
        language,
        uri: "/review?tab=bad".parse().unwrap(),
        line: format!("Line {EVIL}"),
        has_tokens: true,
    }
}

pub fn time(minutes: i64) -> Timestamp {
    let noon: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
    noon - minutes.minutes()
}

fn record(index: u128, verdict: Verdict) -> Record {
    let score = match verdict {
        Verdict::Good => Some(1.2),
        Verdict::Bad => Some(2.6),
        Verdict::None => None,
    };
    Record {
        id: Uuid::from_u128(index),
        time: time(index as i64),
        camera: "left".into(),
        recipe: "cells".into(),
        version: 2,
        verdict,
        reason: score
            .is_none()
            .then(|| format!("no frame in 1000 ms {EVIL}")),
        score,
        normalized: score.map(|score| score / 4.0),
        threshold: Some(2.0),
        drift: Some(0.3),
        frames: 1,
        latency_ms: 41.3,
        size: [640, 480],
        inspected: Some([64, 48, 512, 384]),
        regions: match verdict {
            Verdict::Bad => vec![Region {
                x: 300,
                y: 200,
                w: 90,
                h: 60,
                area: 3000,
                score: 0.8,
            }],
            _ => Vec::new(),
        },
    }
}

pub fn part(index: u128, verdict: Verdict, mark: Option<Mark>) -> Part {
    Part {
        seq: index as i64,
        record: record(index, verdict),
        pictures: verdict != Verdict::None,
        mark: mark.map(|mark| Marked {
            mark,
            area: (mark == Mark::Bad).then_some([0.5, 0.4, 0.2, 0.15]),
            by: EVIL.into(),
            time: time(0),
        }),
    }
}

fn camera(name: &str, state: CameraState, last: Option<Verdict>) -> Camera {
    Camera {
        status: CameraStatus {
            name: name.into(),
            recipe: "cells".into(),
            version: 2,
            state,
            error: Some(format!("the source ended {EVIL}")),
            size: [640, 480],
            fps: 12.4,
            frames: 9000,
            judged: 4500,
            reconnects: 1,
            counts: Counts::default(),
            inference_ms: 38.0,
            drift: (name == "right").then_some(1.4),
            difference: None,
            last: last.map(|verdict| record(1, verdict)),
        },
        counts: Counts {
            good: 1204,
            bad: 7,
            none: 1,
        },
        lost: (state == CameraState::Lost).then(|| time(20)),
        on_request: name == "left",
    }
}

pub fn seen(is_one: bool) -> Seen {
    let mut cameras = vec![
        camera("left", CameraState::Running, Some(Verdict::Bad)),
        camera("right", CameraState::Running, Some(Verdict::Good)),
        camera("top", CameraState::Lost, Some(Verdict::None)),
        camera("new", CameraState::Connecting, None),
        camera("hand", CameraState::Paused, Some(Verdict::Good)),
    ];
    if is_one {
        cameras.truncate(1);
        cameras[0].status.state = CameraState::Lost;
    }
    Seen {
        cameras,
        recipes: vec!["cells".into(), "glass".into()],
        shift: time(200),
        is_one,
        has_video: true,
    }
}

pub fn gallery() -> Gallery {
    let verdicts = [Verdict::Bad, Verdict::Good, Verdict::None];
    let marks = [None, Some(Mark::Bad), Some(Mark::Good), None, None];
    let parts = (1..=48).map(|index| Shown {
        part: part(
            index,
            verdicts[index as usize / 3 % 3],
            marks[index as usize % 5],
        ),
        region: [0.1, 0.1, 0.8, 0.8],
    });
    Gallery {
        filter: Filter::default(),
        parts: parts.collect(),
        cameras: vec!["left".into(), "right".into()],
        recipes: vec!["cells".into(), "glass".into()],
    }
}

fn version(number: u32, active: bool) -> Version {
    Version {
        recipe: "cells".into(),
        number,
        file: "model.safetensors".into(),
        created: time(100 * i64::from(number)),
        revision: (number > 1).then(|| Revision {
            bad: 7 * number as usize,
            good: 3,
            pictures: 300,
            before: Flagged {
                bad: 2,
                good: 3,
                pictures: 4,
            },
            after: Flagged {
                bad: 7 * number as usize - 1,
                good: 0,
                pictures: 3,
            },
            ..Revision::default()
        }),
        taught: (number == 1).then_some(120),
        threshold: active.then_some(2.104),
        active,
    }
}

fn recipe(refit: Refit) -> RecipeStatus {
    RecipeStatus {
        name: "cells".into(),
        versions: vec![version(1, false), version(2, true), version(3, false)],
        threshold: Some(2.104),
        marked_good: 3,
        marked_bad: 8,
        refit,
        inspected: Inspected {
            region: Some([64, 48, 512, 384]),
            masked: true,
            shapes: vec![Shape {
                inspect: false,
                points: vec![[0.2, 0.2], [0.4, 0.2], [0.3, 0.5]],
            }],
        },
        lesson: 70,
    }
}

/// Being collected, and learned or not.
pub fn teachable(fit: Fit) -> Teachable {
    let doubts = [
        vec![Doubt::Double {
            of: Uuid::from_u128(1),
        }],
        vec![Doubt::Blurred, Doubt::Size],
        vec![Doubt::Dark],
        vec![Doubt::Bright, Doubt::Odd],
        vec![Doubt::Shape],
    ];
    let doubts = doubts
        .into_iter()
        .chain(std::iter::repeat_n(Vec::new(), 65));
    let pictures = doubts.zip(1..).map(|(doubts, index)| LessonPicture {
        id: Uuid::from_u128(index),
        size: Some([640, 480]),
        bytes: 300_000,
        doubts,
    });
    let (names, cameras) = (
        vec!["cells".into(), EVIL.into()],
        vec![("left".into(), "cells".into()), (EVIL.into(), EVIL.into())],
    );
    Teachable {
        names,
        recipe: recipe(Refit::None),
        lesson: Lesson {
            pictures: pictures.collect(),
            looked_at: 70,
            bytes: 21_000_000,
            fewest: 8,
            advised: 50,
            most: 2000,
            collecting: Some(Collecting {
                camera: EVIL.into(),
                by: By::Motion,
                taken: 12,
                running: true,
                error: Some(format!("no room {EVIL}")),
            }),
            fit,
        },
        cameras,
        is_removable: true,
    }
}

pub fn teaching() -> Fit {
    Fit::Running {
        stage: Stage::Calibrating,
        done: 12,
        all: 70,
    }
}

pub fn taught() -> Fit {
    Fit::Proposed(Taught {
        pictures: 70,
        threshold: 1.91,
        promise: Promise {
            rate: 0.014,
            high: 0.042,
            pictures_needed: Some(99),
            asked: 0.01,
            pictures: 70,
        },
        doubles: 9,
        odd: vec![(Uuid::from_u128(3), 1.07)],
    })
}

pub fn drawable() -> Drawable {
    Drawable {
        names: vec!["cells".into(), EVIL.into()],
        recipe: recipe(Refit::None),
        camera: Some((EVIL.into(), [640, 480])),
    }
}

pub fn improvable(refit: Refit) -> Improvable {
    let mut names = vec!["cells".into(), "glass".into()];
    names.push(EVIL.into());
    let parts = [(4, Mark::Bad), (5, Mark::Good)]
        .map(|(index, mark)| part(index, Verdict::Bad, Some(mark)));
    Improvable {
        names,
        recipe: recipe(refit),
        changed: parts
            .into_iter()
            .map(|part| (part.record.id, part))
            .collect(),
    }
}

pub fn proposed() -> Refit {
    Refit::Proposed {
        lines: vec![
            format!("defects found: 2 of 8 before, 7 of 8 after {EVIL}"),
            "false alarms of good pictures: 4 of 300 before, 3 of 300 after".into(),
        ],
        changes: vec![
            Change {
                id: Uuid::from_u128(4),
                before: 0.92,
                after: 1.31,
            },
            Change {
                id: Uuid::from_u128(5),
                before: 0.97,
                after: 1.02,
            },
        ],
    }
}

pub fn running() -> Refit {
    Refit::Running { done: 4, all: 11 }
}

pub fn refused() -> Refit {
    Refit::Refused {
        text: format!("not better {EVIL}"),
        lines: vec![format!("defects found: 3 of 8 {EVIL}")],
    }
}

pub fn settable() -> Settable {
    let mut random = fastrand::Rng::with_seed(1);
    let mut good: Vec<f32> = (0..300)
        .map(|_| 1.0 + (0..6).map(|_| random.f32()).sum::<f32>() / 6.0)
        .collect();
    good.sort_by(f32::total_cmp);
    Settable {
        names: vec!["cells".into(), EVIL.into()],
        recipe: recipe(Refit::None),
        scores: Scores {
            good,
            marked_bad: vec![1.6, 2.0, 2.2, 2.4, 2.5, 2.9, 3.4, 9.0],
            marked_good: vec![1.4, 1.7, 1.75],
            threshold: 1.78,
            calibrated: 1.7,
        },
    }
}

pub fn happened() -> Happened {
    let event = |kind: &str, of: &str, minutes| Event {
        time: time(minutes),
        kind: kind.into(),
        of: of.into(),
        text: format!("what was told of it {EVIL}"),
    };
    Happened {
        outputs: vec![
            OutputStatus {
                name: "mqtt".into(),
                connected: true,
                waiting: 0,
                skipped: 0,
                error: None,
            },
            OutputStatus {
                name: "mes".into(),
                connected: false,
                waiting: 312,
                skipped: 0,
                error: Some(format!("connection refused {EVIL}")),
            },
        ],
        events: vec![
            event("camera-lost", "top", 20),
            event("version", "cells", 40),
            event("threshold", "cells", 45),
            event("drift", "right", 50),
            event("something-new", EVIL, 60),
        ],
    }
}
