//! The pictures of a lesson, the doubtful ones first, and what all have in common.

use maud::{Markup, html};

use crate::line::{Doubt, Lesson, LessonPicture};
use crate::page::numbers::decimal;
use crate::page::texts::{Texts, fill};
use crate::page::visit::Visit;

/// So many are shown.
const SHOWN: usize = 60;

pub fn shown(visit: &Visit, recipe: &str, lesson: &Lesson) -> Markup {
    let t = visit.texts();
    let count = lesson.pictures.len();
    if count == 0 {
        return html! { h3 { (t.lesson) } p.hint { (t.no_lesson) } };
    }
    let megabytes = decimal(lesson.bytes as f64 / 1e6, 1, visit.language);
    html! {
        h3 { (t.lesson) }
        p { (fill(t.lesson_count, &[("n", &count), ("mb", &megabytes)])) }
        (problems(lesson, t))
        (gallery(visit, recipe, lesson))
        @if visit.operates() {
            p {
                button type="button" #remove-all data-send={ "DELETE /api/v1/recipes/" (recipe) "/lesson/pictures" }
                    data-refresh="lesson collecting learning" { (t.remove_all) }
            }
        }
        @if lesson.looked_at > 0 {
            h3 { (t.in_common) }
            div.common {
                @for (query, text) in [("", t.mean), ("&spread=true", t.spread)] {
                    figure {
                        // The number has browsers ask again when there are more.
                        img src={ "/api/v1/recipes/" (recipe) "/lesson/mean.jpg?of=" (lesson.looked_at) (query) } alt=(text);
                        figcaption { (text) }
                    }
                }
            }
        }
    }
}

/// Before anything is fitted.
fn problems(lesson: &Lesson, t: &Texts) -> Markup {
    let count = lesson.pictures.len();
    let doubtful = lesson
        .pictures
        .iter()
        .filter(|picture| !picture.doubts.is_empty());
    let doubtful = doubtful.count();
    html! {
        ul.problems {
            @if count < lesson.fewest {
                li.warning { (fill(t.too_few, &[("fewest", &lesson.fewest)])) }
            } @else if count < lesson.advised {
                li { (fill(t.more_advised, &[("advised", &lesson.advised)])) }
            }
            @if lesson.looked_at < count {
                li { (fill(t.looking_at, &[("done", &lesson.looked_at), ("all", &count)])) }
            } @else if doubtful > 0 {
                li.warning { (fill(t.doubtful, &[("n", &doubtful)])) }
            } @else {
                li { (t.all_well) }
            }
        }
    }
}

fn gallery(visit: &Visit, recipe: &str, lesson: &Lesson) -> Markup {
    let t = visit.texts();
    // Those that came last are wanted first.
    let mut pictures: Vec<_> = lesson.pictures.iter().enumerate().rev().collect();
    pictures.sort_by_key(|(_, picture)| picture.doubts.is_empty());
    html! {
        ul.gallery.small {
            @for (place, picture) in pictures.iter().take(SHOWN) {
                li { (tile(visit, recipe, place + 1, picture)) }
            }
        }
        @if let Some(more) = pictures.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            p.hint { (fill(t.and_more, &[("n", &more)])) }
        }
    }
}

fn tile(visit: &Visit, recipe: &str, number: usize, picture: &LessonPicture) -> Markup {
    let t = visit.texts();
    let address = format!("/api/v1/recipes/{recipe}/lesson/pictures/{}", picture.id);
    let name = fill(t.good_picture, &[("n", &number)]);
    html! {
        figure {
            img src=(address) alt=(name) loading="lazy" width="240" height="180";
            figcaption {
                span { (name) }
                @for doubt in &picture.doubts { span.doubt { (told(*doubt, picture, t)) } }
                @if visit.operates() {
                    button type="button" #{ "remove-" (picture.id) } aria-label={ (t.remove) ": " (name) }
                        data-send={ "DELETE " (address) } data-refresh="lesson learning" { (t.remove) }
                }
            }
        }
    }
}

fn told(doubt: Doubt, picture: &LessonPicture, t: &Texts) -> String {
    let [w, h] = picture.size.unwrap_or_default();
    match doubt {
        Doubt::Double { .. } => t.doubt_double.to_owned(),
        Doubt::Blurred => t.doubt_blurred.to_owned(),
        Doubt::Dark => t.doubt_dark.to_owned(),
        Doubt::Bright => t.doubt_bright.to_owned(),
        Doubt::Odd => t.doubt_odd.to_owned(),
        Doubt::Shape => fill(t.doubt_shape, &[("w", &w), ("h", &h)]),
        Doubt::Size => fill(t.doubt_size, &[("w", &w), ("h", &h)]),
    }
}
