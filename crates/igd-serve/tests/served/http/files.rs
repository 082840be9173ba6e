//! Nothing but what the store names is read.

use std::fs;
use std::os::unix::fs::symlink;

use igd_serve::store::PictureKind;

use super::client::Ask;
use super::served::Served;

const SECRET: &str = "nobody reads this";

#[test]
fn the_pictures_of_a_part_are_kept_by_browsers() {
    let served = Served::open();
    let part = served.add_part();
    for (name, kind, start) in [
        ("frame.jpg", "image/jpeg", &b"\xff\xd8\xff"[..]),
        ("seen.png", "image/png", b"\x89PNG"),
        ("map.png", "image/png", b"\x89PNG"),
    ] {
        let answer = Ask::get(&format!("/api/v1/parts/{part}/{name}")).send(served.address);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some(kind))
        );
        assert_eq!(
            answer.header("cache-control"),
            Some("private, max-age=31536000, immutable")
        );
        assert!(answer.body.starts_with(start));
        image::load_from_memory(&answer.body).unwrap();
    }
}

#[test]
fn no_address_leads_out_of_the_folder() {
    let served = Served::open();
    let part = served.add_part();
    let secret = served.folder().join("secret.jpg");
    fs::write(&secret, SECRET).unwrap();
    fs::write(served.folder().join("line/secret.jpg"), SECRET).unwrap();
    let absolute = secret.to_str().unwrap().replace('/', "%2F");
    let ids = [
        "..",
        "%2e%2e",
        "..%2f..",
        "..%2f..%2fsecret",
        "....//",
        "%00",
        "..%5c..",
        "%252e%252e%252f",
        &absolute,
        "-",
        "",
    ];
    let mut paths: Vec<String> = Vec::new();
    for id in ids {
        for name in [
            "frame.jpg",
            "secret.jpg",
            "..%2fsecret.jpg",
            "../secret.jpg",
            "frame.jpg%00",
            "frame.jpg/..",
        ] {
            paths.push(format!("/api/v1/parts/{id}/{name}"));
        }
        paths.push(format!("/api/v1/parts/{id}"));
        paths.push(format!("/api/v1/cameras/{id}/picture.jpg"));
        paths.push(format!("/api/v1/recipes/{id}"));
        paths.push(format!("/assets/{id}"));
        paths.push(format!("/{id}/secret.jpg"));
    }
    for name in [
        "secret.jpg",
        "..%2f..%2f..%2fsecret.jpg",
        "../../../secret.jpg",
        "frame.jpg/../../secret.jpg",
    ] {
        paths.push(format!("/api/v1/parts/{part}/{name}"));
    }
    paths.push(secret.to_str().unwrap().to_owned());
    paths.push(format!("//{}", secret.display()));
    for path in paths {
        let answer = Ask::get(&path).send(served.address);
        assert!([400, 404].contains(&answer.status), "{path}: {answer:?}");
        assert!(!answer.text().contains(SECRET), "{path}");
    }
}

#[test]
fn a_link_in_a_pictures_place_is_not_followed() {
    let served = Served::open();
    let part = served.add_part();
    let secret = served.folder().join("secret.jpg");
    fs::write(&secret, SECRET).unwrap();
    let frame = served
        .line
        .store()
        .picture(part, PictureKind::Frame)
        .unwrap()
        .unwrap();
    fs::remove_file(&frame).unwrap();
    symlink(&secret, &frame).unwrap();
    let answer = Ask::get(&format!("/api/v1/parts/{part}/frame.jpg")).send(served.address);
    assert!(!answer.text().contains(SECRET));
    assert!(answer.status >= 400, "{answer:?}");
}

#[test]
fn a_picture_that_has_gone_is_told_as_such() {
    let served = Served::open();
    let part = served.add_part();
    let map = served
        .line
        .store()
        .picture(part, PictureKind::Map)
        .unwrap()
        .unwrap();
    fs::remove_file(&map).unwrap();
    let answer = Ask::get(&format!("/api/v1/parts/{part}/map.png")).send(served.address);
    assert_eq!(answer.status, 404);
    assert!(answer.error().contains("no picture is kept"));
}
