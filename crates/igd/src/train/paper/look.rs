//! Pictures and what becomes of them, for people.

use image::{Rgb, RgbImage};
use tch::{Device, Kind, Tensor};

use crate::nn::Normalisation;

/// Draws two batches (N, 3, side, side), normalised as networks see them, as two rows of N pictures.
pub fn above_each_other(above: &Tensor, below: &Tensor) -> RgbImage {
    let rows = [above, below].map(|batch| Tensor::cat(&batch.unbind(0), 2).to_device(Device::Cpu));
    let planes = Tensor::cat(&rows, 1);
    let Normalisation { mean, std } = Normalisation::IMAGENET;
    let of_channels = |values: [f64; 3]| Tensor::from_slice(&values).view([3, 1, 1]);
    let bytes = ((planes * of_channels(std) + of_channels(mean)) * 255.0)
        .round()
        .clamp(0.0, 255.0)
        .to_kind(Kind::Uint8)
        .permute([1, 2, 0])
        .contiguous();
    let (height, width) = (bytes.size()[0] as u32, bytes.size()[1] as u32);
    let mut values = vec![0u8; bytes.numel()];
    bytes.copy_data_u8(&mut values, bytes.numel());
    RgbImage::from_vec(width, height, values)
        .unwrap_or_else(|| RgbImage::from_pixel(width, height, Rgb([0; 3])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_what_they_were_made_of() {
        let Normalisation { mean, std } = Normalisation::IMAGENET;
        // A number (0..=255) in all channels, as networks see it.
        let picture = |value: f64| {
            let channel = |channel: usize| {
                let value = (value / 255.0 - mean[channel]) / std[channel];
                Tensor::full([1, 2, 2], value, (Kind::Float, Device::Cpu))
            };
            Tensor::cat(&[channel(0), channel(1), channel(2)], 0)
        };
        let batch = |values: [f64; 3]| Tensor::stack(&values.map(picture), 0);
        let drawn = above_each_other(&batch([0.0, 10.0, 255.0]), &batch([7.0, 300.0, -9.0]));
        assert_eq!(drawn.dimensions(), (6, 4));
        for (x, y, expected) in [
            (0, 0, 0),
            (3, 1, 10),
            (5, 0, 255),
            (1, 2, 7),
            (2, 3, 255),
            (5, 3, 0),
        ] {
            assert_eq!(drawn.get_pixel(x, y), &Rgb([expected; 3]), "{x}, {y}");
        }
    }
}
