//! Drawings with two axes, as SVG: for a page, or a file of their own.

use maud::{Markup, PreEscaped, html};

/// The colours by their names, light and dark.
pub const COLOURS: &str = include_str!("colours.css");
/// What gives the drawings of a page their look.
pub const STYLE: &str = include_str!("style.css");

/// Size of the drawing, and where in it the axes leave room, in its own units.
const SIZE: (f64, f64) = (360.0, 300.0);
const LEFT: f64 = 44.0;
const RIGHT: f64 = 348.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 252.0;
/// Room for the title above a drawing that is a file.
const HEAD: f64 = 16.0;

/// About so many ticks an axis has.
const TICKS: f64 = 5.0;
/// Bars of a histogram.
const BINS: usize = 40;
/// Room above the highest value, of its height.
const MARGIN: f64 = 0.05;

/// What runs along a side.
#[derive(Clone, Debug)]
pub struct Axis {
    pub label: &'static str,
    pub from: f64,
    pub to: f64,
}

impl Axis {
    /// For shares.
    pub fn unit(label: &'static str) -> Self {
        Self {
            label,
            from: 0.0,
            to: 1.0,
        }
    }

    /// From the lowest to the highest of the values.
    pub fn of(label: &'static str, values: impl Iterator<Item = f64>) -> Self {
        let (lowest, highest) = values.fold(
            (f64::INFINITY, f64::NEG_INFINITY),
            |(lowest, highest), value| (lowest.min(value), highest.max(value)),
        );
        // It needs a length where all are equal, or there are none.
        let (from, to) = match lowest < highest {
            true => (lowest, highest),
            false => (lowest.min(0.0).max(f64::from(f32::MIN)), highest.max(1.0)),
        };
        Self { label, from, to }
    }

    /// From zero to what is a little above the highest value.
    pub fn up_to(label: &'static str, highest: f64) -> Self {
        let to = match highest > 0.0 {
            true => (1.0 + MARGIN) * highest,
            false => 1.0,
        };
        Self {
            label,
            from: 0.0,
            to,
        }
    }

    /// How many of the values, which lie on it, are in each of its bins.
    pub fn counts(&self, values: impl Iterator<Item = f64>) -> [f64; BINS] {
        let mut counts = [0.0; BINS];
        for value in values {
            counts[((self.place(value) * BINS as f64) as usize).min(BINS - 1)] += 1.0;
        }
        counts
    }

    /// Where a value lies, 0..=1.
    fn place(&self, value: f64) -> f64 {
        (value - self.from) / (self.to - self.from)
    }

    /// Round numbers along it, as text has them.
    fn ticks(&self) -> Vec<(f64, String)> {
        let rough = (self.to - self.from) / TICKS;
        let power = rough.log10().floor();
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|round| round * 10_f64.powf(power))
            .into_iter()
            .find(|step| *step >= rough * (1.0 - 1e-9))
            .unwrap_or(rough);
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let first = (self.from / step).ceil() as i64;
        let last = (self.to / step + 1e-9).floor() as i64;
        (first..=last)
            .map(|index| index as f64 * step)
            .map(|value| (value, format!("{value:.decimals$}")))
            .collect()
    }
}

/// Two axes.
#[derive(Clone, Debug)]
pub struct Plot {
    pub x: Axis,
    pub y: Axis,
}

impl Plot {
    /// Where something lies in the drawing.
    pub fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (
            LEFT + self.x.place(x) * (RIGHT - LEFT),
            BOTTOM - self.y.place(y) * (BOTTOM - TOP),
        )
    }

    /// The attribute `points` of a line through such points.
    pub fn line(&self, points: impl IntoIterator<Item = (f64, f64)>) -> String {
        let points = points.into_iter().map(|point| self.at(point));
        points
            .map(|(x, y)| format!("{x:.2},{y:.2}"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// A bar in each bin of the x axis, in the colour of a class.
    pub fn bars(&self, class: &str, heights: &[f64; BINS]) -> Markup {
        let edge = |bin: usize| self.x.from + (self.x.to - self.x.from) * bin as f64 / BINS as f64;
        let bars = heights.iter().enumerate().map(|(bin, &height)| {
            let (left, top) = self.at((edge(bin), height));
            let (right, bottom) = self.at((edge(bin + 1), 0.0));
            [left, top, right - left, bottom - top].map(|value| format!("{value:.2}"))
        });
        html! {
            g class={ "bar " (class) } {
                @for [x, y, width, height] in bars.filter(|[.., height]| height != "0.00") {
                    rect x=(x) y=(y) width=(width) height=(height) {}
                }
            }
        }
    }

    /// A line at a value of the x axis.
    pub fn threshold(&self, value: f64) -> Markup {
        let (x, _) = self.at((value, 0.0));
        html! { line.threshold x1=(x) x2=(x) y1=(BOTTOM) y2=(TOP) {} }
    }

    /// The drawing around its content, for a page with [`COLOURS`] and [`STYLE`].
    pub fn svg(&self, title: &str, content: &Markup) -> Markup {
        html! {
            svg.plot viewBox={ "0 0 " (SIZE.0) " " (SIZE.1) } role="img" aria-label=(title) {
                (self.axes()) (content)
            }
        }
    }

    /// The same as a file, which has the title in it.
    pub fn file(&self, title: &str, content: &Markup) -> String {
        let (width, height) = (SIZE.0, SIZE.1 + HEAD);
        let svg = html! {
            svg.plot xmlns="http://www.w3.org/2000/svg" width=(2.0 * width) height=(2.0 * height)
                viewBox={ "0 " (-HEAD) " " (width) " " (height) } {
                title { (title) }
                style { (PreEscaped(plain_style())) }
                rect.paper y=(-HEAD) width=(width) height=(height) {}
                text.title x=(0.5 * (LEFT + RIGHT)) y="0" text-anchor="middle" { (title) }
                (self.axes()) (content)
            }
        };
        svg.into_string() + "\n"
    }

    fn axes(&self) -> Markup {
        let middle = (0.5 * (LEFT + RIGHT), 0.5 * (TOP + BOTTOM));
        html! {
            @for (value, text) in self.x.ticks() {
                @let (x, _) = self.at((value, 0.0));
                line.grid x1=(x) x2=(x) y1=(TOP) y2=(BOTTOM) {}
                text x=(x) y=(BOTTOM + 16.0) text-anchor="middle" { (text) }
            }
            @for (value, text) in self.y.ticks() {
                @let (_, y) = self.at((self.x.from, value));
                line.grid x1=(LEFT) x2=(RIGHT) y1=(y) y2=(y) {}
                text x=(LEFT - 6.0) y=(y + 4.0) text-anchor="end" { (text) }
            }
            text x=(middle.0) y=(BOTTOM + 36.0) text-anchor="middle" { (self.x.label) }
            text x="10" y=(middle.1) text-anchor="middle" transform={ "rotate(-90 10 " (middle.1) ")" } { (self.y.label) }
        }
    }
}

/// The style with the light colours in place of their names, which not every viewer of pictures knows.
fn plain_style() -> String {
    let light = COLOURS.split('}').next().unwrap_or_default();
    let colours = light
        .lines()
        .filter_map(|line| line.trim().strip_suffix(';')?.split_once(": "));
    colours.fold(STYLE.to_owned(), |style, (name, colour)| {
        style.replace(&format!("var({name})"), colour)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let texts = |from, to| -> Vec<String> {
            let axis = Axis {
                label: "",
                from,
                to,
            };
            axis.ticks().into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(texts(0.0, 1.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(1.13, 3.2), ["1.5", "2.0", "2.5", "3.0"]);
        assert_eq!(texts(-30.0, 170.0), ["0", "50", "100", "150"]);
    }

    #[test]
    fn every_value_is_in_a_bin() {
        let axis = Axis::of("", [1.0, 1.0, 2.5, 4.0].into_iter());
        assert_eq!((axis.from, axis.to), (1.0, 4.0));
        let counts = axis.counts([1.0, 1.0, 2.5, 4.0].into_iter());
        assert_eq!((counts[0], counts[20], counts[39]), (2.0, 1.0, 1.0));
        assert_eq!(counts.iter().sum::<f64>(), 4.0);
        let of_equal_ones = Axis::of("", [0.5; 3].into_iter()).counts([0.5; 3].into_iter());
        assert_eq!(of_equal_ones[20], 3.0);
    }

    #[test]
    fn a_file_names_no_colour() {
        assert!(STYLE.contains("var(--") && !plain_style().contains("var("));
    }
}
