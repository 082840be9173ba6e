//! A view of a camera, encoded once for all who watch it, and as long as somebody does.

use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use tokio::time::{self, Instant};

use super::RATE;
use super::encoder::Encoder;
use crate::judged::Judged;
use crate::line::Line;

/// Frames that a viewer may be behind.
const BEHIND: usize = 8;
/// A picture that stays is sent again after so long: who watches knows by it that it is the newest one.
const STILL: Duration = Duration::from_secs(1);
/// At least so long between two frames that can be seen without those before them: they are large.
const KEYS: Duration = Duration::from_millis(300);

/// A camera, a width, and whether what was found is drawn.
pub(super) type View = (String, u32, bool);

/// What is sent to all.
pub(super) struct Broadcast {
    frames: broadcast::Sender<gst::Buffer>,
    anew: Notify,
}

impl Broadcast {
    pub fn new() -> Self {
        Self {
            frames: broadcast::Sender::new(BEHIND),
            anew: Notify::new(),
        }
    }

    /// Frames from now on.
    pub fn frames(&self) -> broadcast::Receiver<gst::Buffer> {
        self.frames.subscribe()
    }

    /// The next frame is to be one that can be seen without those before it.
    pub fn begin_anew(&self) {
        self.anew.notify_one();
    }

    pub fn is_watched(&self) -> bool {
        self.frames.receiver_count() > 0
    }

    /// Encodes the newest frame again and again, in this thread, until nobody watches. False: there is no such camera
    /// any more.
    pub async fn run(&self, line: &Line, (camera, width, drawn): &View) -> bool {
        let Ok(mut news) = line.frames(camera) else {
            return false;
        };
        news.mark_changed();
        let mut encoder = None;
        let (mut is_key, mut last_key) = (true, None::<Instant>);
        while self.is_watched() {
            tokio::select! {
                changed = news.changed() => if changed.is_err() { return false },
                () = self.anew.notified() => is_key = true,
                () = time::sleep(STILL) => (),
            }
            let next = Instant::now() + Duration::from_secs(1) / RATE;
            news.mark_unchanged();
            let Ok(newest) = line.newest(camera) else {
                return false;
            };
            let is_due = is_key && last_key.is_none_or(|last| last.elapsed() > KEYS);
            let encoded =
                newest.and_then(|frame| encode(&mut encoder, &frame, *width, *drawn, is_due));
            if let Some(encoded) = encoded {
                if !encoded.flags().contains(gst::BufferFlags::DELTA_UNIT) {
                    last_key = Some(Instant::now());
                    is_key = false;
                }
                // Whoever watched may have gone.
                let _ = self.frames.send(encoded);
            }
            time::sleep_until(next).await;
        }
        true
    }
}

/// `None`: this one is left out.
fn encode(
    encoder: &mut Option<Encoder>,
    frame: &Judged,
    width: u32,
    drawn: bool,
    is_key: bool,
) -> Option<gst::Buffer> {
    // Rows of a multiple of four pixels are the same for GStreamer.
    let width = width.min(frame.size()[0]) / 4 * 4;
    let picture = frame.view(width, drawn)?;
    let size = picture.dimensions();
    if encoder.as_ref().is_none_or(|before| before.size() != size) {
        let made = Encoder::new(size);
        *encoder = made
            .inspect_err(|error| tracing::error!("video cannot be encoded: {error}"))
            .ok();
    }
    let encoded = encoder.as_ref()?.encode(picture, is_key);
    encoded.unwrap_or_else(|error| {
        tracing::error!("a frame cannot be encoded: {error}");
        *encoder = None;
        None
    })
}
