//! What is inspected is drawn on the picture: by mouse, by touch, and by keyboard.

use igd_serve::line::Inspected;
use serde_json::json;

use super::accessible::check;
use super::bench::Bench;
use super::screen::{shoot, shoot_contrasts};
use crate::common::browser::Opened;
use crate::common::network::has_weights;

fn inspected(bench: &Bench) -> Inspected {
    bench.line.inspected("plate").unwrap()
}

/// Taps or strokes with a finger, told as shares of an element's width and height.
fn touch(page: &Opened, selector: &str, way: &[[f64; 2]]) {
    let place = page.value(&format!(
        "(() => {{ const one = document.querySelector({}); one.scrollIntoView({{ block: 'center' }}); \
         const at = one.getBoundingClientRect(); return [at.left, at.top, at.width, at.height]; }})()",
        json!(selector)
    ));
    let place: Vec<f64> = serde_json::from_value(place).unwrap();
    for (index, [x, y]) in way.iter().enumerate() {
        let kind = ["touchStart", "touchMove"][index.min(1)];
        let point = json!({"x": place[0] + place[2] * x, "y": place[1] + place[3] * y});
        page.ask(
            "Input.dispatchTouchEvent",
            json!({"type": kind, "touchPoints": [point]}),
        );
    }
    page.ask(
        "Input.dispatchTouchEvent",
        json!({"type": "touchEnd", "touchPoints": []}),
    );
}

#[test]
fn a_region_and_shapes_are_drawn_with_mouse_finger_and_keys() {
    if !has_weights() {
        return;
    }
    let bench = Bench::open("");
    let page = bench.browse("/camera/left", 1280);
    page.until("document.querySelector('.picture').dataset.count > 0");
    page.go(&bench.url("/region/plate"));
    page.until("document.getElementById('region-view').parentElement.dataset.count > 0");

    // By mouse.
    page.drag("#drawing .stage", [0.25, 0.25], [0.75, 0.75]);
    page.click("[data-do=apply]");
    page.until("document.querySelector('[data-do=apply]').disabled");
    let [x, y, w, h] = inspected(&bench).region.unwrap();
    for (found, drawn) in [(x, 96), (y, 96), (w, 192), (h, 192)] {
        assert!(found.abs_diff(drawn) <= 4, "{:?}", inspected(&bench));
    }

    // By finger: a stroke around what is left out, and corners that are tapped.
    page.resize(768, true);
    page.ask(
        "Emulation.setTouchEmulationEnabled",
        json!({"enabled": true}),
    );
    let tool = |value: &str| page.click(&format!("[name=tool][value={value}]"));
    tool("out");
    let around: Vec<_> = (0..=16)
        .map(|step| f64::from(step) * std::f64::consts::TAU / 17.0)
        .map(|angle| [0.5 + 0.1 * angle.cos(), 0.5 + 0.1 * angle.sin()])
        .collect();
    touch(&page, "#pen", &around);
    page.until("document.querySelectorAll('.shapes .out').length === 1");
    tool("in");
    for corner in [[0.45, 0.45], [0.55, 0.45], [0.5, 0.55], [0.45, 0.45]] {
        touch(&page, "#pen", &[corner]);
    }
    page.until("document.querySelectorAll('.shapes .in').length === 1");
    shoot(&page, "region", true);
    shoot_contrasts(&page, "region");
    check(&page, "region");
    page.resize(1280, false);
    page.ask(
        "Emulation.setTouchEmulationEnabled",
        json!({"enabled": false}),
    );

    // By keyboard: a triangle, and the region one step to the right.
    tool("out");
    page.value("document.getElementById('pen').focus()");
    for key in [
        " ",
        "ArrowRight",
        "ArrowRight",
        " ",
        "ArrowDown",
        " ",
        "ArrowUp",
        " ",
        "Backspace",
    ] {
        page.press(key);
    }
    page.press("Enter");
    page.until("document.querySelectorAll('#shapes li button').length === 3");
    tool("region");
    page.value("document.querySelector('.stage .box').focus()");
    page.press("ArrowRight");
    page.click("[data-do=apply]");
    page.until("document.querySelector('[data-do=apply]').disabled");
    let found = inspected(&bench);
    assert!(found.region.unwrap()[0] > x, "{found:?}");
    let kinds: Vec<_> = found
        .shapes
        .iter()
        .map(|shape| (shape.inspect, shape.points.len()))
        .collect();
    assert!(
        matches!(kinds[..], [(false, 8..), (true, 3), (false, 3)]),
        "{found:?}"
    );
    page.until("document.getElementById('region-used').textContent.includes('3 shapes')");
    // Applied as a whole, and back again by one's own choice.
    page.click("#shapes li:first-child button");
    page.until("document.querySelectorAll('#shapes li button').length === 2");
    page.click("[data-do=back]");
    page.until("document.querySelectorAll('#shapes li button').length === 3");
    assert_eq!(page.complaints(), [""; 0]);
}
