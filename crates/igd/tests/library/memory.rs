//! What inference costs in memory, counted over a process of its own.

use crate::common;
use crate::common::alone::alone;
use crate::common::memory::occupied;
use std::thread;

use igd::model::{Detection, Detector};
use tch::{Device, Kind};

/// Pages that the system had to find for this process.
fn page_faults() -> i64 {
    // SAFETY: all bits zero is a value of this struct of numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the struct is there to be written.
    let status = unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    assert_eq!(status, 0);
    usage.ru_minflt
}

#[test]
fn inference_reuses_its_memory_and_a_dropped_detector_gives_it_back() {
    alone(
        "memory::inference_reuses_its_memory_and_a_dropped_detector_gives_it_back",
        measure,
    );
}

fn measure() {
    // As in a pipeline: the C library serves threads in another way than the first one.
    let streaming = thread::spawn(|| {
        // So large that its tensors are no small blocks.
        let model = common::local_model(24, 16);
        let mut detector = Detector::new(model, Device::Cpu, Kind::Float).unwrap();
        let (width, height) = detector.input_size();
        let rgb: Vec<f32> = (0..3 * width * height).map(|i| (i % 251) as f32).collect();
        let mut detection = Detection::default();
        let mut infer = |pictures: usize| {
            for _ in 0..pictures {
                detector.detect(&rgb, (640, 480), &mut detection).unwrap();
            }
        };
        infer(2);
        let before = page_faults();
        infer(4);
        let faults = (page_faults() - before) / 4;
        // Thousands, if every tensor had its memory from the system.
        assert!(faults < 200, "{faults} page faults a picture");

        let before = occupied();
        infer(10);
        let grown = occupied() - before;
        assert!(grown < 8.0, "{grown} MB more after 10 pictures");

        let before = occupied();
        drop(detector);
        let given_back = before - occupied();
        assert!(given_back > 16.0, "{given_back} MB given back");
    });
    streaming.join().unwrap();
}
