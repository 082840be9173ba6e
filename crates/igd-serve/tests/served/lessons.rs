//! Recipes are taught, and what they inspect is drawn, while cameras work.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use igd_serve::line::{By, CameraState, Doubt, Fit, Lesson, Shape};
use igd_serve::store::Query;
use igd_serve::{Line, LineConfig, check, made};
use image::{GrayImage, ImageFormat, Luma};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::common::network::has_weights;
use crate::common::textures::{texture, write};
use crate::http::model::model;

const SIZE: (u32, u32) = (96, 72);

/// A line with a camera that sees textures; it ends with this.
struct Started {
    line: Arc<Line>,
    folder: Arc<TempDir>,
    _runtime: Runtime,
}

impl Started {
    fn new(recipes: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("seen"), 300..310, SIZE);
        fs::copy(model(), folder.path().join("one.safetensors")).unwrap();
        Self::at(Arc::new(folder), recipes)
    }

    fn at(folder: Arc<TempDir>, recipes: &str) -> Self {
        let config = config(folder.path(), recipes);
        let runtime = Runtime::new().unwrap();
        Self {
            line: Line::start(config, runtime.handle()).unwrap(),
            folder,
            _runtime: runtime,
        }
    }

    /// Ends it and starts it again.
    fn again(self, recipes: &str) -> Self {
        let folder = self.folder.clone();
        drop(self);
        Self::at(folder, recipes)
    }

    fn lesson(&self) -> Lesson {
        self.line.lesson("part").unwrap()
    }

    fn until<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            let fares = (self.lesson().fit, self.line.cameras());
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "{what}: {fares:#?}"
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// How the newest part was judged: its recipe's version, and what was inspected.
    fn newest(&self) -> Option<(u32, Option<[u32; 4]>)> {
        let newest = Query {
            limit: Some(1),
            ..Query::default()
        };
        let part = self.line.store().parts(&newest).unwrap().pop()?;
        Some((part.record.version, part.record.inspected))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.line.stop();
    }
}

fn config(folder: &Path, recipes: &str) -> LineConfig {
    let text = format!(
        "name = 'test'\n{recipes}\n[cameras.left]\nsource = 'pictures:{}'\nrecipe = 'part'\n",
        folder.join("seen").display()
    );
    LineConfig::parse(&text, folder).unwrap()
}

fn file(picture: &GrayImage) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png).unwrap();
    file.into_inner()
}

#[test]
fn a_recipe_without_a_model_is_taught_and_judges_then() {
    if !has_weights() {
        return;
    }
    let recipes = "[recipes.part]";
    let started = Started::new(recipes);
    assert_eq!(check(started.line.config()), [""; 0]);
    let line = &started.line;
    started.until("frames come", || {
        (line.cameras()[0].judged > 1).then_some(())
    });
    let camera = line.cameras().remove(0);
    assert_eq!((camera.version, camera.state), (0, CameraState::Running));
    assert_eq!((started.newest(), camera.last), (None, None));
    line.teach("part", "a test").unwrap_err();

    // From the camera and from files, of which one is none, one is a double, and one is blurred and of another size.
    line.collect("part", "left", By::Time).unwrap();
    line.collect("part", "left", By::Time).unwrap_err();
    started.until("a picture is collected", || {
        (!started.lesson().pictures.is_empty()).then_some(())
    });
    line.stop_collecting("part").unwrap();
    assert!(!started.lesson().collecting.unwrap().running);
    let refused = line.upload("part", b"no picture".to_vec()).unwrap_err();
    assert_eq!(refused.to_string(), "no PNG, JPEG, BMP or TIFF");
    for number in 0..9 {
        line.upload("part", file(&texture(number, SIZE))).unwrap();
    }
    let double = line.upload("part", file(&texture(3, SIZE))).unwrap();
    let blurred = image::imageops::blur(&texture(20, (192, 144)), 4.0);
    let blurred = line.upload("part", file(&blurred)).unwrap();
    let started = started.again(recipes);
    let line = &started.line;
    let doubts = |lesson: &Lesson, id| {
        let mut pictures = lesson.pictures.iter();
        pictures
            .find(|picture| picture.id == id)
            .unwrap()
            .doubts
            .clone()
    };
    let lesson = started.until("all are looked at", || {
        let lesson = started.lesson();
        (!doubts(&lesson, double).is_empty()).then_some(lesson)
    });
    assert!(lesson.pictures.len() >= 12 && lesson.looked_at == lesson.pictures.len());
    assert!(
        matches!(doubts(&lesson, double)[..], [Doubt::Double { .. }]),
        "{lesson:?}"
    );
    let told = doubts(&lesson, blurred);
    assert!(
        told.contains(&Doubt::Size) && told.contains(&Doubt::Blurred),
        "{told:?}"
    );
    for id in [double, blurred] {
        line.remove_picture("part", id).unwrap();
        line.remove_picture("part", id).unwrap_err();
    }
    let mean = image::load_from_memory(&line.mean("part", true).unwrap()).unwrap();
    assert_eq!((mean.width(), mean.height()), (480, 360));

    line.teach("part", "a test").unwrap();
    line.teach("part", "a test").unwrap_err();
    line.cancel_teaching("part").unwrap();
    started.until("it is cancelled", || {
        (started.lesson().fit == Fit::None).then_some(())
    });
    line.decide_taught("part", true, "a test").unwrap_err();
    line.teach("part", "a test").unwrap();
    let taught = started.until("it is learned", || match started.lesson().fit {
        Fit::Proposed(taught) => Some(taught),
        Fit::Refused { text } => panic!("{text}"),
        _ => None,
    });
    assert!(
        taught.pictures >= 8 && taught.promise.rate > 0.01,
        "{taught:?}"
    );
    assert_eq!(started.newest(), None);
    line.decide_taught("part", true, "a test").unwrap();
    started.until("it judges", || {
        (started.newest()? == (1, None)).then_some(())
    });
    let recipe = line.recipe("part").unwrap();
    assert_eq!(recipe.versions[0].taught, Some(taught.pictures as u32));
    // The source was never opened anew.
    assert_eq!(
        (line.cameras()[0].reconnects, started.lesson().fit),
        (0, Fit::None)
    );
    let started = started.again(recipes);
    assert_eq!(started.line.cameras()[0].version, 1);
    assert!(started.lesson().pictures.len() >= 10);

    // What a product has learned goes with it.
    let line = &started.line;
    line.make_recipe("nut", "a test").unwrap();
    for number in 0..10 {
        line.upload("nut", file(&texture(number, SIZE))).unwrap();
    }
    line.teach("nut", "a test").unwrap();
    started.until("it is learned", || {
        let fit = line.lesson("nut").unwrap().fit;
        matches!(fit, Fit::Proposed(_)).then_some(())
    });
    let fits = || {
        let fits = fs::read_dir(line.config().folder.join("lessons/.fits"));
        fits.unwrap().count()
    };
    assert_eq!(fits(), 1);
    line.remove_recipe("nut", "a test").unwrap();
    assert_eq!(fits(), 0);
}

const REGION: [u32; 4] = [10, 20, 60, 40];

fn shape() -> Shape {
    Shape {
        inspect: false,
        points: vec![[0.2, 0.3], [0.5, 0.3], [0.35, 0.6]],
    }
}

#[test]
fn what_is_inspected_changes_between_two_frames_and_holds_after_the_next_start() {
    let recipes = "[recipes.part]\nmodel = 'one.safetensors'";
    let started = Started::new(recipes);
    let line = &started.line;
    started.until("it judges", || {
        (started.newest()? == (1, None)).then_some(())
    });
    for (region, shapes, told) in [
        (
            Some([50, 20, 60, 40]),
            vec![],
            "within the frame, which is 96 x 72",
        ),
        (Some([10, 20, 0, 40]), vec![], "is not empty"),
        (
            None,
            vec![Shape {
                points: vec![[0.1, 0.1]],
                ..shape()
            }],
            "3 to 256 corners",
        ),
        (
            None,
            vec![Shape {
                points: vec![[-1.0, -1.0], [2.0, -1.0], [2.0, 2.0], [-1.0, 2.0]],
                ..shape()
            }],
            "nothing would be inspected",
        ),
    ] {
        let refused = line.inspect("part", region, shapes, "a test").unwrap_err();
        assert!(refused.to_string().contains(told), "{refused}");
    }
    line.inspect("part", Some(REGION), vec![shape()], "a test")
        .unwrap();
    let is_inspected = |started: &Started| (started.newest()? == (1, Some(REGION))).then_some(());
    started.until("the region is inspected", || is_inspected(&started));
    assert_eq!(line.cameras()[0].reconnects, 0);
    let inspected = line.inspected("part").unwrap();
    assert_eq!(
        (inspected.region, inspected.shapes),
        (Some(REGION), vec![shape()])
    );
    // Not that region again, which is there already.
    line.inspect("part", Some(REGION), vec![], "a test")
        .unwrap();
    line.inspect("part", Some(REGION), vec![shape()], "a test")
        .unwrap();
    let masks = fs::read_dir(line.config().folder.join("masks")).unwrap();
    assert_eq!(masks.count(), 1);

    let started = started.again(recipes);
    started.until("it is so after the next start", || is_inspected(&started));
    let told = made(started.line.config());
    assert!(
        told.len() == 1 && told[0].contains("drawn at the page: region 10,20,60,40"),
        "{told:?}"
    );
    assert_eq!(check(started.line.config()), [""; 0]);
    let folder = &started.line.config().folder;
    fs::remove_dir_all(folder.join("masks")).unwrap();
    let wrong = check(started.line.config());
    assert!(
        wrong.len() == 1 && wrong[0].starts_with("[recipes.part] mask-location: "),
        "{wrong:?}"
    );
    fs::write(folder.join("recipes.json"), "{").unwrap();
    assert!(check(started.line.config())[0].contains("recipes.json: "));
    fs::remove_file(folder.join("recipes.json")).unwrap();

    // What the configuration says anew holds.
    let started = started.again(recipes);
    started.until("it has a frame", || {
        (started.line.cameras()[0].judged > 0).then_some(())
    });
    started
        .line
        .inspect("part", Some(REGION), vec![], "a test")
        .unwrap();
    let started = started.again("[recipes.part]\nmodel = 'one.safetensors'\nregion = '0,0,48,36'");
    assert_eq!(
        started.line.inspected("part").unwrap().region,
        Some([0, 0, 48, 36])
    );
}

#[test]
fn products_are_made_and_removed_at_work_and_hold_after_the_next_start() {
    let recipes = "[recipes.part]\nmodel = 'one.safetensors'\n[keep]\nteach-mb = 1";
    let started = Started::new(recipes);
    let line = &started.line;
    for name in ["part", "no name", "../up", ""] {
        line.make_recipe(name, "a test").unwrap_err();
    }
    line.make_recipe("nut", "a test").unwrap();
    assert_eq!(line.recipe_names(), ["nut", "part"]);
    line.switch_recipe("left", "nut", "a test").unwrap();
    assert_eq!(line.cameras()[0].version, 0);
    line.remove_recipe("nut", "a test").unwrap_err();
    line.remove_recipe("part", "a test").unwrap_err();
    // Noise fills the room that there is.
    let mut random = fastrand::Rng::with_seed(1);
    let noise = GrayImage::from_fn(700, 700, |_, _| Luma([random.u8(..)]));
    line.upload("nut", file(&noise)).unwrap();
    let full = line.upload("part", file(&noise)).unwrap_err().to_string();
    assert!(full.contains("raise teach-mb"), "{full}");

    let started = started.again(recipes);
    let line = &started.line;
    assert_eq!(line.cameras()[0].recipe, "nut");
    assert_eq!(line.recipe("nut").unwrap().lesson, 1);
    line.switch_recipe("left", "part", "a test").unwrap();
    line.remove_recipe("nut", "a test").unwrap();
    let started = started.again(recipes);
    assert_eq!(started.line.recipe_names(), ["part"]);
    assert_eq!(started.line.cameras()[0].recipe, "part");
}
