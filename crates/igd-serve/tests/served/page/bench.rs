//! A line that looks at plates, served. It ends with this.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use igd::data::{Selection, TrainingSet};
use igd::model::{DenseConfig, Tiling};
use igd::train::{self, Profile, dense};
use igd_serve::http::ServeError;
use igd_serve::record::Record;
use igd_serve::store::{Part, PictureKind, Query};
use igd_serve::{Line, LineConfig};
use image::imageops::{FilterType, resize};
use image::{GrayImage, RgbImage};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::common::browser::Opened;
use crate::common::textures::{lined, texture};

/// What the model sees of a plate.
const SIZE: (u32, u32) = (96, 96);
/// A plate's picture is larger by this.
const SCALE: u32 = 4;

/// Plates of each kind that pass before the camera.
pub const ORDINARY: usize = 20;
pub const DEFECTIVE: usize = 30;
pub const UNUSUAL: usize = 20;

type Server = JoinHandle<Result<(), ServeError>>;

pub struct Bench {
    pub line: Arc<Line>,
    pub address: SocketAddr,
    server: Option<(oneshot::Sender<()>, Server)>,
    runtime: Runtime,
    _folder: TempDir,
}

/// What a plate is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plate {
    Ordinary,
    /// With upright lines.
    Defective,
    /// With level ones, which are no defect.
    Unusual,
}

impl Bench {
    /// A line whose first camera sees plates of all kinds, one after the other, and whose second one waits for a
    /// request.
    pub fn open(server: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plates = folder.path().join("plates");
        fs::create_dir(&plates).unwrap();
        let mut number = 200;
        for (count, plate) in [
            (ORDINARY, Plate::Ordinary),
            (DEFECTIVE, Plate::Defective),
            (UNUSUAL, Plate::Unusual),
        ] {
            for _ in 0..count {
                picture(number, plate)
                    .save(plates.join(format!("{number}.png")))
                    .unwrap();
                number += 1;
            }
        }
        fs::copy(model(), folder.path().join("plate.safetensors")).unwrap();
        let text = format!(
            "
            name = 'hall-2'
            [server]
            {server}
            [keep]
            good-every = 1
            [recipes.plate]
            model = 'plate.safetensors'
            [recipes.lid]
            model = 'plate.safetensors'
            [cameras.left]
            source = 'pictures:{}'
            recipe = 'plate'
            [cameras.right]
            source = 'videotestsrc is-live=true pattern=smpte ! video/x-raw,width=320,height=240,framerate=5/1'
            recipe = 'lid'
            trigger.by = 'request'
            trigger.deadline-ms = 20000
            ",
            plates.display()
        );
        let config = LineConfig::parse(&text, folder.path()).unwrap();
        let runtime = Runtime::new().unwrap();
        let mut bench = Self {
            line: Line::start(config, runtime.handle()).unwrap(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            server: None,
            runtime,
            _folder: folder,
        };
        bench.serve();
        bench
    }

    /// Begins to serve, at the address that it had before.
    pub fn serve(&mut self) {
        let listener = TcpListener::bind(self.address).unwrap();
        self.address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        let server = igd_serve::serve(self.line.clone(), listener, stopped);
        let server = self.runtime.spawn(server);
        self.server = Some((stop, server));
    }

    /// Ends the server, while the line goes on.
    pub fn cut(&mut self) {
        if let Some((stop, server)) = self.server.take() {
            drop(stop);
            self.runtime.block_on(server).unwrap().unwrap();
        }
    }

    /// A page of it in a browser.
    pub fn browse(&self, path: &str, width: u32) -> Opened {
        Opened::new(&self.url(path), width, width < 1000)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Parts of the first camera with pictures, the newest first.
    pub fn parts(&self) -> Vec<Part> {
        let query = Query {
            camera: Some("left".into()),
            pictures: Some(true),
            limit: Some(500),
            ..Query::default()
        };
        self.line.store().parts(&query).unwrap()
    }

    /// What was before the camera.
    pub fn plate(&self, record: &Record) -> Plate {
        let file = self
            .line
            .store()
            .picture(record.id, PictureKind::Frame)
            .unwrap()
            .unwrap();
        let seen = small(&image::open(file).unwrap().into_rgb8());
        let kinds = [Plate::Ordinary, Plate::Defective, Plate::Unusual];
        let counts = [ORDINARY, DEFECTIVE, UNUSUAL];
        let all = kinds
            .into_iter()
            .zip(counts)
            .flat_map(|(plate, count)| vec![plate; count]);
        let apart = |number, plate| {
            let pairs = seen.pixels().zip(drawn(number, plate).into_raw());
            pairs
                .map(|(a, b)| u64::from(a.0[0].abs_diff(b)))
                .sum::<u64>()
        };
        let nearest = (200..)
            .zip(all)
            .min_by_key(|&(number, plate)| apart(number, plate));
        nearest.unwrap().1
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.cut();
        self.line.stop();
    }
}

fn drawn(number: usize, plate: Plate) -> GrayImage {
    match plate {
        Plate::Ordinary => texture(number, SIZE),
        Plate::Defective => lined(number, SIZE, true),
        Plate::Unusual => lined(number, SIZE, false),
    }
}

pub fn picture(number: usize, plate: Plate) -> GrayImage {
    let (width, height) = SIZE;
    resize(
        &drawn(number, plate),
        SCALE * width,
        SCALE * height,
        FilterType::Nearest,
    )
}

fn small(frame: &RgbImage) -> GrayImage {
    let (width, height) = SIZE;
    image::DynamicImage::from(resize(frame, width, height, FilterType::Triangle)).into_luma8()
}

/// Fitted to ordinary plates, on first use.
fn model() -> &'static Path {
    static MODEL: OnceLock<PathBuf> = OnceLock::new();
    MODEL.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..60 {
            let file = folder.path().join(format!("{number:03}.png"));
            picture(number, Plate::Ordinary).save(file).unwrap();
        }
        let config = DenseConfig {
            tiling: Tiling::whole([96, 96]),
            dimensions: 64,
            ..DenseConfig::usual()
        };
        let profile = dense::Options {
            config,
            ..dense::Options::default()
        };
        let data = TrainingSet::open(folder.path(), &Selection::default()).unwrap();
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("served-plates.safetensors");
        let _ = fs::remove_file(&out);
        let options = train::Options {
            profile: Profile::Dense(profile),
            false_positive_rate: 0.05,
            ..train::Options::new(data, out.clone())
        };
        train::train(&options, |_| ()).unwrap();
        out
    })
}
