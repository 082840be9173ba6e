//! What a picture passes through in the paper's model, each stage by itself: `cargo bench --bench stages`.

#[path = "../tests/common/mod.rs"]
mod common;
mod time;

use common::golden::Golden;
use igd::criterion::{MsSsim, Reference, Residuals};
use igd::nn::{Fused, PICTURE, patches};
use tch::{Device, Kind, Tensor, no_grad};
use time::measure;

const SIDE: usize = 256;
const RANGE: f64 = 4.7579;

fn main() {
    similarity();
    forward();
}

fn similarity() {
    let golden = Golden::read("small");
    let picture = golden.picture();
    let floats = |tensor: &Tensor| Vec::<f32>::try_from(tensor.flatten(0, -1)).unwrap();
    let near = golden.near("local", &patches(&picture));
    let (values, patch) = (floats(&picture), floats(&near.get(0)));
    let mut map = vec![0.0; SIDE * SIDE];
    let mut local = Reference::local(PICTURE as usize, RANGE);
    let mut residuals = Residuals::new(&local);
    local.set(&values);
    measure("MS-SSIM, L1 and map of a patch", || {
        residuals.compare(&local, &patch, (16, 16), &mut map);
    });
    let near = golden.near("global", &picture);
    let reconstruction = floats(&near);
    let mut global = Reference::global(RANGE);
    let mut residuals = Residuals::new(&global);
    measure("MS-SSIM, L1 and map of a picture", || {
        global.set(&values);
        residuals.compare(&global, &reconstruction, (0, 0), &mut map);
    });
    let tensors = MsSsim::global(RANGE, Device::Cpu);
    measure("MS-SSIM of a picture in tensors", || {
        no_grad(|| tensors.compare(&picture, &near));
    });
}

fn forward() {
    let golden = Golden::read("full");
    let picture = golden.picture();
    let batch = patches(&picture).narrow(0, 0, 15);
    let (global, local) = (golden.global(), golden.local());
    for kind in [Kind::Float, Kind::BFloat16] {
        let networks = [
            (
                "global, a picture",
                Fused::global(&global, kind, Some(1)),
                &picture,
            ),
            (
                "local, 15 patches",
                Fused::local(&local, kind, Some(15)),
                &batch,
            ),
        ];
        for (scale, network, pictures) in networks {
            let z = no_grad(|| network.encode(pictures));
            measure(&format!("encoder of {scale}, {kind:?}"), || {
                let _ = no_grad(|| network.encode(pictures));
            });
            measure(&format!("decoder of {scale}, {kind:?}"), || {
                let _ = no_grad(|| network.decode(&z));
            });
        }
    }
}
