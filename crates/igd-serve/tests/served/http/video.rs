//! Video by WebRTC: who is answered, and what.

use super::client::{Answer, Ask};
use super::served::{READ, Served};

const PATH: &str = "/api/v1/cameras/left/whep?width=64";
/// As a browser makes it, whose address is a name that nobody else knows.
const OFFER: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
                     m=video 50000 UDP/TLS/RTP/SAVPF 98\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
                     a=candidate:1 1 udp 2113937151 5a3f.local 50000 typ host generation 0\r\n\
                     a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijklmn\r\na=ice-options:trickle\r\n\
                     a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
                     a=setup:actpass\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:98 VP8/90000\r\n\
                     a=rtcp-fb:98 nack pli\r\n";

fn offer(served: &Served, path: &str, kind: &str, text: &str) -> Answer {
    let ask = Ask::change("POST", path).body(kind, text);
    ask.send(served.address)
}

#[test]
fn an_offer_is_answered_with_video_until_the_session_is_ended() {
    let served = Served::guarded();
    let ask = Ask::new("POST", PATH).bearer(READ);
    let answer = ask.body("application/sdp", OFFER).send(served.address);
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/sdp"));
    let text = answer.text();
    for line in ["a=rtpmap:98 VP8/90000", "a=sendonly", "a=candidate:"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("5a3f.local"), "{text}");
    let session = answer.header("location").unwrap();
    let end = || {
        Ask::new("DELETE", session)
            .bearer(READ)
            .send(served.address)
    };
    assert_eq!(end().status, 204);
    let answer = end();
    assert_eq!(answer.status, 404);
    assert!(answer.error().starts_with("there is no session"));
}

#[test]
fn what_is_no_offer_is_refused() {
    let served = Served::open();
    let sdp = "application/sdp";
    for (path, kind, text, status, error) in [
        (PATH, sdp, "{}".to_owned(), 422, "one video"),
        (PATH, sdp, String::new(), 422, "SDP"),
        (PATH, sdp, OFFER.replace("VP8", "H264"), 422, "VP8"),
        (PATH, sdp, OFFER.replace("a=ice-pwd", "a=x"), 422, "refused"),
        (PATH, "text/plain", OFFER.to_owned(), 415, sdp),
        (
            "/api/v1/cameras/left/whep?width=1",
            sdp,
            OFFER.to_owned(),
            422,
            "width",
        ),
        (
            "/api/v1/cameras/right/whep",
            sdp,
            OFFER.to_owned(),
            404,
            "right",
        ),
    ] {
        let answer = offer(&served, path, kind, &text);
        assert_eq!(answer.status, status, "{path} {text}: {}", answer.text());
        assert!(answer.error().contains(error), "{}", answer.text());
    }
}

#[test]
fn who_watches_takes_one_of_the_places() {
    let served = Served::open();
    let streams: Vec<_> = (0..32)
        .map(|_| {
            let mut stream = Ask::get("/api/v1/cameras/left/live.mjpeg").begin(served.address);
            assert_eq!(stream.head().status, 200);
            stream
        })
        .collect();
    let answer = offer(&served, PATH, "application/sdp", OFFER);
    assert_eq!(answer.status, 503);
    assert!(answer.error().starts_with("too many are watching"));
    drop(streams);
}
