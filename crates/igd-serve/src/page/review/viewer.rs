//! One part, opened: `review.js` fills it in.

use maud::{Markup, html};

use crate::page::visit::Visit;

pub fn dialog(visit: &Visit) -> Markup {
    let t = visit.texts();
    html! {
        dialog #viewer aria-labelledby="viewer-title" data-operates[visit.operates()] {
            div.head {
                h2 #viewer-title { (t.part) }
                div.steps {
                    button type="button" data-do="previous" aria-keyshortcuts="ArrowLeft" { "← " (t.previous) }
                    button type="button" data-do="next" aria-keyshortcuts="ArrowRight" { (t.next) " →" }
                    button type="button" data-do="close" aria-keyshortcuts="Escape" { (t.close) }
                }
            }
            div.looking {
                div.seen {
                    div.stage {
                        img.frame alt="";
                        canvas.map aria-hidden="true" {}
                        svg.boxes viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true" {}
                        div.box role="group" aria-label=(t.box_label) hidden {}
                        p.empty hidden { (t.no_pictures_kept) }
                    }
                    div.look {
                        label { input type="checkbox" data-do="heatmap" checked; " " (t.heatmap) }
                        label.opacity { (t.opacity) " "
                            input type="range" data-do="opacity" min="0" max="100" value="60"; }
                        label { input type="checkbox" data-do="regions" checked; " " (t.regions) }
                    }
                }
                div.saying {
                    p #viewer-verdict {}
                    @if visit.operates() {
                        h3 { (t.say_what_it_is) }
                        div.marks {
                            button.good type="button" data-do="good" aria-keyshortcuts="g" aria-pressed="false" {
                                (t.mark_good) }
                            button.bad type="button" data-do="bad" aria-keyshortcuts="b" aria-pressed="false" {
                                (t.mark_bad) }
                            button type="button" data-do="unmark" aria-keyshortcuts="u" { (t.unmark) }
                        }
                        div.marks {
                            button type="button" data-do="box" { (t.add_box) }
                            button type="button" data-do="unbox" hidden { (t.remove_box) }
                        }
                        p.hint { (t.draw_hint) }
                    }
                    p #viewer-mark role="status" {}
                    dl #viewer-terms {}
                    h3 { (t.regions) }
                    ul #viewer-regions {}
                    p.hint.keys { (t.keys) }
                }
            }
        }
    }
}
