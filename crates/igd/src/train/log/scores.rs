//! The histogram of the held-out pictures' scores as a picture.

use plotters::prelude::*;

use super::summary::Bars;

/// Width and height in pixels.
const SIZE: (u32, u32) = (800, 450);
/// Room beside the farthest bar and above the tallest.
const MARGIN: f64 = 0.05;

/// Bars over the scores, with a line at the threshold.
pub fn svg(scores: &[f64], threshold: Option<f64>) -> Result<String, String> {
    let mut svg = String::new();
    draw(&mut svg, scores, threshold).map_err(|error| error.to_string())?;
    Ok(svg)
}

type DrawError<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;

fn draw<'a>(
    svg: &'a mut String,
    scores: &[f64],
    threshold: Option<f64>,
) -> Result<(), DrawError<'a>> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let bars = Bars::new(scores);
    let tallest = bars.counts.iter().copied().max().unwrap_or_default() as f64;
    let (first, last) = (bars.limit(0), bars.limit(bars.counts.len()));
    let (first, last) = match threshold {
        Some(threshold) => (first.min(threshold), last.max(threshold)),
        None => (first, last),
    };
    let room = MARGIN * (last - first);
    let title = match threshold {
        Some(threshold) => format!(
            "{} held-out pictures, threshold {threshold:.4}",
            scores.len()
        ),
        None => format!("{} held-out pictures", scores.len()),
    };
    let mut chart = ChartBuilder::on(&area)
        .margin(20)
        .caption(title, ("sans-serif", 20))
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(first - room..last + room, 0.0..tallest * (1.0 + MARGIN))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_desc("score")
        .y_desc("pictures")
        .draw()?;
    let rectangles = bars.counts.iter().enumerate().map(|(bar, &count)| {
        let corners = [(bars.limit(bar), 0.0), (bars.limit(bar + 1), count as f64)];
        Rectangle::new(corners, BLUE.mix(0.6).filled())
    });
    chart.draw_series(rectangles)?;
    chart.draw_series(threshold.map(|threshold| {
        let line = [(threshold, 0.0), (threshold, tallest * (1.0 + MARGIN))];
        PathElement::new(line, RED.stroke_width(2))
    }))?;
    area.present()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_and_the_threshold_are_drawn() {
        let text = svg(&[0.1, 0.2, 0.2, 0.3], Some(0.4)).unwrap();
        assert!(
            text.starts_with("<svg") && text.ends_with("</svg>\n"),
            "{text}"
        );
        assert!(
            text.contains("4 held-out pictures, threshold 0.4000"),
            "{text}"
        );
        // Red, of plotters.
        assert!(text.contains("stroke=\"#FF0000\""), "{text}");
        let without = svg(&[0.1, 0.2], None).unwrap();
        assert!(!without.contains("stroke=\"#FF0000\""), "{without}");
    }
}
