use gstigd::model::*;
use std::time::Instant;
fn main() {
    let path = std::path::PathBuf::from("target/tmp/paper.safetensors");
    for _ in 0..3 {
        let t = Instant::now();
        let model = Model::open(&path, tch::Device::Cpu).unwrap();
        let a = t.elapsed();
        let kind = Precision::Auto.on(tch::Device::Cpu).unwrap();
        let mut d = Detector::new(model, tch::Device::Cpu, kind).unwrap();
        let b = t.elapsed();
        let rgb = vec![100.0; 3 * 65536];
        d.judge(&rgb).unwrap();
        let c = t.elapsed();
        d.judge(&rgb).unwrap();
        println!(
            "open {a:?} fuse {:?} first {:?} second {:?}",
            b - a,
            c - b,
            t.elapsed() - c
        );
    }
}
