//! What a browser offers to show.

use std::net::IpAddr;

use gst_sdp::{SDPMediaRef, SDPMessage};

/// The one codec that is sent: all browsers know it.
const CODEC: &str = "VP8/90000";

/// It shows one video, and sends nothing.
#[derive(Debug)]
pub(super) struct Offer {
    /// What it says.
    pub description: SDPMessage,
    /// The number that it gives to packets of the codec.
    pub payload: i32,
}

impl Offer {
    /// `from` is where the request came from. The error tells what is wrong with the text.
    pub fn read(text: &str, from: IpAddr) -> Result<Self, String> {
        // The parser takes nothing for a mistake of the program.
        let text = Some(reached_at(text, from)).filter(|text| !text.is_empty());
        let description = text.and_then(|text| SDPMessage::parse_buffer(text.as_bytes()).ok());
        let description = description.ok_or("the offer is no session description (SDP)")?;
        let mut media = description.medias();
        let (Some(video), None) = (media.next(), media.next()) else {
            return Err("the offer has to have one video, and nothing beside it".into());
        };
        if video.media() != Some("video") || video.attribute_val("recvonly").is_none() {
            return Err("the offer has to have one video that is received (recvonly)".into());
        }
        let payload = payload(video).ok_or("the offer has no VP8, and nothing else is sent")?;
        drop(media);
        Ok(Self {
            description,
            payload,
        })
    }
}

fn payload(video: &SDPMediaRef) -> Option<i32> {
    let mut attributes = video.attributes();
    attributes.find_map(|attribute| {
        let (number, codec) = attribute.value()?.split_once(' ')?;
        let is_ours = attribute.key() == "rtpmap" && codec.eq_ignore_ascii_case(CODEC);
        is_ours.then(|| number.parse().ok())?
    })
}

/// Packets are sent to whoever asks, and to nobody else that an offer may name: each of its candidates gets the address
/// that the request came from. A browser hides its own behind a name that only its own network can look up.
fn reached_at(text: &str, from: IpAddr) -> String {
    let lines = text.lines().filter_map(|line| {
        if !line.starts_with("a=candidate:") {
            return Some(line.to_owned());
        }
        let mut words: Vec<_> = line.split_whitespace().collect();
        let from = from.to_canonical().to_string();
        let is_host = words.get(2)?.eq_ignore_ascii_case("udp") && *words.get(7)? == "host";
        *words.get_mut(4)? = &from;
        is_host.then(|| words.join(" "))
    });
    lines.map(|line| line + "\r\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n\
                         c=IN IP4 0.0.0.0\r\n\
                         a=candidate:1 1 udp 2113937151 4a8f.local 50000 typ host generation 0\r\n\
                         a=candidate:2 1 tcp 1518280447 10.1.2.3 9 typ host tcptype active\r\n\
                         a=candidate:3 1 udp 1677729535 192.0.2.9 50001 typ srflx raddr 0.0.0.0 rport 0\r\n\
                         a=candidate:4\r\n\
                         a=recvonly\r\na=rtpmap:97 H264/90000\r\na=rtpmap:96 VP8/90000\r\n";

    fn read(text: &str) -> Result<Offer, String> {
        gst::init().unwrap();
        Offer::read(text, [10, 0, 0, 7].into())
    }

    #[test]
    fn packets_go_to_whoever_asks_alone() {
        let offer = read(OFFER).unwrap();
        assert_eq!(offer.payload, 96);
        let media = offer.description.medias().next().unwrap().to_owned();
        let candidates = media.attributes().filter(|one| one.key() == "candidate");
        let candidates: Vec<_> = candidates.map(|one| one.value().unwrap()).collect();
        assert_eq!(
            candidates,
            ["1 1 udp 2113937151 10.0.0.7 50000 typ host generation 0"]
        );
    }

    #[test]
    fn what_cannot_be_shown_is_refused() {
        for (text, error) in [
            (OFFER.replace("recvonly", "sendrecv"), "received"),
            (OFFER.replace("m=video", "m=audio"), "received"),
            (OFFER.replace("VP8", "VP9"), "VP8"),
            (OFFER.to_owned() + "m=audio 9 RTP/AVP 0\r\n", "one video"),
            (String::new(), "SDP"),
            ("{}".into(), "one video"),
        ] {
            let found = read(&text).unwrap_err();
            assert!(found.contains(error), "{text}: {found}");
        }
    }
}
