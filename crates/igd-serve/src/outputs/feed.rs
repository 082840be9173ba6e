use std::mem;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::{FAREWELL, OutputStatus};
use crate::lock::lock;
use crate::store::{Part, Store, StoreError};

/// `seq` of the newest part that is stored, which all outputs go by.
pub(super) struct Newest(AtomicI64);

impl Newest {
    pub(super) fn of(store: &Store) -> Result<Self, StoreError> {
        Ok(Self(AtomicI64::new(store.newest()?)))
    }

    pub(super) fn is(&self, seq: i64) {
        self.0.fetch_max(seq, SeqCst);
    }
}

/// What one output delivers from: the store's parts after those that its peer has. It tells how the output fares. All
/// of it may wait for the disk, so that it belongs into the output's own thread, but for what says otherwise.
pub(super) struct Feed {
    name: String,
    store: Store,
    newest: Arc<Newest>,
    delivered: AtomicI64,
    skipped: AtomicU64,
    link: Mutex<Link>,
    woken: Notify,
    /// Since when it shall come to its end.
    stopping: watch::Sender<Option<Instant>>,
}

/// What is known of the peer.
#[derive(Clone, Default)]
struct Link {
    connected: bool,
    /// Since when it is away.
    lost: Option<Instant>,
    /// An event has told so.
    told: bool,
    error: Option<String>,
}

impl Link {
    /// A peer that is away so long is an event.
    const ABSENCE: Duration = Duration::from_secs(3);

    fn is_long_lost(&self) -> bool {
        self.lost
            .is_some_and(|since| since.elapsed() > Self::ABSENCE)
    }
}

impl Feed {
    /// How long it may take to come to its end.
    const END: Duration = FAREWELL.saturating_sub(Duration::from_millis(500));

    /// Goes on where the output of that name was.
    pub(super) fn new(
        name: &str,
        store: Store,
        newest: Arc<Newest>,
    ) -> Result<Arc<Self>, StoreError> {
        Ok(Arc::new(Self {
            name: name.to_owned(),
            delivered: AtomicI64::new(store.cursor(name)?),
            store,
            newest,
            skipped: AtomicU64::new(0),
            link: Mutex::default(),
            woken: Notify::new(),
            stopping: watch::Sender::new(None),
        }))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The last part that the peer has.
    pub(super) fn delivered(&self) -> i64 {
        self.delivered.load(SeqCst)
    }

    /// The newest part that there is. Does not wait.
    pub(super) fn newest(&self) -> i64 {
        self.newest.0.load(SeqCst)
    }

    /// The oldest parts after this one.
    pub(super) fn after(&self, seq: i64, limit: usize) -> Result<Vec<Part>, String> {
        let limit = limit.try_into().unwrap_or(u32::MAX);
        (self.store.after(seq, limit)).map_err(|error| format!("the store cannot be read: {error}"))
    }

    /// The peer has all parts up to this one. Does not wait.
    pub(super) fn deliver(&self, seq: i64) {
        self.delivered.store(seq, SeqCst);
    }

    /// Remembers what is delivered. What is not remembered is delivered again after a kill.
    pub(super) fn save(&self) {
        if let Err(error) = self.store.set_cursor(&self.name, self.delivered()) {
            warn!(output = self.name, %error, "how far it has come cannot be stored");
        }
    }

    /// The peer will never take this part: it is left out.
    pub(super) fn skip(&self, part: &Part, why: &str) {
        self.skipped.fetch_add(1, SeqCst);
        let text = format!(
            "part {} of {} is left out: {why}",
            part.seq, part.record.camera
        );
        self.note(text.clone());
        self.tell("output-skipped", text);
    }

    /// The peer is there.
    pub(super) fn connected(&self) {
        let link = Link {
            connected: true,
            ..Link::default()
        };
        let before = mem::replace(&mut *self.link(), link);
        if before.is_long_lost() {
            if !before.told {
                self.tell("output-lost", before.error.unwrap_or_default());
            }
            let waiting = self.status().waiting;
            self.tell("output-back", format!("{waiting} parts have waited for it"));
        }
    }

    /// The peer is away, or does not do its part; the output tries again.
    pub(super) fn lost(&self, why: String) {
        let mut link = self.link();
        let is_event = !link.told && link.is_long_lost();
        *link = Link {
            connected: false,
            lost: link.lost.or_else(|| Some(Instant::now())),
            told: link.told || is_event,
            error: Some(why.clone()),
        };
        drop(link);
        match is_event {
            true => self.tell("output-lost", why),
            false => info!(output = self.name, "lost: {why}"),
        }
    }

    /// Something is wrong that does not keep parts from the peer.
    pub(super) fn note(&self, what: String) {
        self.link().error = Some(what);
    }

    fn tell(&self, kind: &str, text: String) {
        self.store.note(kind, &self.name, text);
    }

    /// Does not wait.
    pub(super) fn status(&self) -> OutputStatus {
        let link = self.link().clone();
        OutputStatus {
            name: self.name.clone(),
            connected: link.connected,
            // As if none had been removed meanwhile.
            waiting: (self.newest() - self.delivered()).max(0).unsigned_abs(),
            skipped: self.skipped.load(SeqCst),
            error: link.error,
        }
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        lock(&self.link)
    }

    /// There is something new. Does not wait.
    pub(super) fn wake(&self) {
        self.woken.notify_one();
    }

    /// Until there is.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// The output shall come to its end. Does not wait.
    pub(super) fn stop(&self) {
        self.stopping.send_replace(Some(Instant::now()));
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.borrow().is_some()
    }

    /// Until it shall come to its end.
    pub(super) async fn stopping(&self) {
        // The sender is ours.
        let _ = self.stopping.subscribe().wait_for(Option::is_some).await;
    }

    /// Until it must have ended.
    pub(super) async fn overdue(&self) {
        self.stopping().await;
        sleep(Self::END).await;
    }

    pub(super) fn is_overdue(&self) -> bool {
        self.stopping
            .borrow()
            .is_some_and(|since| since.elapsed() > Self::END)
    }

    /// So long, but not past the moment when it shall come to its end.
    pub(super) async fn pause(&self, pause: Duration) {
        // Elapsed is what usually comes.
        let _ = timeout(pause, self.stopping()).await;
    }
}
