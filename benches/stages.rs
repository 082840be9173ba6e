//! What a frame passes through, each stage by itself: `cargo bench --bench stages`.

#[path = "../tests/common/mod.rs"]
mod common;

use common::golden::Golden;
use criterion::{Criterion, criterion_group, criterion_main};
use gst_video::{VideoFormat, VideoFrameRef, VideoInfo};
use gstigd::criterion::{MsSsim, Reference, Residuals};
use gstigd::model::Map;
use gstigd::nn::{Fused, PICTURE, patches};
use gstigd::video::{Colormap, FrameReader, Painter};
use tch::{Device, Kind, Tensor, no_grad};

const SIDE: usize = 256;
const FORMATS: [VideoFormat; 6] = [
    VideoFormat::Nv12,
    VideoFormat::I420,
    VideoFormat::Gray8,
    VideoFormat::Rgb,
    VideoFormat::Bgrx,
    VideoFormat::Yuy2,
];
const RANGE: f64 = 4.7579;

fn frames(criterion: &mut Criterion) {
    gst::init().unwrap();
    for format in FORMATS {
        let info = VideoInfo::builder(format, 1920, 1080).build().unwrap();
        let noise = (0..info.size()).map(|i| ((i * 2_654_435_761) >> 13) as u8);
        let mut buffer = gst::Buffer::from_mut_slice(noise.collect::<Vec<_>>());
        let buffer = buffer.get_mut().unwrap();
        let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, &info).unwrap();
        let mut reader = FrameReader::new(&info, (SIDE, SIDE)).unwrap();
        let mut rgb = vec![0.0; 3 * SIDE * SIDE];
        criterion.bench_function(&format!("convert {format} 1920x1080"), |bencher| {
            bencher.iter(|| reader.read(&frame, &mut rgb).unwrap());
        });
        let mut painter = Painter::new(&info);
        for (what, value) in [("everywhere", 0.6), ("nowhere", 0.0)] {
            let map = Map {
                width: SIDE,
                height: SIDE,
                values: vec![value; SIDE * SIDE],
            };
            criterion.bench_function(&format!("overlay {what} {format} 1920x1080"), |bencher| {
                bencher.iter(|| painter.heatmap(&mut frame, &map, Colormap::Turbo, 0.5));
            });
        }
    }
}

fn similarity(criterion: &mut Criterion) {
    let golden = Golden::read("small");
    let picture = golden.picture();
    let floats = |tensor: &Tensor| Vec::<f32>::try_from(tensor.flatten(0, -1)).unwrap();
    let near = golden.near("local", &patches(&picture));
    let (values, patch) = (floats(&picture), floats(&near.get(0)));
    let mut map = vec![0.0; SIDE * SIDE];
    let mut local = Reference::local(PICTURE as usize, RANGE);
    let mut residuals = Residuals::new(&local);
    local.set(&values);
    criterion.bench_function("MS-SSIM, L1 and map of a patch", |bencher| {
        bencher.iter(|| residuals.compare(&local, &patch, (16, 16), &mut map));
    });
    let near = golden.near("global", &picture);
    let reconstruction = floats(&near);
    let mut global = Reference::global(RANGE);
    let mut residuals = Residuals::new(&global);
    criterion.bench_function("MS-SSIM, L1 and map of a picture", |bencher| {
        bencher.iter(|| {
            global.set(&values);
            residuals.compare(&global, &reconstruction, (0, 0), &mut map)
        });
    });
    let tensors = MsSsim::global(RANGE, Device::Cpu);
    criterion.bench_function("MS-SSIM of a picture in tensors", |bencher| {
        bencher.iter(|| no_grad(|| tensors.compare(&picture, &near)));
    });
}

fn forward(criterion: &mut Criterion) {
    let golden = Golden::read("full");
    let picture = golden.picture();
    let batch = patches(&picture).narrow(0, 0, 15);
    let (global, local) = (golden.global(), golden.local());
    for kind in [Kind::Float, Kind::BFloat16] {
        for (scale, network, pictures) in [
            (
                "global, a picture",
                Fused::global(&global, kind, 1),
                &picture,
            ),
            ("local, 15 patches", Fused::local(&local, kind, 15), &batch),
        ] {
            let z = no_grad(|| network.encode(pictures));
            criterion.bench_function(&format!("encoder of {scale}, {kind:?}"), |bencher| {
                bencher.iter(|| no_grad(|| network.encode(pictures)));
            });
            criterion.bench_function(&format!("decoder of {scale}, {kind:?}"), |bencher| {
                bencher.iter(|| no_grad(|| network.decode(&z)));
            });
        }
    }
}

criterion_group! {
    name = stages;
    config = Criterion::default().sample_size(20);
    targets = frames, similarity, forward
}
criterion_main!(stages);
