//! Who may do what, at a line with tokens.

use super::accessible::check;
use super::bench::Bench;
use super::screen::shoot;
use crate::common::network::has_weights;
use crate::http::served::{OPERATE, READ, tokens};

#[test]
fn a_token_is_shown_once() {
    if !has_weights() {
        return;
    }
    let bench = Bench::open(&tokens());
    let page = bench.browse("/review", 1280);
    assert_eq!(page.value("location.pathname"), "/login");
    shoot(&page, "login", true);
    check(&page, "login");
    let sign_in = |token: &str| {
        page.value(&format!(
            "document.getElementById('token').value = '{token}'"
        ));
        page.click("button.main");
    };
    sign_in("something else");
    page.until("document.querySelector('.error')?.textContent");
    sign_in(READ);
    page.until("location.pathname === '/' && document.querySelector('[data-camera=left]')");
    assert_eq!(
        page.value("document.querySelectorAll('main button').length"),
        0
    );

    // While pictures are on their way, which nobody may see any more.
    page.until("document.querySelector('[data-camera=left] .picture').dataset.count > 3");
    page.click(".account button");
    page.until("location.pathname === '/login' && document.getElementById('token')");
    sign_in(OPERATE);
    page.until("document.querySelector('[data-camera=left] .picture').dataset.count");
    page.click("#pause-left");
    page.until("document.querySelector('#state-left[data-state=paused]')");
    assert_eq!(page.complaints(), [""; 0]);
}
