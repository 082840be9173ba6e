//! The thread that a model works in.

use std::sync::Arc;
use std::time::Instant;
use std::{io, mem, thread};

use super::mailbox::Reply;
use super::queue::Queue;
use igd::libtorch::{Work, guarded};
use igd::model::{DetectError, Detector, InputPicture};

/// Starts the thread; it ends when the queue is closed.
pub fn start(detector: Detector, queue: Arc<Queue>) -> io::Result<()> {
    let thread = thread::Builder::new().name("igd-infer".to_owned());
    thread.spawn(move || {
        work(detector, &queue);
        queue.end();
    })?;
    Ok(())
}

fn work(mut detector: Detector, queue: &Queue) {
    warm_up(&mut detector);
    let mut batch = Vec::new();
    while queue.next(&mut batch) {
        // The process ends: whoever still waits for these frames will be interrupted.
        let Some(_work) = Work::begin() else {
            break;
        };
        let start = Instant::now();
        let mut pictures: Vec<_> = batch
            .iter_mut()
            .flat_map(|job| job.pictures.iter_mut())
            .collect();
        // Whoever waits must hear of it, whatever happens.
        let inferred = guarded(|| detector.infer(&mut pictures))
            .unwrap_or_else(|text| Err(DetectError::Inference(text)));
        let failed = inferred.err().map(|err| match err {
            DetectError::Inference(text) => text,
            err => err.to_string(),
        });
        let inference = start.elapsed();
        for job in batch.drain(..) {
            let inferred = match &failed {
                Some(text) => Err(DetectError::Inference(text.clone())),
                // What one stream's picture comes to is not the others' fault.
                None => job
                    .pictures
                    .iter()
                    .try_for_each(|picture| picture.raw.check()),
            };
            let reply = Reply {
                pictures: job.pictures,
                inferred,
                inference,
            };
            job.mailbox.deliver(job.ticket, reply);
        }
    }
    match Work::begin() {
        Some(_work) => drop(detector),
        // The process ends, and libtorch with it.
        None => mem::forget(detector),
    }
}

/// Infers a picture that shows nothing: libtorch makes much at the first one that takes longer than the inference, and
/// would count as the latency of the first frame.
fn warm_up(detector: &mut Detector) {
    let Some(_work) = Work::begin() else {
        return;
    };
    let (width, height) = detector.input_size();
    let mut picture = InputPicture {
        rgb: vec![0.0; 3 * width * height],
        ..InputPicture::default()
    };
    // An error comes again with the first frame, and is told of then.
    let _ = guarded(|| detector.infer(&mut [&mut picture]));
}
