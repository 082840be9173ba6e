//! Cameras that break, recipes that change, parts that are decided.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use igd_serve::line::{CameraState, CameraStatus};
use igd_serve::record::{Record, Verdict};
use igd_serve::store::Query;
use igd_serve::{Line, LineConfig};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::http::model::model;
use crate::outputs::run;

/// What hangs ends with this.
const PATIENCE: Duration = Duration::from_secs(60);

struct Running {
    line: Arc<Line>,
    runtime: Runtime,
    _folder: TempDir,
}

const BALL: &str =
    "videotestsrc is-live=true pattern=ball ! video/x-raw,width=64,height=64,framerate=20/1";

impl Running {
    fn of(cameras: &str) -> Self {
        Self::at(tempfile::tempdir().unwrap(), cameras)
    }

    fn at(folder: TempDir, cameras: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let config = LineConfig::parse(&text(folder.path(), cameras), folder.path()).unwrap();
        Self {
            line: Line::start(config, runtime.handle()).unwrap(),
            runtime,
            _folder: folder,
        }
    }

    fn camera(&self, name: &str) -> CameraStatus {
        let mut cameras = self.line.cameras().into_iter();
        cameras.find(|camera| camera.name == name).unwrap()
    }

    fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            assert!(
                start.elapsed() < PATIENCE,
                "{what}: {:#?}",
                self.line.cameras()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Of all cameras.
    fn until_frames_come(&self) {
        self.until("frames come", |running| {
            let cameras = running.line.cameras();
            cameras.iter().all(|camera| camera.judged > 3)
        });
    }

    fn trigger(&self, camera: &str) -> Record {
        self.runtime.block_on(self.line.trigger(camera)).unwrap()
    }

    fn has_event(&self, kind: &str, of: &str) -> bool {
        let events = self.line.store().events(100).unwrap();
        events
            .iter()
            .any(|event| event.kind == kind && event.of == of)
    }

    /// Ends it, and hands its folder on.
    fn stop(self) -> TempDir {
        self.line.stop();
        let Self { line, _folder, .. } = self;
        drop(line);
        _folder
    }
}

/// What cameras on a network and phones give: H.264, and sound beside it.
#[test]
fn what_libav_decodes_is_judged_and_sound_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let video = folder.path().join("parts.mp4");
    let text = format!(
        "mp4mux name=file ! filesink location={} videotestsrc num-buffers=10 ! \
         video/x-raw,width=64,height=64,framerate=10/1 ! x264enc ! file. audiotestsrc num-buffers=40 ! avenc_aac ! file.",
        video.display()
    );
    run(Command::new("gst-launch-1.0")
        .arg("--quiet")
        .args(text.split(' ')));

    let source = format!("file://{}", video.display());
    let running = Running::of(&camera("left", &source, ""));
    running.until("it is played again", |running| {
        running.camera("left").judged > 12
    });
    assert_eq!(running.camera("left").error, None);
    assert!(!running.has_event("camera-lost", "left"));
    running.stop();
}

/// A configuration with two recipes.
fn text(folder: &Path, cameras: &str) -> String {
    for name in ["one.safetensors", "two.safetensors"] {
        fs::copy(model(), folder.join(name)).unwrap();
    }
    format!(
        "name = 'test'\n[recipes.one]\nmodel = 'one.safetensors'\n[recipes.two]\nmodel = 'two.safetensors'\n\
         watch-drift = true\nregion = '8,8,32,32'\n{cameras}"
    )
}

fn camera(name: &str, source: &str, rest: &str) -> String {
    format!("[cameras.{name}]\nsource = '''{source}'''\nrecipe = 'one'\n{rest}\n")
}

#[test]
fn a_source_that_breaks_is_opened_again_and_the_others_go_on() {
    let breaking = format!("{BALL} ! identity error-after=20");
    let missing = "file:///no/such/file.mp4";
    let cameras = [
        camera("well", BALL, ""),
        camera("breaking", &breaking, ""),
        camera("missing", missing, ""),
    ];
    let running = Running::of(&cameras.concat());
    running.until("both are tried again", |running| {
        ["breaking", "missing"]
            .iter()
            .all(|name| running.camera(name).reconnects >= 2)
            && running.camera("well").judged > 10
    });
    assert_eq!(running.camera("well").reconnects, 0);
    let missing = running.camera("missing");
    assert_eq!(missing.state, CameraState::Lost);
    assert!(missing.error.unwrap().contains("/no/such/file.mp4"));
    assert!(running.has_event("camera-lost", "missing"));
    running.until("one gives frames again", |running| {
        running.has_event("camera-back", "breaking")
    });
    assert!(!running.line.is_ready());
    running.stop();
}

#[test]
fn a_camera_without_frames_is_lost() {
    let silent = "appsrc caps=video/x-raw,format=RGB,width=64,height=64,framerate=1/1";
    let running = Running::of(&camera("silent", silent, "stall-seconds = 1"));
    running.until("it is lost", |running| {
        running.camera("silent").state == CameraState::Lost
    });
    assert_eq!(
        running.camera("silent").error.as_deref(),
        Some("no frame for 1 s")
    );
    running.stop();
}

#[test]
fn a_recipe_takes_over_between_two_frames_and_holds_after_the_next_start() {
    let cameras = camera("left", BALL, "");
    let running = Running::of(&cameras);
    running.until_frames_come();
    let before = running.camera("left");
    running.line.switch_recipe("left", "two", "a test").unwrap();
    assert_eq!(running.camera("left").recipe, "two");
    running.until("parts are of the other recipe", |running| {
        running
            .camera("left")
            .last
            .is_some_and(|part| part.recipe == "two")
    });
    let after = running.camera("left");
    // The source has never been opened anew, and nothing was judged by none.
    assert_eq!((after.reconnects, after.counts.none), (0, 0));
    assert!(after.frames > before.frames);
    let unknown = running
        .line
        .switch_recipe("left", "three", "a test")
        .unwrap_err();
    assert!(
        unknown
            .to_string()
            .contains("no recipe three, only one, two"),
        "{unknown}"
    );
    let running = Running::at(running.stop(), &cameras);
    assert_eq!(running.camera("left").recipe, "two");
    running.stop();
}

#[test]
fn recipes_change_a_hundred_times_while_frames_come() {
    let running = Running::of(&(camera("left", BALL, "") + &camera("right", BALL, "")));
    running.until_frames_come();
    for change in 0..100 {
        let (camera, recipe) = (
            ["left", "right"][change % 2],
            ["one", "two"][change / 2 % 2],
        );
        running
            .line
            .switch_recipe(camera, recipe, "a test")
            .unwrap();
    }
    for camera in running.line.cameras() {
        assert_eq!((camera.reconnects, camera.state), (0, CameraState::Running));
        let judged = camera.judged;
        running.until("frames go on", |running| {
            running.camera(&camera.name).judged > judged + 3
        });
    }
    running.stop();
}

#[test]
fn a_trigger_gets_its_verdict_or_none_by_the_deadline() {
    let asked = "trigger.by = 'request'\ntrigger.frames = 3\ntrigger.deadline-ms = 20000";
    let late = "trigger.by = 'request'\ntrigger.frames = 1000\ntrigger.deadline-ms = 300";
    let cameras = [
        camera("asked", BALL, asked),
        camera("late", BALL, late),
        camera("each", BALL, ""),
    ];
    let running = Running::of(&cameras.concat());
    running.until_frames_come();
    let part = running.trigger("asked");
    assert_ne!(part.verdict, Verdict::None, "{part:?}");
    assert!(part.score.is_some() && part.frames <= 3 && part.size == [64, 64]);
    // With `any` one anomalous frame is enough, and good ones have to be as many as were asked for.
    assert_eq!(
        part.verdict == Verdict::Good,
        part.frames == 3 && part.regions.is_empty()
    );

    let part = running.trigger("late");
    assert_eq!(part.verdict, Verdict::None);
    assert!(
        part.reason
            .unwrap()
            .ends_with("of 1000 frames were judged within 300 ms")
    );
    assert!(part.latency_ms >= 300.0);

    let refused = running
        .runtime
        .block_on(running.line.trigger("each"))
        .unwrap_err();
    assert!(
        refused.to_string().contains("by = \"request\""),
        "{refused}"
    );
    running.stop();
}

#[test]
fn all_that_was_decided_is_stored() {
    let running = Running::of(&camera("left", BALL, ""));
    running.until("parts are decided", |running| {
        running.camera("left").counts.good + running.camera("left").counts.bad > 50
    });
    let line = running.line.clone();
    line.stop();
    let counts = running.camera("left").counts;
    let query = Query {
        limit: Some(500),
        ..Query::default()
    };
    let stored = line.store().parts(&query).unwrap();
    assert_eq!(stored.len() as u64, counts.good + counts.bad + counts.none);
    assert!(
        stored
            .windows(2)
            .all(|pair| pair[0].record.time > pair[1].record.time)
    );
}

#[test]
fn a_picture_that_cannot_be_read_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let [some, none] = ["some", "none"].map(|name| folder.path().join(name));
    for pictures in [&some, &none] {
        fs::create_dir(pictures).unwrap();
        fs::write(pictures.join("1.png"), "no picture").unwrap();
    }
    image::GrayImage::new(64, 64)
        .save(some.join("0.png"))
        .unwrap();
    let source = |pictures: &Path| format!("pictures:{}", pictures.display());
    let cameras = [
        camera("some", &source(&some), ""),
        camera("none", &source(&none), ""),
    ];
    let running = Running::at(folder, &cameras.concat());
    running.until("pictures come", |running| running.camera("some").judged > 3);
    assert_eq!(running.camera("some").reconnects, 0);
    running.until("none is told", |running| {
        running.camera("none").state == CameraState::Lost
    });
    let error = running.camera("none").error.unwrap();
    assert!(
        error.contains("none of its pictures can be read"),
        "{error}"
    );
    running.stop();
}

#[test]
fn a_lost_camera_answers_a_trigger_at_once() {
    let asked = "trigger.by = 'request'\ntrigger.deadline-ms = 3600000";
    let running = Running::of(&camera(
        "lost",
        "rtsp://user:s3cret@127.0.0.1:9/none",
        asked,
    ));
    running.until("it is lost", |running| {
        running.camera("lost").state == CameraState::Lost
    });
    let part = running.trigger("lost");
    assert_eq!((part.verdict, part.recipe.as_str()), (Verdict::None, "one"));
    let reason = part.reason.unwrap();
    assert!(
        reason.starts_with("the camera is lost: rtsp://127.0.0.1:9/none: "),
        "{reason}"
    );
    assert!(!reason.contains("s3cret"), "{reason}");
    running.stop();
}

#[test]
fn a_paused_camera_rests_until_it_goes_on() {
    let running = Running::of(&camera("left", BALL, ""));
    running.until_frames_come();
    running.line.pause("left", true, "a test").unwrap();
    running.until("it rests", |running| {
        running.camera("left").state == CameraState::Paused
    });
    thread::sleep(Duration::from_millis(300));
    let judged = running.camera("left").judged;
    thread::sleep(Duration::from_millis(300));
    assert_eq!(running.camera("left").judged, judged);
    assert!(running.line.is_ready());
    running.line.pause("left", false, "a test").unwrap();
    running.until("it goes on", |running| {
        running.camera("left").judged > judged
    });
    running.stop();
}

#[test]
fn a_part_that_comes_to_rest_is_judged_once() {
    // Three pictures of each part, as a conveyor shows them that stops: the change between them is the motion.
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    for (number, level) in [20, 20, 20, 200, 200, 200].into_iter().enumerate() {
        let picture = image::GrayImage::from_pixel(64, 64, image::Luma([level]));
        picture
            .save(pictures.join(format!("{number}.png")))
            .unwrap();
    }
    let source = format!("pictures:{}", pictures.display());
    let moved = camera(
        "left",
        &source,
        "trigger.by = 'motion'\ntrigger.deadline-ms = 20000",
    );
    let running = Running::at(folder, &moved);
    running.until("two parts came", |running| {
        let counts = running.camera("left").counts;
        counts.good + counts.bad >= 2
    });
    let camera = running.camera("left");
    assert_eq!(camera.counts.none, 0);
    // One part of three frames.
    assert!(camera.judged >= 3 * 2, "{camera:?}");
    assert!(
        camera.judged <= 3 * (camera.counts.good + camera.counts.bad) + 6,
        "{camera:?}"
    );
    running.stop();
}

#[test]
fn a_part_that_is_there_is_judged_once_and_an_empty_place_never() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    // A part lies in a corner for three pictures, then for one.
    for (number, has_part) in [false, true, true, true, false, true]
        .into_iter()
        .enumerate()
    {
        let level = |x: u32, y: u32| if has_part && x.max(y) < 32 { 200 } else { 20 };
        let picture = image::GrayImage::from_fn(64, 64, |x, y| image::Luma([level(x, y)]));
        picture
            .save(pictures.join(format!("{number}.png")))
            .unwrap();
    }
    // Of another size than the frames.
    image::GrayImage::from_pixel(16, 16, image::Luma([22]))
        .save(folder.path().join("empty.png"))
        .unwrap();
    let present = camera(
        "left",
        "pictures:pictures",
        "trigger.by = 'presence'\ntrigger.empty = 'empty.png'\ntrigger.deadline-ms = 20000",
    );
    let running = Running::at(folder, &present);
    running.until("three parts came", |running| {
        let counts = running.camera("left").counts;
        counts.good + counts.bad >= 3
    });
    let camera = running.camera("left");
    assert_eq!(camera.counts.none, 0);
    // Two parts of six frames, which begin anywhere.
    let parts = camera.counts.good + camera.counts.bad;
    assert!(camera.judged.abs_diff(3 * parts) <= 6, "{camera:?}");
    running.until("the place is seen empty", |running| {
        running.camera("left").difference.unwrap() < 4.0
    });
    running.until("the part is seen", |running| {
        running.camera("left").difference.unwrap() > 40.0
    });
    running.stop();
}

#[test]
fn what_is_wrong_in_a_configuration_is_told_with_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let good = text(folder.path(), &camera("left", BALL, ""));
    LineConfig::parse(&good, folder.path()).unwrap();
    for (from, to, told) in [
        (
            "recipe = 'one'",
            "recipe = 'none'",
            "there is no [recipes.none], only one, two",
        ),
        (
            "recipe = 'one'",
            "recipes = 'one'",
            "unknown field `recipes`",
        ),
        ("name = 'test'", "name = 'te st'", "\"te st\" is no name"),
        (
            "region = '8,8,32,32'",
            "region = '8,8,0,32'",
            "region=8,8,0,32 is not",
        ),
        (
            "recipe = 'one'",
            "recipe = 'one'\ntrigger.frames = 0",
            "0 frames a part",
        ),
        (
            "recipe = 'one'",
            "recipe = 'one'\ntrigger.deadline-ms = 0",
            "a deadline of 0 ms",
        ),
        (
            "name = 'test'",
            "name = 'test'\nserver.listen = '0.0.0.0:80'",
            "needs a token",
        ),
        (
            "model = 'one.safetensors'",
            "models = 'a'",
            "unknown field `models`",
        ),
        (
            "recipe = 'one'",
            "recipe = 'one'\ntrigger.frames = 2",
            "each frame is a part",
        ),
        (
            "recipe = 'one'",
            "recipe = 'one'\ntrigger.by = 'presence'",
            "needs empty =",
        ),
        (
            "region = '8",
            "threshold = nan\nregion = '8",
            "a threshold of NaN",
        ),
        ("name = 'test'", "name = 'test'\nkeep.days = 0", "0 days"),
        (
            "name = 'test'",
            "name = 'test'\nkeep.near = 0.6",
            "0.6 is not between",
        ),
    ] {
        assert!(good.contains(from), "{from}");
        let error = LineConfig::parse(&good.replacen(from, to, 1), folder.path()).unwrap_err();
        assert!(error.contains(told), "{error}");
        let has_place = error.contains("line ") || error.contains('[');
        assert!(has_place, "{error}");
    }
}
