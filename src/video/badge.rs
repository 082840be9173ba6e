//! The verdict in words, on a plate of one colour: readable on any picture.

use std::fmt::Write as _;
use std::ops::Range;

use embedded_graphics::Drawable;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::ascii::{FONT_6X10, FONT_10X20};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::text::{Baseline, Text};
use gst_video::VideoInfo;

use super::Area;
use super::rectangles::Rectangle;
use igd::model::Detection;

/// What a badge says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    pub anomalous: bool,
    pub score: f32,
    pub threshold: f32,
}

impl From<&Detection> for Verdict {
    fn from(detection: &Detection) -> Self {
        Self {
            anomalous: detection.anomalous,
            score: detection.score,
            threshold: detection.threshold,
        }
    }
}

/// The letters and the line around the plate; the plate of a good part; the plate of an anomalous one. White on either
/// has a contrast of at least 5 to 1.
const LIGHT: usize = 0;
const GOOD: usize = 1;
const ANOMALOUS: usize = 2;
pub const COLORS: [[f32; 3]; 3] = [[255.0; 3], [0.0, 110.0, 50.0], [200.0, 0.0, 20.0]];

/// Frames of fewer rows have the smaller letters.
const SMALL: usize = 200;
/// Rows of a frame for each pixel of a letter.
const ROWS: usize = 540;
/// Scores are written with as few of these digits after the point as tell them from the threshold.
const DIGITS: Range<usize> = 2..7;

/// Lays out badges on frames of one kind. Its buffers are kept from badge to badge.
#[derive(Debug)]
pub struct Badge {
    frame: (usize, usize),
    font: &'static MonoFont<'static>,
    /// Pixels of the frame for each of a letter.
    scale: usize,
    text: String,
    letters: Letters,
}

/// Which pixels of a line of text are the letters'.
#[derive(Debug, Default)]
struct Letters {
    width: usize,
    pixels: Vec<bool>,
}

impl Badge {
    pub fn new(info: &VideoInfo) -> Self {
        let (width, height) = (info.width() as usize, info.height() as usize);
        Self {
            frame: (width, height),
            font: if height < SMALL {
                &FONT_6X10
            } else {
                &FONT_10X20
            },
            scale: (height / ROWS).max(1),
            text: String::new(),
            letters: Letters::default(),
        }
    }

    /// The rectangles of a badge in the upper left corner of `area`, each with the index of its one of [`COLORS`]; a
    /// later one lies above those before. Where its score finds no room, the word alone is there, and where that finds
    /// none either, the plate.
    pub fn lay_out(
        &mut self,
        area: Area,
        verdict: &Verdict,
        mut draw: impl FnMut(usize, Rectangle),
    ) {
        let (left, top) = (area.x as usize, area.y as usize);
        let right = (left + area.w as usize).min(self.frame.0);
        let letter = self.font.character_size;
        let margin = self.scale * letter.width as usize / 2;
        // The line around it, then the plate's own margin.
        let around = self.scale + margin;
        let room = right.saturating_sub(left + 2 * around) / self.scale / letter.width as usize;
        self.write(verdict, room);
        self.letters.of(&self.text, self.font);

        let height = letter.height as usize * self.scale + self.scale * 2;
        let width = (self.letters.width * self.scale + 2 * around).min(right.saturating_sub(left));
        let bottom = (top + height + 2 * self.scale)
            .min(top + area.h as usize)
            .min(self.frame.1);
        let whole = Rectangle {
            x: left..left + width,
            y: top.min(bottom)..bottom,
        };
        let plate = whole.outline(self.scale).1;
        draw(LIGHT, whole);
        let color = if verdict.anomalous { ANOMALOUS } else { GOOD };
        draw(color, plate.clone());
        let first = (left + around, top + 2 * self.scale);
        for (columns, row) in self.letters.runs() {
            let along = |column: usize| (first.0 + column * self.scale).min(plate.x.end);
            let down = |row: usize| (first.1 + row * self.scale).min(plate.y.end);
            let run = Rectangle {
                x: along(columns.start)..along(columns.end),
                y: down(row)..down(row + 1),
            };
            draw(LIGHT, run);
        }
    }

    /// As much of it as finds room in so many letters.
    fn write(&mut self, verdict: &Verdict, room: usize) {
        let Verdict {
            anomalous,
            score,
            threshold,
        } = verdict;
        let word = if *anomalous { "ANOMALOUS" } else { "GOOD" };
        let sign = if *anomalous { '>' } else { '<' };
        self.text.clear();
        self.text.push_str(word);
        for digits in DIGITS {
            self.text.truncate(word.len());
            // A text takes whatever is written to it.
            let _ = write!(self.text, " {score:.digits$}");
            let score_end = self.text.len();
            if !threshold.is_finite() {
                break;
            }
            let _ = write!(self.text, " {sign} {threshold:.digits$}");
            let threshold_start = score_end + " < ".len();
            if self.text[word.len() + 1..score_end] != self.text[threshold_start..] {
                break;
            }
        }
        if self.text.len() > room {
            self.text.truncate(word.len());
        }
        if self.text.len() > room {
            self.text.clear();
        }
    }
}

impl Letters {
    fn of(&mut self, text: &str, font: &MonoFont<'_>) {
        let size = font.character_size;
        self.width = text.len() * size.width as usize;
        self.pixels.clear();
        self.pixels.resize(self.width * size.height as usize, false);
        let style = MonoTextStyle::new(font, BinaryColor::On);
        // Drawing on it cannot fail.
        let _ = Text::with_baseline(text, Point::zero(), style, Baseline::Top).draw(self);
    }

    /// The columns of letters that follow each other in a row, and that row.
    fn runs(&self) -> impl Iterator<Item = (Range<usize>, usize)> {
        let rows = self.pixels.chunks(self.width.max(1)).enumerate();
        rows.flat_map(|(row, pixels)| {
            let mut column = 0;
            let groups = pixels.chunk_by(|left, right| left == right);
            let groups = groups.map(move |group| {
                let start = column;
                column += group.len();
                (group[0], start..column)
            });
            groups.filter_map(move |(is_letter, columns)| is_letter.then_some((columns, row)))
        })
    }
}

impl OriginDimensions for Letters {
    fn size(&self) -> Size {
        let height = self.pixels.len().checked_div(self.width).unwrap_or(0);
        Size::new(self.width as u32, height as u32)
    }
}

impl DrawTarget for Letters {
    type Color = BinaryColor;
    type Error = std::convert::Infallible;

    fn draw_iter<I: IntoIterator<Item = embedded_graphics::Pixel<BinaryColor>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Self::Error> {
        for embedded_graphics::Pixel(point, color) in pixels {
            let (Ok(x), Ok(y)) = (usize::try_from(point.x), usize::try_from(point.y)) else {
                continue;
            };
            if x < self.width
                && let Some(pixel) = self.pixels.get_mut(y * self.width + x)
            {
                *pixel = color.is_on();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use gst_video::VideoFormat;

    use super::*;

    fn text(anomalous: bool, score: f32, threshold: f32, room: usize) -> String {
        gst::init().unwrap();
        let info = VideoInfo::builder(VideoFormat::Gray8, 640, 480).build();
        let mut badge = Badge::new(&info.unwrap());
        let verdict = Verdict {
            anomalous,
            score,
            threshold,
        };
        badge.write(&verdict, room);
        badge.text
    }

    #[test]
    fn it_says_what_finds_room() {
        assert_eq!(text(true, 2.1, 1.554, 99), "ANOMALOUS 2.10 > 1.55");
        assert_eq!(text(false, 1.2, 1.554, 99), "GOOD 1.20 < 1.55");
        assert_eq!(text(true, 2.1, 1.554, 21), "ANOMALOUS 2.10 > 1.55");
        assert_eq!(text(true, 2.1, 1.554, 20), "ANOMALOUS");
        assert_eq!(text(true, 2.1, 1.554, 8), "");
        // No threshold was ever set.
        assert_eq!(text(false, 1.2, f32::INFINITY, 99), "GOOD 1.20");
    }

    #[test]
    fn a_score_is_told_from_the_threshold() {
        assert_eq!(text(true, 1.5541, 1.554, 99), "ANOMALOUS 1.5541 > 1.5540");
        assert_eq!(text(false, 0.0001, 0.002, 99), "GOOD 0.000 < 0.002");
    }
}
