//! How much, how slow and how many.

use std::io::{ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::json;

use super::client::{Ask, PATIENCE, dial, until};
use super::served::{BLACK, Served};

#[test]
fn a_body_of_more_than_64_kb_is_refused() {
    let served = Served::open();
    let pause = |spaces: usize| {
        let body = json!({ "paused": false }).to_string() + &" ".repeat(spaces);
        let ask = Ask::change("POST", "/api/v1/cameras/left/pause");
        ask.body("application/json", body).send(served.address)
    };
    assert_eq!(pause(60_000).status, 200);
    let answer = pause(70_000);
    assert_eq!(answer.status, 413);
    answer.error();
    let chunked =
        Ask::change("POST", "/api/v1/cameras/left/pause").header("Transfer-Encoding", "chunked");
    let mut connection = chunked
        .header("Content-Type", "application/json")
        .begin(served.address);
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    for _ in 0..3 {
        let _ = connection.0.get_mut().write_all(chunk.as_bytes());
    }
    assert_eq!(connection.head().status, 413);
}

#[test]
fn headers_without_end_are_refused() {
    let served = Served::open();
    let answer = Ask::get("/healthz")
        .header("X-Long", &"a".repeat(64 << 10))
        .send(served.address);
    assert_eq!(answer.status, 431);
    let many = (0..200).fold(Ask::get("/healthz"), |ask, number| {
        ask.header(&format!("X-{number}"), "1")
    });
    assert_eq!(many.send(served.address).status, 431);
}

#[test]
fn who_never_ends_a_request_is_hung_up_on() {
    let served = Served::open();
    let mut half = dial(Ipv4Addr::LOCALHOST, served.address).unwrap();
    half.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        .unwrap();
    let mut silent = dial(Ipv4Addr::LOCALHOST, served.address).unwrap();
    // A connection that is kept, but not used.
    let mut kept = dial(Ipv4Addr::LOCALHOST, served.address).unwrap();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    for (connection, start) in [
        (&mut half, ""),
        (&mut silent, ""),
        (&mut kept, "HTTP/1.1 200 OK"),
    ] {
        let mut answer = String::new();
        connection
            .read_to_string(&mut answer)
            .expect("an end within a minute");
        assert!(answer.starts_with(start), "{answer}");
    }
}

#[test]
#[ignore = "waits half a minute"]
fn who_never_ends_a_body_is_told_so() {
    let served = Served::open();
    let ask = Ask::change("POST", "/api/v1/cameras/left/pause")
        .header("Content-Type", "application/json");
    let mut connection = ask.header("Content-Length", "16").begin(served.address);
    connection.0.get_mut().write_all(b"{").unwrap();
    assert_eq!(connection.head().status, 408);
}

#[test]
fn no_more_than_256_connections_are_open() {
    let served = Served::open();
    let dial = || dial(Ipv4Addr::LOCALHOST, served.address).unwrap();
    let mut silent: Vec<_> = (0..256).map(|_| dial()).collect();
    let mut next = dial();
    next.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    next.set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let mut start = [0; 15];
    assert_eq!(
        next.read(&mut start).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    silent.pop();
    next.set_read_timeout(Some(PATIENCE)).unwrap();
    next.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");
}

#[test]
fn streams_have_places_that_are_given_back() {
    let served = Served::open();
    for (path, places) in [
        ("/api/v1/cameras/left/live.mjpeg", 32),
        ("/api/v1/events/stream", 64),
    ] {
        let open = || {
            let mut stream = Ask::get(path).begin(served.address);
            let head = stream.head();
            (head.status == 200).then_some(stream).ok_or(head)
        };
        let mut streams: Vec<_> = (0..places)
            .map(|_| open().unwrap_or_else(|head| panic!("{head:?}")))
            .collect();
        assert_eq!(open().err().unwrap().status, 503, "{path}");
        // One client goes; the server finds out.
        streams.pop();
        until("a place is free again", || open().ok());
    }
}

#[test]
fn clients_that_go_while_nothing_is_sent_leave_their_places() {
    // A camera that gives one frame, so that nothing can be written to a client.
    let served = Served::start("", BLACK);
    until("the line is ready", || {
        (served.get("/readyz") == 200).then_some(())
    });
    let pause = Ask::change("POST", "/api/v1/cameras/left/pause").json(&json!({ "paused": true }));
    assert_eq!(pause.send(served.address).status, 200);
    let live = || Ask::get("/api/v1/cameras/left/live.mjpeg").begin(served.address);
    for _ in 0..3 {
        let mut streams: Vec<_> = (0..32).map(|_| live()).collect();
        until("all places are taken by those that watch", || {
            let statuses: Vec<_> = streams
                .iter_mut()
                .map(|stream| stream.head().status)
                .collect();
            if statuses.iter().all(|status| *status == 200) {
                return Some(());
            }
            streams.clear();
            streams.extend((0..32).map(|_| live()));
            None
        });
    }
}
