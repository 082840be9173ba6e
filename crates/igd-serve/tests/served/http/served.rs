//! A line with a camera, served.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use igd_serve::http::ServeError;
use igd_serve::record::{Record, Verdict};
use igd_serve::store::Pictures;
use igd_serve::{Line, LineConfig};
use image::{GrayImage, RgbImage};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::client::Ask;
use super::model::model;

/// It ends with this.
pub struct Served {
    pub address: SocketAddr,
    pub line: Arc<Line>,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<Result<(), ServeError>>>,
    _runtime: Runtime,
}

/// A camera that shows a ball.
const BALL: &str = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=64,height=64,framerate=20/1 ! identity";
/// One that shows nothing.
pub const BLACK: &str = "videotestsrc is-live=true pattern=black ! video/x-raw,width=64,height=64,framerate=5/1 ! identity";
/// What each token is for.
pub const READ: &str = "a token that reads";
pub const OPERATE: &str = "a token that operates";

impl Served {
    /// To this machine, without tokens. The camera has given a frame.
    pub fn open() -> Self {
        Self::start("", BALL).ready()
    }

    /// With two tokens.
    pub fn guarded() -> Self {
        Self::start(&tokens(), BALL).ready()
    }

    /// With lines of `[server]`, and a camera's source.
    pub fn start(server: &str, source: &str) -> Self {
        Self::try_start(server, source).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The error is of the configuration.
    pub fn try_start(server: &str, source: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let config = config(server, source, folder.path())?;
        let runtime = Runtime::new().unwrap();
        let line = Line::start(config, runtime.handle()).map_err(|error| error.to_string())?;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = line.clone();
        let handle = runtime.handle().clone();
        let server = thread::spawn(move || {
            let stopped = async { drop(stopped.await) };
            handle.block_on(igd_serve::serve(served, listener, stopped))
        });
        Ok(Self {
            address,
            line,
            folder,
            stop: Some(stop),
            server: Some(server),
            _runtime: runtime,
        })
    }

    fn ready(self) -> Self {
        super::client::until("the line is ready", || {
            (self.get("/readyz") == 200).then_some(())
        });
        self
    }

    /// The status of a request that nothing is told with.
    pub fn get(&self, path: &str) -> u16 {
        Ask::get(path).send(self.address).status
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A part with pictures, as if it had been before the camera.
    pub fn add_part(&self) -> Uuid {
        let record = Record {
            id: Uuid::now_v7(),
            time: Timestamp::now(),
            camera: "left".into(),
            recipe: "part".into(),
            version: 1,
            verdict: Verdict::Bad,
            score: Some(2.0),
            normalized: Some(1.0),
            threshold: Some(0.9),
            frames: 1,
            latency_ms: 12.0,
            size: [64, 64],
            ..Record::default()
        };
        let pictures = Pictures {
            frame: RgbImage::new(64, 64),
            seen: RgbImage::new(32, 32),
            map: GrayImage::new(32, 32),
        };
        let parts = self
            .line
            .store()
            .add(vec![(record, Some(pictures))])
            .unwrap();
        assert!(parts[0].pictures, "{parts:?}");
        parts[0].record.id
    }

    /// Tells the server to end, and waits until it has.
    pub fn stop(&mut self) -> Result<(), ServeError> {
        drop(self.stop.take());
        self.server
            .take()
            .map_or(Ok(()), |server| server.join().unwrap())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.stop();
        self.line.stop();
    }
}

/// A whole configuration, in a folder that has its model.
fn config(server: &str, source: &str, folder: &Path) -> Result<LineConfig, String> {
    fs::copy(model(), folder.join("model.safetensors")).unwrap();
    let text = format!(
        "
        name = 'test'
        [server]
        {server}
        [recipes.part]
        model = 'model.safetensors'
        [recipes.other]
        model = 'model.safetensors'
        [cameras.left]
        source = '{source}'
        recipe = 'part'
        trigger.by = 'request'
        trigger.deadline-ms = 20000
        "
    );
    LineConfig::parse(&text, folder)
}

/// Lines of `[server]`. Their hashes are quick ones.
pub fn tokens() -> String {
    let token = |name: &str, role: &str, token: &str| {
        let hash = quick_hash(token);
        format!("[[server.tokens]]\nname = '{name}'\nrole = '{role}'\nhash = '{hash}'\n")
    };
    token("ada", "read", READ) + &token("grace", "operate", OPERATE)
}

fn quick_hash(token: &str) -> String {
    use argon2::password_hash::SaltString;
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    let quick = Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        Params::new(8, 1, 1, None).unwrap(),
    );
    let salt = SaltString::from_b64("c2FsdHNhbHQ").unwrap();
    quick
        .hash_password(token.as_bytes(), &salt)
        .unwrap()
        .to_string()
}
