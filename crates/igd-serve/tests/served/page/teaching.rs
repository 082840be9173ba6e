//! A product is taught at the page.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;

use super::accessible::check;
use super::bench::{Bench, Plate, picture};
use super::screen::shoot;
use crate::common::browser::Opened;
use crate::common::network::has_weights;

/// Has a user choose files.
fn choose(page: &Opened, input: &str, files: &[PathBuf]) {
    let expression = format!("document.getElementById('{input}')");
    let found = page.ask("Runtime.evaluate", json!({"expression": expression}));
    let object = &found["result"]["objectId"];
    page.ask(
        "DOM.setFileInputFiles",
        json!({"files": files, "objectId": object}),
    );
}

/// Good plates, and one file that is no picture.
fn files(count: usize) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<_> = (400..400 + count)
        .map(|number| {
            let file = folder.path().join(format!("{number}.png"));
            picture(number, Plate::Ordinary).save(&file).unwrap();
            file
        })
        .collect();
    let none = folder.path().join("<b>none.png");
    fs::write(&none, "no picture").unwrap();
    files.insert(1, none);
    (folder, files)
}

#[test]
fn a_new_product_is_taught_from_files_and_the_camera_and_judges_then() {
    if !has_weights() {
        return;
    }
    let bench = Bench::open("");
    let page = bench.browse("/teach", 1280);
    page.until("document.getElementById('camera-view').parentElement.dataset.count > 0");
    page.click(".products summary");
    page.value("document.getElementById('new-name').value = 'cover'");
    page.click("#make-recipe button");
    page.until("location.pathname === '/teach/cover' && document.getElementById('collect-from')");
    page.value("document.getElementById('collect-from').value = 'left'");
    page.click("#collect button");
    page.until("document.querySelector('#collecting strong')?.textContent.match(/[1-9] taken/)");
    page.click("#stop-collecting");
    page.until(
        "!document.getElementById('stop-collecting') && document.querySelector('#lesson figure')",
    );

    let (_folder, files) = files(10);
    choose(&page, "files", &files);
    page.until("document.getElementById('sent-all').textContent.startsWith('10 ')");
    let told = page.value("document.getElementById('not-taken').textContent");
    let told = told.as_str().unwrap();
    assert!(
        told.contains("<b>none.png: no PNG, JPEG, BMP or TIFF"),
        "{told}"
    );
    page.until("document.querySelectorAll('#lesson .common img').length === 2");
    page.until("[...document.querySelectorAll('#lesson .common img')].every(image => image.complete && image.naturalWidth > 100)");
    let pictures = bench.line.lesson("cover").unwrap().pictures;
    page.click(&format!("#remove-{}", pictures.last().unwrap().id));
    page.until(&format!(
        "document.querySelectorAll('#lesson .gallery figure').length === {}",
        pictures.len() - 1
    ));
    shoot(&page, "teach", true);
    check(&page, "teach");

    page.click("#begin-fit");
    page.until("document.getElementById('accept-fit')");
    shoot(&page, "taught", true);
    check(&page, "taught");
    page.click("#accept-fit");
    page.until("document.getElementById('begin-fit') && document.getElementById('judges').textContent.includes('version 1')");
    page.go(&bench.url("/"));
    page.until("document.querySelector('[data-camera=left] .badge').dataset.verdict");
    page.value("document.querySelector('#recipe-left').value = 'cover'");
    page.click("[data-camera=left] .product button");
    page.until("document.querySelector('#state-left .recipe').textContent === 'cover, version 1'");
    assert_eq!(
        page.complaints()
            .iter()
            .filter(|said| !said.contains("422"))
            .count(),
        0
    );
}
