//! What a browser makes of names, languages, two at once, and a server that goes away.

use igd_serve::record::Mark;
use serde_json::json;

use super::bench::Bench;
use crate::common::network::has_weights;

#[test]
fn a_mark_that_the_server_could_not_take_is_kept_and_sent_again() {
    if !has_weights() {
        return;
    }
    let mut bench = Bench::open("");
    let page = bench.browse("/", 768);
    page.until("document.querySelector('[data-camera=left] .badge').dataset.verdict");
    // Another one is open at the same time.
    let other = bench.browse("/", 390);
    other.until("document.querySelector('[data-camera=left] .badge').dataset.verdict");

    page.go(&bench.url("/review?tab=good"));
    page.click(".tile");
    page.until("document.getElementById('viewer').open");
    let id = page.value("document.querySelector('.tile').id.slice('part-'.length)");
    let id = id.as_str().unwrap().parse().unwrap();
    bench.cut();
    page.press("b");
    page.until("document.getElementById('viewer-mark').textContent.startsWith('Not stored yet')");
    page.until("!document.getElementById('waiting').hidden");
    assert_eq!(bench.line.store().part(id).unwrap().unwrap().mark, None);
    other.until("!document.getElementById('unreachable').hidden");

    bench.serve();
    page.until("document.getElementById('viewer-mark').textContent.startsWith('Stored')");
    page.until("document.getElementById('waiting').hidden");
    let mark = bench.line.store().part(id).unwrap().unwrap().mark.unwrap();
    assert_eq!(mark.mark, Mark::Bad);
    other.until("document.getElementById('unreachable').hidden");
}

#[test]
fn a_language_that_is_chosen_stays() {
    if !has_weights() {
        return;
    }
    let bench = Bench::open("");
    let page = bench.browse("/review?tab=near&camera=left", 390);
    page.click(".languages [lang=de]");
    page.until("document.documentElement.lang === 'de' && document.querySelector('h1').textContent === 'Prüfen'");
    assert_eq!(page.value("location.search"), "?tab=near&camera=left");
    page.go(&bench.url("/events"));
    assert_eq!(
        page.value("document.querySelector('h1').textContent"),
        "Ereignisse"
    );
    page.go(&bench.url("/nowhere"));
    page.go(&bench.url("/camera/nowhere"));
    let status = page.value("fetch(location.href).then(answer => answer.status)");
    assert_eq!(status, json!(404));
}

#[test]
fn all_is_reached_by_keyboard() {
    if !has_weights() {
        return;
    }
    let bench = Bench::open("");
    let page = bench.browse("/", 1280);
    page.press("Tab");
    assert_eq!(page.value("document.activeElement.className"), "skip");
    page.press("Enter");
    page.until("document.activeElement.id === 'content'");
    page.until("document.querySelector('[data-camera=left] .badge').dataset.verdict");
    // The second is by request: trigger, then pause.
    page.value("document.querySelector('[data-camera=right] [data-send$=trigger]').focus()");
    page.press("Tab");
    assert_eq!(page.value("document.activeElement.id"), "pause-right");
    page.press("Enter");
    page.until("document.querySelector('#state-right[data-state=paused]')");
    // What was replaced has the focus still.
    page.until("document.activeElement.id === 'pause-right'");
    assert_eq!(page.value("document.activeElement.textContent"), "Resume");
    let outline = "parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2";
    assert_eq!(page.value(outline), true);
    assert_eq!(page.complaints(), [""; 0]);
}
