//! Cameras as a browser shows them: by WebRTC where that comes, as pictures else.

use serde_json::json;

use crate::common::alone::alone;
use crate::common::browser::Opened;
use crate::http::client::{Ask, until};
use crate::http::served::Served;

fn page(served: &Served) -> Opened {
    Opened::new(&format!("http://{}/", served.address), 1280, false)
}

/// One more picture comes, and that is how they come.
fn goes_on(page: &Opened, title: &str) {
    let count = page.until("document.querySelector('.picture').dataset.count");
    page.until(&format!(
        "document.querySelector('.picture').dataset.count > {count}"
    ));
    assert_eq!(
        page.value("document.querySelector('.picture').title"),
        title
    );
}

/// Of 32 places for those who watch, whether all are free.
fn is_nobody_watching(served: &Served) -> bool {
    let streams: Vec<_> = (0..32)
        .map(|_| {
            let mut stream = Ask::get("/api/v1/cameras/left/live.mjpeg").begin(served.address);
            (stream.head().status == 200).then_some(stream)
        })
        .collect();
    streams.iter().all(Option::is_some)
}

#[test]
fn a_camera_is_watched_as_video_until_the_page_is_left() {
    let served = Served::open();
    let page = page(&served);
    page.until("!document.querySelector('.picture video').hidden");
    let size = page.value("(({ videoWidth, videoHeight }) => [videoWidth, videoHeight])(document.querySelector('video'))");
    assert_eq!(size, json!([64, 64]));
    let time = page.value("document.querySelector('video').currentTime");
    page.until(&format!(
        "document.querySelector('video').currentTime > {time}"
    ));
    goes_on(&page, "Live as video (WebRTC)");
    assert!(!is_nobody_watching(&served));

    // What is paused stays in view.
    page.click("#pause-left");
    page.until("document.querySelector('#state-left[data-state=paused]')");
    assert_eq!(page.value("document.querySelector('video').hidden"), false);

    page.go(&format!("http://{}/events", served.address));
    until("the place is given back", || {
        is_nobody_watching(&served).then_some(())
    });
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn a_network_that_lets_no_video_through_leaves_pictures() {
    let served = Served::open();
    let page = page(&served);
    let relayed = "window.RTCPeerConnection = class extends RTCPeerConnection { \
                   constructor() { super({ iceTransportPolicy: 'relay' }); } \
                   close() { super.close(); document.body.dataset.closed = true; } }";
    page.ask(
        "Page.addScriptToEvaluateOnNewDocument",
        json!({ "source": relayed }),
    );
    page.go(&format!("http://{}/", served.address));
    page.until("document.body.dataset.closed");
    assert_eq!(page.value("document.querySelector('video').hidden"), true);
    goes_on(&page, "Live as single pictures (JPEG)");
    until("the place is given back", || {
        is_nobody_watching(&served).then_some(())
    });
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn a_machine_without_the_elements_shows_pictures() {
    alone(
        "page::watching::a_machine_without_the_elements_shows_pictures",
        || {
            gst::init().unwrap();
            let webrtc = gst::ElementFactory::find("webrtcbin").unwrap();
            gst::Registry::get().remove_feature(&webrtc);
            let served = Served::open();
            let page = page(&served);
            page.until("document.querySelector('.picture').dataset.count > 3");
            assert_eq!(page.value("document.querySelector('video')"), json!(null));
            let offered =
                Ask::change("POST", "/api/v1/cameras/left/whep").body("application/sdp", "");
            let answer = offered.send(served.address);
            assert_eq!(answer.status, 503);
            assert!(answer.error().contains("webrtcbin"), "{}", answer.text());
            assert_eq!(page.complaints(), [""; 0]);
        },
    );
}
