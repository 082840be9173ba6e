//! What a protocol's runs come to.

use std::fmt::Write;

use serde::Serialize;

use super::Set;
use super::published;
use super::runs::{Outcome, Profile};

/// The runs of one profile on one class, or of all classes.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// Mean over the seeds; of all classes, of their means.
    pub image_auroc: f64,
    /// Standard deviation over the seeds, where there are several.
    pub spread: Option<f64>,
    pub pixel_auroc: Option<f64>,
    pub aupro: Option<f64>,
    /// Image AUROC of each term of the criterion alone, mean over the seeds.
    pub terms: serde_json::Map<String, serde_json::Value>,
    /// Of a training, mean over the seeds.
    pub seconds: f64,
    pub runs: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// `mean` for all classes.
    pub class: String,
    pub paper: Option<Cell>,
    pub dense: Option<Cell>,
    pub published: Option<f64>,
    pub source: Option<&'static str>,
}

/// A row a class, in the order of the runs, and one for all of them.
pub fn rows(set: Set, outcomes: &[Outcome]) -> Vec<Row> {
    let mut classes: Vec<&str> = Vec::new();
    for outcome in outcomes {
        if !classes.contains(&outcome.class.as_str()) {
            classes.push(&outcome.class);
        }
    }
    let mut rows: Vec<Row> = classes
        .iter()
        .map(|class| Row {
            class: (*class).to_owned(),
            paper: cell(outcomes, class, Profile::Paper),
            dense: cell(outcomes, class, Profile::Dense),
            published: None,
            source: None,
        })
        .collect();
    if rows.len() > 1 {
        let published = published::mean(set);
        rows.push(Row {
            class: "mean".to_owned(),
            paper: average(rows.iter().filter_map(|row| row.paper.as_ref())),
            dense: average(rows.iter().filter_map(|row| row.dense.as_ref())),
            published: published.as_ref().map(|figure| figure.auroc),
            source: published.map(|figure| figure.source),
        });
    }
    rows
}

fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.into_iter().collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The runs of a profile on a class.
fn cell(outcomes: &[Outcome], class: &str, profile: Profile) -> Option<Cell> {
    let runs: Vec<Cell> = outcomes
        .iter()
        .filter(|outcome| outcome.class == class && outcome.profile == profile)
        .filter_map(of_run)
        .collect();
    let cell = average(runs.iter())?;
    let squares = runs
        .iter()
        .map(|run| (run.image_auroc - cell.image_auroc).powi(2));
    let variance = squares.sum::<f64>() / (runs.len() - 1) as f64;
    Some(Cell {
        spread: (runs.len() > 1).then(|| variance.sqrt()),
        ..cell
    })
}

/// What one run says; nothing where there were no normal or no anomalous pictures.
fn of_run(outcome: &Outcome) -> Option<Cell> {
    let value = |name: &str| outcome.evaluation[name].as_f64();
    let terms = outcome.evaluation["terms"].as_object();
    Some(Cell {
        image_auroc: value("image_auroc")?,
        spread: None,
        pixel_auroc: value("pixel_auroc"),
        aupro: value("aupro"),
        terms: terms.cloned().unwrap_or_default(),
        seconds: outcome.seconds,
        runs: 1,
    })
}

/// The mean over runs, or over classes.
fn average<'a>(cells: impl Iterator<Item = &'a Cell>) -> Option<Cell> {
    let cells: Vec<&Cell> = cells.collect();
    let of = |value: fn(&Cell) -> Option<f64>| mean(cells.iter().filter_map(|cell| value(cell)));
    let names = cells.first()?.terms.keys();
    let term = |name: &String| {
        let values = cells.iter().map(|cell| cell.terms.get(name)?.as_f64());
        Some((name.clone(), mean(values.flatten())?.into()))
    };
    Some(Cell {
        image_auroc: of(|cell| Some(cell.image_auroc))?,
        spread: of(|cell| cell.spread),
        pixel_auroc: of(|cell| cell.pixel_auroc),
        aupro: of(|cell| cell.aupro),
        terms: names.filter_map(term).collect(),
        seconds: of(|cell| Some(cell.seconds))?,
        runs: cells.iter().map(|cell| cell.runs).sum(),
    })
}

/// A table in Markdown, for people and for documents.
pub fn text(set: Set, rows: &[Row]) -> String {
    let has_pixels = rows
        .iter()
        .flat_map(|row| [&row.paper, &row.dense])
        .flatten()
        .any(|cell| cell.pixel_auroc.is_some());
    let pixels = if has_pixels {
        " pixel AUROC, AUPRO |"
    } else {
        ""
    };
    let line = if has_pixels { "---|" } else { "" };
    let mut text = format!(
        "{}, image AUROC\n\n| class | paper profile |{pixels} time | dense profile |{pixels} time | published |\n\
         |---|---|{line}---|---|{line}---|---|\n",
        set.name()
    );
    for row in rows {
        let published = row
            .published
            .map_or_else(String::new, |area| format!("{area:.4}"));
        let _ = writeln!(
            text,
            "| {} |{}{} {published} |",
            row.class,
            columns(row.paper.as_ref(), has_pixels),
            columns(row.dense.as_ref(), has_pixels),
        );
    }
    if let Some(source) = rows.iter().find_map(|row| row.source) {
        let _ = writeln!(text, "\nPublished: {source}.");
    }
    for (profile, cell) in [
        ("paper", |row: &Row| row.paper.clone()),
        ("dense", |row: &Row| row.dense.clone()),
    ] as [(&str, fn(&Row) -> Option<Cell>); 2]
    {
        if let Some(cell) = rows.last().and_then(cell)
            && !cell.terms.is_empty()
        {
            let terms = cell.terms.iter();
            let terms: Vec<String> = terms
                .map(|(name, area)| format!("{name} {:.4}", area.as_f64().unwrap_or_default()))
                .collect();
            let _ = writeln!(
                text,
                "\nEach term alone, {profile} profile: {}.",
                terms.join(", ")
            );
        }
    }
    text
}

/// The columns of a profile.
fn columns(cell: Option<&Cell>, has_pixels: bool) -> String {
    let Some(cell) = cell else {
        return if has_pixels { " | | |" } else { " | |" }.to_owned();
    };
    let spread = cell
        .spread
        .map_or_else(String::new, |spread| format!(" ± {spread:.4}"));
    let mut text = format!(" {:.4}{spread} |", cell.image_auroc);
    if has_pixels {
        let area =
            |area: Option<f64>| area.map_or_else(|| "-".to_owned(), |area| format!("{area:.4}"));
        let _ = write!(text, " {}, {} |", area(cell.pixel_auroc), area(cell.aupro));
    }
    let _ = write!(text, " {:.0} s |", cell.seconds);
    text
}
