//! From the first verdict to a better model and back, as an operator goes about it.

use std::thread;
use std::time::{Duration, Instant};

use igd_serve::record::{Mark, Verdict};
use igd_serve::store::Part;
use serde_json::json;

use super::accessible::check;
use super::bench::{Bench, DEFECTIVE, ORDINARY, Plate, UNUSUAL};
use super::screen::{shoot, shoot_contrasts};
use crate::common::browser::Opened;
use crate::common::network::has_weights;

#[test]
#[ignore = "long, half a minute; .ci/run runs it"]
fn an_operator_sees_a_mistake_says_so_and_has_it_not_happen_again() {
    if !has_weights() {
        return;
    }
    let bench = Bench::open("");
    let page = bench.browse("/", 1280);
    sees_verdicts(&bench, &page);
    let parts = lets_all_plates_pass(&bench, &page);
    marks(&bench, &page, &parts);
    refits(&bench, &page);
    moves_the_threshold(&bench, &page);
    rolls_back(&bench, &page);
    page.go(&bench.url("/events"));
    for kind in ["version", "threshold"] {
        page.until(&format!(
            "document.querySelector('.events [data-kind={kind}]')"
        ));
    }
    shoot(&page, "events", true);
    check(&page, "events");
    assert_eq!(page.complaints(), [""; 0]);
}

/// Of the first camera, and of the second one when it is asked.
fn sees_verdicts(bench: &Bench, page: &Opened) {
    for shown in [
        ".badge').dataset.verdict",
        ".picture').dataset.count > 3",
        ".curve polyline').points.length > 3",
        ".counts dd').textContent !== '0'",
        ".state[data-state=running]')",
    ] {
        page.until(&format!(
            "document.querySelector('[data-camera=left] {shown}"
        ));
    }
    assert_eq!(
        page.value("document.querySelector('[data-camera=right] .badge').dataset.verdict"),
        ""
    );
    page.until("document.querySelector('[data-camera=right] .state[data-state=running]')");
    page.click("[data-camera=right] [data-send$=trigger]");
    page.until("document.querySelector('[data-camera=right] .badge').dataset.verdict");
    page.until("document.getElementById('announcer').textContent");
    shoot(page, "live", true);
    shoot_contrasts(page, "live");
    check(page, "live");

    page.go(&bench.url("/camera/left"));
    page.until("document.querySelector('.picture canvas').width > 300");
    shoot(page, "camera", true);

    page.go(&bench.url("/"));
    page.value("document.querySelector('#recipe-right').value = 'plate'");
    page.click("[data-camera=right] .product button");
    page.until("document.querySelector('#state-right .recipe').textContent.startsWith('plate')");
}

/// And then holds the camera. Returns a part of each plate.
fn lets_all_plates_pass(bench: &Bench, page: &Opened) -> Vec<(Part, Plate)> {
    let all = ORDINARY + DEFECTIVE + UNUSUAL;
    let deadline = Instant::now() + Duration::from_secs(120);
    while bench.parts().len() < all + 5 {
        assert!(
            Instant::now() < deadline,
            "only {} parts",
            bench.parts().len()
        );
        thread::sleep(Duration::from_millis(100));
    }
    page.click("#pause-left");
    page.until("document.querySelector('#state-left[data-state=paused]')");
    let parts = bench.parts().into_iter().take(all);
    parts
        .map(|part| (bench.plate(&part.record), part))
        .map(|(plate, part)| (part, plate))
        .collect()
}

/// All plates that the model should learn from, by keyboard, and the place of one defect with the mouse.
fn marks(bench: &Bench, page: &Opened, parts: &[(Part, Plate)]) {
    page.go(&bench.url("/review?tab=good"));
    page.until("document.querySelector('.tile')");
    shoot(page, "review", true);
    check(page, "review");
    let mut is_first = true;
    for (part, plate) in parts {
        let (key, mark) = match plate {
            Plate::Ordinary => continue,
            Plate::Defective => ("b", Mark::Bad),
            Plate::Unusual => ("g", Mark::Good),
        };
        open(bench, page, part);
        page.press(key);
        page.until("document.getElementById('viewer-mark').textContent.startsWith('Stored')");
        let stored = || {
            bench
                .line
                .store()
                .part(part.record.id)
                .unwrap()
                .unwrap()
                .mark
                .unwrap()
        };
        assert_eq!((stored().mark, stored().area), (mark, None));
        if is_first && mark == Mark::Bad {
            is_first = false;
            page.until("document.querySelector('canvas.map').width > 0");
            page.drag(".stage", [0.25, 0.25], [0.5, 0.75]);
            page.until("!document.querySelector('.stage .box').hidden");
            page.until("document.getElementById('viewer-mark').textContent.startsWith('Stored')");
            let area = stored().area.expect("a box");
            for (found, drawn) in area.into_iter().zip([0.25, 0.25, 0.25, 0.5]) {
                assert!((found - drawn).abs() < 0.02, "{area:?}");
            }
            shoot(page, "part", false);
            shoot_contrasts(page, "part");
            check(page, "part");
        }
    }
    let marked = bench.line.store().marked("plate").unwrap();
    assert_eq!(marked.len(), DEFECTIVE + UNUSUAL);
}

/// In the gallery, of which it is the first.
fn open(bench: &Bench, page: &Opened, part: &Part) {
    let tab = match part.record.verdict {
        Verdict::Bad => "bad",
        _ => "good",
    };
    let id = part.record.id;
    page.go(&bench.url(&format!("/review?tab={tab}&before={}", part.seq + 1)));
    page.click(&format!("#part-{id}"));
    page.until("document.getElementById('viewer').open");
}

fn refits(bench: &Bench, page: &Opened) {
    page.go(&bench.url("/improve"));
    let text = page.value("document.getElementById('refit').textContent");
    let text = text.as_str().unwrap();
    assert!(
        text.contains(&format!("{DEFECTIVE} bad and {UNUSUAL} good")),
        "{text}"
    );
    page.click("#begin-refit");
    page.until("document.querySelector('#refit .outcome')");
    let outcome = page.value("document.querySelector('#refit .outcome').textContent");
    assert!(
        page.value("Boolean(document.getElementById('accept-refit'))") == true,
        "{outcome}"
    );
    shoot(page, "improve", true);
    check(page, "improve");
    page.click("#accept-refit");
    page.until("document.querySelector('.versions .active th').textContent === '2'");
    let active = bench.line.recipes().unwrap();
    let plate = active.iter().find(|recipe| recipe.name == "plate").unwrap();
    assert_eq!(plate.versions.len(), 2);
}

fn threshold(bench: &Bench) -> Option<f32> {
    let recipes = bench.line.recipes().unwrap();
    let plate = recipes
        .into_iter()
        .find(|recipe| recipe.name == "plate")
        .unwrap();
    let active = plate.versions.into_iter().find(|version| version.active);
    active.unwrap().threshold
}

fn moves_the_threshold(bench: &Bench, page: &Opened) {
    page.go(&bench.url("/threshold/plate"));
    page.until("document.getElementById('alarms').textContent.includes('of ')");
    let before = page.value("document.getElementById('chosen').textContent");
    assert_eq!(
        page.value("document.querySelector('[data-do=apply]').disabled"),
        true
    );
    page.value("document.getElementById('line').focus()");
    for _ in 0..20 {
        page.press("ArrowLeft");
    }
    page.until(&format!(
        "document.getElementById('chosen').textContent !== {before}"
    ));
    shoot(page, "threshold", true);
    shoot_contrasts(page, "threshold");
    check(page, "threshold");
    let in_use = page.value("document.getElementById('in-use').textContent");
    page.click("[data-do=apply]");
    page.until(&format!(
        "document.getElementById('in-use').textContent !== {}",
        json!(in_use)
    ));
    assert!(threshold(bench).is_some());
    page.click("[data-do=undo]");
    page.until(&format!(
        "document.getElementById('in-use').textContent === {}",
        json!(in_use)
    ));
}

fn rolls_back(bench: &Bench, page: &Opened) {
    page.go(&bench.url("/improve/plate"));
    page.click("#use-1");
    page.until("document.querySelector('.versions .active th').textContent === '1'");
    let recipes = bench.line.recipes().unwrap();
    let plate = recipes
        .iter()
        .find(|recipe| recipe.name == "plate")
        .unwrap();
    assert_eq!(
        plate
            .versions
            .iter()
            .find(|version| version.active)
            .unwrap()
            .number,
        1
    );
}
