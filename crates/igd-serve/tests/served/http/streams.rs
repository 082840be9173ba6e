//! Pictures and events as they come.

use std::io::Read;

use serde_json::{Value, json};

use super::client::{Ask, Reader};
use super::served::Served;

/// The next picture of a stream.
fn picture(stream: &mut Reader) -> Vec<u8> {
    assert_eq!(stream.find("Content-Type: "), "image/jpeg");
    let length: usize = stream.find("Content-Length: ").parse().unwrap();
    stream.find("");
    // In one chunk of the transfer: headers and picture are written at once.
    let mut picture = vec![0; length];
    stream.0.read_exact(&mut picture).unwrap();
    // Which a browser waits for before it shows the picture.
    stream.find("--igd-frame");
    picture
}

#[test]
fn a_browser_sees_each_new_frame() {
    let served = Served::open();
    let mut stream = Ask::get("/api/v1/cameras/left/live.mjpeg?width=32&drawn=false&fps=60")
        .begin(served.address);
    let head = stream.head();
    assert_eq!(
        head.header("content-type"),
        Some("multipart/x-mixed-replace; boundary=igd-frame")
    );
    let mut pictures: Vec<_> = (0..3).map(|_| picture(&mut stream)).collect();
    for picture in &pictures {
        let picture = image::load_from_memory(picture).unwrap();
        assert_eq!(picture.width(), 32);
    }
    // The ball moves.
    pictures.dedup();
    assert_eq!(pictures.len(), 3);
}

#[test]
fn one_picture_is_as_wide_as_it_is_wanted() {
    let served = Served::open();
    for (query, width) in [("", 64), ("?width=48", 48), ("?width=32&drawn=true", 32)] {
        let answer =
            Ask::get(&format!("/api/v1/cameras/left/picture.jpg{query}")).send(served.address);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("image/jpeg")),
            "{}",
            answer.text()
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(
            image::load_from_memory(&answer.body).unwrap().width(),
            width
        );
    }
    for (query, status) in [
        ("?width=0", 422),
        ("?width=5000", 422),
        ("?fps=0", 422),
        ("?width=a", 400),
        ("?drawn=2", 400),
    ] {
        let answer =
            Ask::get(&format!("/api/v1/cameras/left/picture.jpg{query}")).send(served.address);
        assert_eq!(answer.status, status, "{query}");
        answer.error();
    }
}

/// The next event of a kind.
fn event(stream: &mut Reader, kind: &str) -> Value {
    loop {
        let found = stream.find("event: ");
        let data = stream.find("data: ");
        if found == kind {
            return serde_json::from_str(&data).unwrap();
        }
    }
}

#[test]
fn what_happens_is_told() {
    let served = Served::open();
    let mut stream = Ask::get("/api/v1/events/stream").begin(served.address);
    assert_eq!(
        stream.head().header("content-type"),
        Some("text/event-stream")
    );
    let camera = event(&mut stream, "camera");
    assert_eq!(
        (&camera["name"], &camera["state"]),
        (&json!("left"), &json!("running"))
    );

    let record = Ask::change("POST", "/api/v1/cameras/left/trigger").send(served.address);
    assert_eq!(record.status, 200, "{}", record.text());
    let part = event(&mut stream, "part");
    assert_eq!(part["id"], record.json()["id"]);
    assert!(part["seq"].as_i64().unwrap() > 0);

    let pause = Ask::change("POST", "/api/v1/cameras/left/pause").json(&json!({ "paused": true }));
    assert_eq!(pause.send(served.address).json()["state"], "paused");
    assert_eq!(event(&mut stream, "camera")["state"], "paused");
}

#[test]
fn a_server_ends_with_its_streams_open() {
    let mut served = Served::open();
    let paths = ["/api/v1/cameras/left/live.mjpeg", "/api/v1/events/stream"];
    let mut streams = paths.map(|path| Ask::get(path).begin(served.address));
    for stream in &mut streams {
        assert_eq!(stream.head().status, 200);
    }
    // And one whose request never ends.
    let _half = super::client::dial(std::net::Ipv4Addr::LOCALHOST, served.address).unwrap();
    served.stop().unwrap();
    for stream in &mut streams {
        let mut rest = Vec::new();
        stream.0.read_to_end(&mut rest).unwrap();
        assert!(rest.ends_with(b"0\r\n\r\n"), "a stream ends as a whole");
    }
    assert!(std::net::TcpStream::connect(served.address).is_err());
}

#[test]
fn who_waits_for_a_verdict_is_told_that_the_line_ends() {
    // No frame ever comes.
    let mut served = Served::start("", "rtsp://127.0.0.1:9/");
    let mut trigger = Ask::change("POST", "/api/v1/cameras/left/trigger").begin(served.address);
    // The server has read it when it has answered others that came later.
    for _ in 0..20 {
        assert_eq!(served.get("/healthz"), 200);
    }
    served.stop().unwrap();
    let status = trigger.head().status;
    assert!([409, 503].contains(&status), "{status}");
}
