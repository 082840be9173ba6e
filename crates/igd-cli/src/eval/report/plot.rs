//! A frame with two axes, as SVG.

use maud::{Markup, html};

/// Size of the drawing, and where in it the axes leave room, in its own units.
const SIZE: (f64, f64) = (360.0, 300.0);
const LEFT: f64 = 44.0;
const RIGHT: f64 = 348.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 252.0;

/// About so many ticks an axis has.
const TICKS: f64 = 5.0;

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

    /// The drawing around its content.
    pub fn draw(&self, title: &str, content: Markup, legend: Markup) -> Markup {
        let middle = (0.5 * (LEFT + RIGHT), 0.5 * (TOP + BOTTOM));
        html! {
            figure.chart {
                figcaption { (title) }
                svg viewBox={ "0 0 " (SIZE.0) " " (SIZE.1) } role="img" aria-label=(title) {
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
                    (content)
                }
                (legend)
            }
        }
    }
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
}
