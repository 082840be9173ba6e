//! igdmetaenc's lines on their way to other machines, through GStreamer's own sinks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::thread;

use crate::common::alone::alone;
use crate::element::results::{leave_on_frames_of, result};
use crate::element::{PATIENCE, init};
use gst::prelude::*;
use serde_json::Value;

/// A camera whose frames have results, and lines of them to `sink`.
fn camera(frames: u32, sink: &str) -> gst::Pipeline {
    init();
    let pipeline = gst::parse::launch(&format!(
        "videotestsrc name=source is-live=true num-buffers={frames} ! video/x-raw,width=64,height=48,framerate=20/1 \
         ! igdmetaenc ! {sink}"
    ));
    let pipeline = pipeline.unwrap().downcast::<gst::Pipeline>().unwrap();
    leave_on_frames_of(&pipeline.by_name("source").unwrap(), result(0.75));
    pipeline
}

fn frame(line: &str) -> u64 {
    let line: Value = serde_json::from_str(line).unwrap();
    line["frame"].as_u64().unwrap()
}

#[test]
fn whoever_connects_reads_lines() {
    let pipeline = camera(1000, "tcpserversink name=sink host=127.0.0.1 port=0");
    pipeline.set_state(gst::State::Playing).unwrap();
    pipeline.state(PATIENCE).0.unwrap();
    let sink = pipeline.by_name("sink").unwrap();
    let port: i32 = sink.property("current-port");
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let reader = TcpStream::connect(("127.0.0.1", port as u16)).unwrap();
            reader.set_read_timeout(Some(PATIENCE.into())).unwrap();
            let lines = BufReader::new(reader).lines().take(5);
            lines.map(|line| frame(&line.unwrap())).collect::<Vec<_>>()
        })
        .collect();
    pipeline.set_state(gst::State::Null).unwrap();
    for frames in readers {
        let first = frames[0];
        assert_eq!(frames, (first..first + 5).collect::<Vec<_>>());
    }
}

/// Hands on the bodies of the requests that come over a connection.
fn serve(mut connection: TcpStream, bodies: &Sender<String>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        assert!(head.starts_with("PUT /lines "), "{head}");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        bodies.send(String::from_utf8(body).unwrap()).unwrap();
        connection
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
    }
}

/// In a process of its own, in which a critical warning ends nothing: GStreamer 1.22's sink lets go of its session,
/// while it stops, under the thread that has just sent with it.
#[test]
fn a_web_server_is_sent_lines() {
    alone("line_sinks::a_web_server_is_sent_lines", || {
        init();
        glib::log_set_always_fatal(glib::LogLevels::LEVEL_ERROR);
        send_to_a_web_server();
    });
}

fn send_to_a_web_server() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let (sender, bodies) = mpsc::channel();
    thread::spawn(move || {
        for connection in server.incoming() {
            let sender = sender.clone();
            thread::spawn(move || serve(connection.unwrap(), &sender));
        }
    });
    let pipeline = camera(
        5,
        &format!("souphttpclientsink location=http://{address}/lines"),
    );
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut frames = Vec::new();
    while frames.len() < 5 {
        let body: String = bodies.recv_timeout(PATIENCE.into()).unwrap();
        frames.extend(body.lines().map(frame));
    }
    // Not before: GStreamer 1.22's sink may send while it stops, without the session that it has let go by then.
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(frames, [0, 1, 2, 3, 4]);
}
