//! Other pages in the same browser.

use serde_json::json;

use super::client::{Answer, Ask};
use super::served::{OPERATE, Served};

fn pause(ask: Ask, served: &Served) -> Answer {
    ask.json(&json!({ "paused": false })).send(served.address)
}

const PAUSE: &str = "/api/v1/cameras/left/pause";

#[test]
fn a_change_needs_what_a_foreign_page_cannot_send() {
    let served = Served::open();
    let answer = pause(Ask::new("POST", PAUSE), &served);
    assert_eq!(answer.status, 403);
    assert!(answer.error().contains("X-Igd"));
    assert_eq!(pause(Ask::change("POST", PAUSE), &served).status, 200);
    // A form, as a foreign page can send it without asking.
    let form = Ask::new("POST", PAUSE).body("text/plain", r#"{"paused":true}"#);
    assert_eq!(form.send(served.address).status, 403);
    let form = Ask::change("POST", PAUSE).body("text/plain", r#"{"paused":true}"#);
    assert_eq!(form.send(served.address).status, 415);
}

#[test]
fn a_foreign_origin_is_refused_whatever_it_bears() {
    let served = Served::guarded();
    let ours = format!("http://{}", served.address);
    for origin in [
        "http://evil.example",
        "null",
        "http://localhost",
        "",
        &format!("{ours}0"),
        &format!("{ours}.evil.example"),
    ] {
        let answer = pause(
            Ask::change("POST", PAUSE)
                .bearer(OPERATE)
                .header("Origin", origin),
            &served,
        );
        assert_eq!(answer.status, 403, "{origin}");
        let answer = Ask::get("/api/v1/cameras")
            .bearer(OPERATE)
            .header("Origin", origin)
            .send(served.address);
        assert_eq!(answer.status, 403, "{origin}");
        let login = Ask::new("POST", "/login").header("Origin", origin);
        let login = login.body(
            "application/x-www-form-urlencoded",
            "token=a+token+that+operates",
        );
        assert_eq!(login.send(served.address).status, 403, "{origin}");
    }
    let answer = pause(
        Ask::change("POST", PAUSE)
            .bearer(OPERATE)
            .header("Origin", &ours),
        &served,
    );
    assert_eq!(answer.status, 200);
    let twice = Ask::change("POST", PAUSE)
        .bearer(OPERATE)
        .header("Origin", &ours)
        .header("Origin", "http://evil.example");
    assert_eq!(pause(twice, &served).status, 403);
}

#[test]
fn a_foreign_page_shows_no_pictures_of_ours() {
    let served = Served::open();
    let picture =
        || Ask::get("/api/v1/cameras/left/picture.jpg").header("Sec-Fetch-Site", "cross-site");
    let answer = picture()
        .header("Sec-Fetch-Mode", "no-cors")
        .send(served.address);
    assert_eq!(answer.status, 403);
    // A link is followed.
    let answer = picture()
        .header("Sec-Fetch-Mode", "navigate")
        .send(served.address);
    assert_ne!(answer.status, 403);
    assert_eq!(
        answer.header("cross-origin-resource-policy"),
        Some("same-origin")
    );
}

#[test]
fn a_preflight_is_not_answered() {
    let served = Served::open();
    let ask = Ask::new("OPTIONS", PAUSE).header("Origin", "http://evil.example");
    let answer = ask
        .header("Access-Control-Request-Headers", "x-igd")
        .send(served.address);
    assert_eq!(answer.status, 403);
    assert!(
        answer
            .headers
            .iter()
            .all(|(name, _)| !name.starts_with("access-control"))
    );
}

#[test]
fn a_foreign_name_for_this_machine_is_refused() {
    let served = Served::open();
    let status = |host: &str| {
        Ask::get("/api/v1/cameras")
            .header("Host", host)
            .send(served.address)
            .status
    };
    for host in [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "10.0.0.1",
        "localhost@evil.example",
    ] {
        assert_eq!(status(host), 403, "{host}");
    }
    for host in ["localhost", "LOCALHOST:9000", "127.0.0.1", "[::1]:8080"] {
        assert_eq!(status(host), 200, "{host}");
    }
    for host in ["", "local host", "a\tb"] {
        assert_eq!(status(host), 400, "{host:?}");
    }
    let cameras = || Ask::get("/api/v1/cameras");
    assert_eq!(cameras().without_host().send(served.address).status, 400);
    let two = cameras()
        .header("Host", "localhost")
        .header("Host", "evil.example");
    assert_eq!(two.send(served.address).status, 400);
    let other = Ask::get("http://evil.example/api/v1/cameras").header("Host", "localhost");
    assert_eq!(other.send(served.address).status, 400);
}

#[test]
fn with_tokens_a_server_may_have_any_name() {
    let served = Served::guarded();
    let ask = Ask::get("/api/v1/cameras")
        .header("Host", "line-3.factory.example")
        .bearer(OPERATE);
    assert_eq!(ask.send(served.address).status, 200);
}

#[test]
fn every_answer_says_what_a_browser_may_do_with_it() {
    let served = Served::open();
    let mark = format!("/api/v1/parts/{}/mark", uuid::Uuid::nil());
    for ask in [
        Ask::get("/api/v1/cameras"),
        Ask::get("/api/v1/nothing"),
        Ask::get("/metrics"),
        Ask::get("/healthz"),
        Ask::new("PATCH", "/api/v1/cameras"),
        Ask::change("DELETE", &mark),
        Ask::get("/api/v1/cameras").header("Host", "evil.example"),
    ] {
        let answer = ask.send(served.address);
        for (name, value) in [
            (
                "content-security-policy",
                "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
            ),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{answer:?}");
        }
    }
}
