//! The table of all pictures.

use igd::eval::Scored;
use maud::{Markup, html};

use super::verdict::Verdict;

/// One row a picture, the highest score first; `sort.js` sorts anew.
pub fn all(scored: &[Scored], threshold: f32) -> Markup {
    let mut pictures: Vec<&Scored> = scored.iter().collect();
    pictures.sort_by(|a, b| b.score.total_cmp(&a.score));
    html! {
        table.sortable {
            thead {
                tr {
                    th scope="col" { button type="button" { "name" } }
                    th scope="col" { button type="button" { "kind" } }
                    th.number scope="col" aria-sort="descending" { button type="button" { "score" } }
                    th scope="col" { button type="button" { "verdict" } }
                }
            }
            tbody {
                @for picture in pictures {
                    @let verdict = Verdict::of(picture, threshold);
                    tr {
                        td.name { (picture.name) }
                        td { (picture.kind) }
                        td.number data-value=(picture.score) { (format!("{:.4}", picture.score)) }
                        td.error[verdict.is_error()] { (verdict.name()) }
                    }
                }
            }
        }
    }
}
