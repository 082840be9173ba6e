//! The pictures that tell the most, each with its map and overlay.

use gstigd::video::Colormap;
use igd::encode::{self, scaled};
use igd::eval::Scored;
use igd::model::Map;
use image::{Rgb, RgbImage};
use maud::{Markup, html};

use super::verdict::Verdict;
use crate::eval::results::Pictures;
use crate::overlay::paint;

/// Pictures of each verdict.
const SHOWN: usize = 12;
/// Pixels of the longer side, at most.
const LARGEST: u32 = 256;
/// Of JPEG, 1..=100.
const QUALITY: u8 = 85;

/// The worst false alarms, the worst misses and the best finds.
pub fn sections(
    pictures: &mut Pictures,
    scored: &[Scored],
    threshold: f32,
) -> anyhow::Result<Markup> {
    let sections = [
        ("Worst false alarms", Verdict::FalseAlarm),
        ("Worst misses", Verdict::Missed),
        ("Best finds", Verdict::Found),
    ];
    let mut markup = Vec::new();
    for (title, verdict) in sections {
        let mut indices: Vec<usize> = (0..scored.len())
            .filter(|&index| Verdict::of(&scored[index], threshold) == verdict)
            .collect();
        let count = indices.len();
        indices.sort_by(|&a, &b| scored[b].score.total_cmp(&scored[a].score));
        if verdict == Verdict::Missed {
            indices.reverse();
        }
        indices.truncate(SHOWN);
        let mut cards = Vec::new();
        for index in indices {
            cards.push(card(pictures, index, &scored[index])?);
        }
        markup.push(html! {
            section {
                h2 { (title) }
                @if cards.is_empty() { p { "There are none." } }
                @else { p { (cards.len()) " of " (count) ": picture, map, and both." } }
                div.gallery { @for card in cards { (card) } }
            }
        });
    }
    Ok(html! { @for section in markup { (section) } })
}

fn card(pictures: &mut Pictures, index: usize, scored: &Scored) -> anyhow::Result<Markup> {
    let (picture, detection) = pictures.look_at(index)?;
    let size = shown_size(picture.size());
    let overlay = scaled(&paint(picture.clone(), &detection)?, size);
    let shown = [
        ("picture", scaled(&picture.into_rgb(), size)),
        ("map", scaled(&colored(&detection.map), size)),
        ("overlay", overlay),
    ];
    let mut urls = Vec::new();
    for (what, picture) in shown {
        urls.push((what, data_url(&picture)?));
    }
    Ok(html! {
        figure {
            div {
                @for (what, url) in urls {
                    img src=(url) alt={ (what) " of " (scored.name) } width=(size.0) height=(size.1);
                }
            }
            figcaption { (scored.name) " (" (scored.kind) "), score " (format!("{:.4}", scored.score)) }
        }
    })
}

/// That of the page for a picture of that size (width, height), which is never enlarged.
fn shown_size((width, height): (u32, u32)) -> (u32, u32) {
    let scale = (f64::from(LARGEST) / f64::from(width.max(height))).min(1.0);
    let side = |side: u32| (f64::from(side) * scale).round().max(1.0) as u32;
    (side(width), side(height))
}

/// A normalised map in the heatmap's colours.
fn colored(map: &Map) -> RgbImage {
    let table = Colormap::default().table();
    RgbImage::from_fn(map.width as u32, map.height as u32, |x, y| {
        let value = map.values[y as usize * map.width + x as usize];
        Rgb(table[(value * 255.0).round() as usize])
    })
}

fn data_url(picture: &RgbImage) -> anyhow::Result<String> {
    let text = glib::base64_encode(&encode::jpeg(picture, QUALITY)?);
    Ok(format!("data:image/jpeg;base64,{text}"))
}

#[cfg(test)]
mod tests {
    use super::shown_size;

    #[test]
    fn pictures_keep_their_shape() {
        assert_eq!(shown_size((1024, 512)), (256, 128));
        assert_eq!(shown_size((30, 60)), (30, 60));
        assert_eq!(shown_size((20_000, 1)), (256, 1));
    }
}
