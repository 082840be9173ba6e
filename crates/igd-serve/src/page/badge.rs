//! Verdicts and marks, told by word and shape as well as by colour. The style sheet draws the shapes.

use maud::{Markup, html};

use super::texts::Texts;
use crate::record::{Mark, Verdict};

/// What is said of a part; `None` before there is one.
pub fn verdict(verdict: Option<Verdict>, t: &Texts) -> Markup {
    html! { span.badge data-verdict=(verdict.map_or("", Verdict::name)) { (word(verdict, t)) } }
}

/// The same as a word.
pub fn word(verdict: Option<Verdict>, t: &Texts) -> &'static str {
    match verdict {
        Some(Verdict::Good) => t.good,
        Some(Verdict::Bad) => t.bad,
        Some(Verdict::None) => t.none,
        None => t.no_part,
    }
}

/// What a user said of a part.
pub fn mark(mark: Option<Mark>, t: &Texts) -> Markup {
    html! { span.mark data-mark=(mark.map_or("", Mark::name)) { (mark_word(mark, t)) } }
}

/// The same as a word.
pub fn mark_word(mark: Option<Mark>, t: &Texts) -> &'static str {
    match mark {
        Some(Mark::Good) => t.marked_good,
        Some(Mark::Bad) => t.marked_bad,
        None => t.unmarked,
    }
}
