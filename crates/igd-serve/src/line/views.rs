//! What cameras see, encoded for all who watch: each view of a frame once, in a thread that computes when inspection
//! does not.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{io, iter, thread};

use igd::encode;

use super::JPEG_QUALITY;
use crate::command::Refused;
use crate::judged::Judged;
use crate::lock::lock;

/// Views that are kept encoded.
const MOST: usize = 32;
/// Where the thread gets no time for so long, whoever asks encodes by itself, in the way of inspection.
const PATIENCE: Duration = Duration::from_secs(2);

/// A camera, a width, and whether what was found is drawn.
pub(super) type View = (String, u32, bool);
type Encoded = Option<Arc<[u8]>>;

/// Ends with this.
pub(super) struct Views(Mutex<Sender<Order>>);

struct Order {
    view: View,
    /// The number of the frame.
    number: u64,
    frame: Arc<Judged>,
    told: Sender<Encoded>,
}

impl Views {
    pub fn start() -> io::Result<Self> {
        let (orders, received) = channel();
        let thread = thread::Builder::new().name("views".into());
        thread.spawn(move || encode(&received))?;
        Ok(Self(Mutex::new(orders)))
    }

    /// A frame, or one that came after it, as a JPEG.
    pub fn jpeg(&self, view: View, number: u64, frame: Arc<Judged>) -> Result<Arc<[u8]>, Refused> {
        let (told, encoded) = channel();
        let order = Order {
            view: view.clone(),
            number,
            frame: frame.clone(),
            told,
        };
        // Without the thread there is nobody to wait for.
        let _ = lock(&self.0).send(order);
        let encoded = encoded.recv_timeout(PATIENCE);
        encoded
            .unwrap_or_else(|_| jpeg(&view, &frame))
            .ok_or_else(|| Refused::Failed("the frame cannot be shown: the log tells more".into()))
    }
}

fn encode(orders: &Receiver<Order>) {
    igd::libtorch::take_what_is_left();
    let mut kept: HashMap<View, (u64, Arc<[u8]>)> = HashMap::new();
    while let Ok(first) = orders.recv() {
        let mut waiting: Vec<Order> = iter::once(first).chain(orders.try_iter()).collect();
        // The newest frame of a view serves all who asked for one of it.
        waiting.sort_by_key(|order| Reverse(order.number));
        for order in waiting {
            answer(order, &mut kept);
        }
    }
}

fn answer(order: Order, kept: &mut HashMap<View, (u64, Arc<[u8]>)>) {
    let known = kept.get(&order.view);
    let known = known.filter(|(number, _)| *number >= order.number);
    let jpeg = match known {
        Some((_, jpeg)) => Some(jpeg.clone()),
        None => {
            let jpeg = jpeg(&order.view, &order.frame);
            if kept.len() >= MOST && !kept.contains_key(&order.view) {
                kept.clear();
            }
            if let Some(jpeg) = &jpeg {
                kept.insert(order.view, (order.number, jpeg.clone()));
            }
            jpeg
        }
    };
    // Whoever asked may have gone.
    let _ = order.told.send(jpeg);
}

fn jpeg((_, width, drawn): &View, frame: &Judged) -> Encoded {
    let pixels = frame.view(*width, *drawn)?;
    match encode::jpeg(&pixels, JPEG_QUALITY) {
        Ok(jpeg) => Some(jpeg.into()),
        Err(error) => {
            tracing::error!("a frame cannot be encoded: {error}");
            None
        }
    }
}
