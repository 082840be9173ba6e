//! Cameras as browsers see them by WebRTC, where GStreamer has the elements: video, encoded once
//! for all who watch a view, at a lower priority than inspection, and only while somebody does.

mod broadcast;
mod description;
mod encoder;
mod offer;
mod viewer;

use std::collections::HashMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{io, thread};

use tokio::runtime::{self, Handle};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};
use tokio::time;
use uuid::Uuid;

use self::broadcast::{Broadcast, View};
use self::offer::Offer;
use self::viewer::{Connection, Viewer};
use crate::command::Refused;
use crate::line::Line;
use crate::lock::lock;

/// Frames a second, at most.
const RATE: u32 = 15;
/// An answered offer becomes a connection by then.
const PATIENCE: Duration = Duration::from_secs(10);
/// Each is of a package that a machine may lack.
const ELEMENTS: [(&str, &str); 5] = [
    ("webrtcbin", "gstreamer1.0-plugins-bad"),
    ("dtlssrtpenc", "gstreamer1.0-plugins-bad"),
    ("nicesink", "gstreamer1.0-nice"),
    ("vp8enc", "gstreamer1.0-plugins-good"),
    ("rtpvp8pay", "gstreamer1.0-plugins-good"),
];

/// Why there is no video.
#[derive(Debug)]
pub(crate) enum NoVideo {
    /// The offer is at fault.
    Offer(String),
    /// The machine, or the line.
    Refused(Refused),
}

/// Who watches the cameras of a line.
pub(crate) struct Viewers {
    line: Arc<Line>,
    broadcasts: Broadcasts,
    sessions: Arc<Mutex<HashMap<Uuid, oneshot::Sender<()>>>>,
    /// Of the thread that encodes.
    encoding: Handle,
    /// That thread ends with it.
    _ending: oneshot::Sender<()>,
}

type Broadcasts = Arc<Mutex<HashMap<View, Arc<Broadcast>>>>;

/// The element that this machine lacks, with the package that it is of.
pub(crate) fn missing() -> Option<(&'static str, &'static str)> {
    let is_missing = |name: &str| gst::ElementFactory::find(name).is_none();
    ELEMENTS.into_iter().find(|(name, _)| is_missing(name))
}

impl Viewers {
    pub fn new(line: Arc<Line>) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let encoding = runtime.handle().clone();
        let (ending, ended) = oneshot::channel();
        let thread = thread::Builder::new().name("video".into());
        thread.spawn(move || {
            igd::libtorch::take_what_is_left();
            let _ = runtime.block_on(ended);
        })?;
        Ok(Self {
            line,
            broadcasts: Arc::default(),
            sessions: Arc::default(),
            encoding,
            _ending: ending,
        })
    }

    /// Begins to show a view to whoever offers to watch it, and returns the session's number and the answer. `place`
    /// is given back when it ends: by [`end`](Self::end), when the other side goes, or when `closing` becomes true.
    pub async fn watch(
        &self,
        view: View,
        (offer, from): (String, IpAddr),
        place: OwnedSemaphorePermit,
        mut closing: watch::Receiver<bool>,
    ) -> Result<(Uuid, String), NoVideo> {
        self.line.frames(&view.0).map_err(NoVideo::Refused)?;
        let offer = Offer::read(&offer, from).map_err(NoVideo::Offer)?;
        // Encoding begins while the connection comes.
        let (broadcast, frames) = self.subscribe(view);
        let (fares, faring) = watch::channel(Connection::Coming);
        let anew = {
            let broadcast = broadcast.clone();
            move || broadcast.begin_anew()
        };
        let (viewer, answer) = answer(offer, fares, anew).await?;
        let (end, ended) = oneshot::channel();
        let id = Uuid::now_v7();
        lock(&self.sessions).insert(id, end);
        let sessions = self.sessions.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = show(&viewer, faring, &broadcast) => (),
                _ = ended => (),
                _ = closing.wait_for(|closing| *closing) => (),
            }
            lock(&sessions).remove(&id);
            drop(frames);
            // Its threads are waited for.
            tokio::task::spawn_blocking(move || drop((viewer, place)));
        });
        Ok((id, answer))
    }

    /// Ends a session. False: there is none of that number.
    pub fn end(&self, id: Uuid) -> bool {
        lock(&self.sessions).remove(&id).is_some()
    }

    fn subscribe(&self, view: View) -> (Arc<Broadcast>, Receiver<gst::Buffer>) {
        let mut broadcasts = lock(&self.broadcasts);
        let broadcast = broadcasts.entry(view.clone()).or_insert_with(|| {
            let broadcast = Arc::new(Broadcast::new());
            let kept = keep(
                broadcast.clone(),
                view,
                self.line.clone(),
                self.broadcasts.clone(),
            );
            self.encoding.spawn(kept);
            broadcast
        });
        (broadcast.clone(), broadcast.frames())
    }
}

/// Encodes a view until nobody watches it.
async fn keep(broadcast: Arc<Broadcast>, view: View, line: Arc<Line>, all: Broadcasts) {
    loop {
        let has_camera = broadcast.run(&line, &view).await;
        // Somebody may have come meanwhile.
        let mut all = lock(&all);
        if !has_camera || !broadcast.is_watched() {
            all.remove(&view);
            return;
        }
    }
}

/// Gets ready to show video, and answers an offer.
async fn answer(
    offer: Offer,
    fares: watch::Sender<Connection>,
    anew: impl Fn() + Send + Sync + 'static,
) -> Result<(Viewer, String), NoVideo> {
    let failed = |error: &dyn Display| NoVideo::Refused(Refused::Failed(error.to_string()));
    let (told, answered) = oneshot::channel();
    // At the usual priority, as the other side has little patience: the first one makes a key.
    let thread = thread::Builder::new().name("viewer".into());
    let answer = move || {
        let viewer = Viewer::new(offer.payload, fares, anew).map_err(|error| failed(&error));
        let answered = viewer.and_then(|viewer| {
            let answer = viewer.answer(&offer)?;
            Ok((viewer, answer))
        });
        // Whoever asked may have gone.
        let _ = told.send(answered);
    };
    thread.spawn(answer).map_err(|error| failed(&error))?;
    answered.await.map_err(|error| failed(&error))?
}

/// Until the other side goes, or does not come.
async fn show(viewer: &Viewer, mut faring: watch::Receiver<Connection>, broadcast: &Broadcast) {
    let is_decided = |fares: &Connection| *fares != Connection::Coming;
    let decided = time::timeout(PATIENCE, faring.wait_for(is_decided)).await;
    let fares = decided.ok().and_then(Result::ok).map(|fares| *fares);
    if fares == Some(Connection::There) {
        tokio::select! {
            () = send(viewer, broadcast) => (),
            _ = faring.wait_for(|fares| *fares == Connection::Gone) => (),
        }
    }
}

/// What is encoded from now on. What is missed makes those after it useless, up to one that needs none before it.
async fn send(viewer: &Viewer, broadcast: &Broadcast) {
    let mut frames = broadcast.frames();
    let mut is_whole = false;
    broadcast.begin_anew();
    loop {
        match frames.recv().await {
            Ok(frame) => {
                is_whole |= !frame.flags().contains(gst::BufferFlags::DELTA_UNIT);
                if is_whole {
                    viewer.send(&frame);
                }
            }
            Err(RecvError::Lagged(_)) => {
                is_whole = false;
                broadcast.begin_anew();
            }
            Err(RecvError::Closed) => return,
        }
    }
}
