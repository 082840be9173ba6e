use std::env;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use igd_serve::command::Command;
use igd_serve::record::Verdict::{Bad, Good, None as Unknown};

use super::broker::Broker;
use super::proxy::Proxy;
use super::{Line, folder, until};
use crate::common::alone::{again, is_alone};

#[test]
fn records_states_and_status_come_by_tls() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let subscriber = broker.subscribe();
    let config = broker.config().replace(
        &format!("mqtt://127.0.0.1:{}", broker.port),
        &format!("mqtts://localhost:{}", broker.tls_port),
    );
    let config = config + "ca = \"ca.pem\"\n";
    let mut line = Line::start(folder.path(), &config);
    until("it is online", || {
        subscriber
            .of("status")
            .iter()
            .any(|status| status.text == "online")
    });
    until("it is connected", || line.status("mqtt").connected);
    let mut parts = line.add("left", &[Good, Bad]);
    parts.extend(line.add("right", &[Unknown]));
    until("all parts are there", || subscriber.parts().len() == 3);
    for (message, part) in subscriber
        .of("left/part")
        .iter()
        .chain(&subscriber.of("right/part"))
        .zip(&parts)
    {
        assert_eq!(message.json(), serde_json::to_value(part).unwrap());
    }
    // A state may be left out where a newer one is there already; the last one is not.
    let last = |camera: &str| {
        subscriber
            .of(&format!("{camera}/state"))
            .last()
            .map(|state| state.json())
    };
    until("the state of the last part", || {
        last("left").is_some_and(|state| state["seq"] == parts[1].seq)
    });
    let state = last("left").unwrap();
    assert_eq!(state["verdict"], "bad");
    assert_eq!(state["recipe"], "nut");
    assert_eq!(state["score"], 1.25);
    assert_eq!(state["normalized"], 0.625);
    assert_eq!(state["id"], parts[1].record.id.to_string());
    line.outputs().recipe("left", "bolt");
    until("its recipe", || {
        last("left").is_some_and(|state| state["recipe"] == "bolt")
    });
    until("all is acknowledged", || line.status("mqtt").waiting == 0);
    assert_eq!(line.status("mqtt").error, None);

    line.stop();
    assert_eq!(broker.retained("igd/hall/status"), "offline");
    let state: serde_json::Value =
        serde_json::from_str(&broker.retained("igd/hall/right/state")).unwrap();
    assert_eq!(state["verdict"], "none");
    assert!(line.events("mqtt").is_empty(), "{:?}", line.events("mqtt"));
}

#[test]
fn a_broker_that_is_not_ours_is_told() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let refused = |config: &str, why: &str| {
        let line = Line::start(&folder.path().join(why.replace(' ', "-")), config);
        until(why, || {
            line.status("mqtt")
                .error
                .is_some_and(|error| error.contains(why))
        });
        assert!(!line.status("mqtt").connected);
        line
    };
    let config =
        |broker: &str, rest: &str| format!("[outputs.mqtt]\nbroker = \"{broker}\"\n{rest}");
    let tls = format!("mqtts://localhost:{}", broker.tls_port);
    // Its authority is none of the system's.
    let first = refused(&config(&tls, ""), "certificate");
    let wrong = folder.path().join("wrong");
    fs::write(&wrong, "something else\n").unwrap();
    let login = format!("user = \"line\"\npassword-file = \"{}\"\n", wrong.display());
    refused(
        &config(&format!("mqtt://localhost:{}", broker.port), &login),
        "user and password",
    );
    refused(
        &config(&format!("mqtt://localhost:{}", super::free_port()), ""),
        "refused",
    );
    let http = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = http.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in http.incoming() {
            // The client may be quicker.
            let _ = stream
                .unwrap()
                .write_all(&[b"HTTP/1.1 400 Bad Request\r\n", [b' '; 200].as_slice()].concat());
        }
    });
    refused(
        &config(&format!("mqtt://localhost:{port}"), ""),
        "this is not MQTT 5",
    );
    until("it is told", || first.events("mqtt") == ["output-lost"]);
}

#[test]
fn files_that_are_not_there_are_told_at_once() {
    let folder = folder();
    let told = |config: &str| {
        Line::open(folder.path(), config)
            .try_outputs()
            .err()
            .unwrap()
    };
    fs::write(folder.path().join("empty"), "\n").unwrap();
    let mqtt = "[outputs.mqtt]\nbroker = \"mqtts://localhost\"\nuser = \"a\"\n";
    for (line, what) in [
        ("password-file = \"missing\"", "missing"),
        ("password-file = \"empty\"", "first line"),
        ("ca = \"missing\"", "missing"),
        ("ca = \"empty\"", "no certificate"),
    ] {
        let error = told(&format!("{mqtt}{line}\n"));
        assert!(
            error.contains("[outputs.mqtt]") && error.contains(what),
            "{error}"
        );
    }
    let webhook = "[[outputs.webhooks]]\nname = \"mes\"\nurl = \"https://localhost/\"\nsecret-file = \"missing\"\n";
    let error = told(webhook);
    assert!(
        error.contains("mes") && error.contains("missing"),
        "{error}"
    );
}

#[test]
fn a_broker_that_was_away_gets_all_in_order() {
    let folder = folder();
    let mut broker = Broker::start(folder.path());
    let subscriber = broker.subscribe();
    let line = Line::start(folder.path(), &broker.config());
    until("it is connected", || line.status("mqtt").connected);
    let mut seqs = Vec::new();
    let mut add = |rounds: u32| {
        for round in 0..rounds {
            let camera = if round % 2 == 0 { "left" } else { "right" };
            seqs.extend(
                line.add(camera, &[Good, Bad, Good])
                    .iter()
                    .map(|part| part.seq),
            );
            thread::sleep(Duration::from_millis(3));
        }
    };
    add(150);
    broker.kill();
    add(500);
    until("the loss is told", || {
        line.events("mqtt") == ["output-lost"]
    });
    assert!(line.status("mqtt").waiting > 0);
    assert!(
        line.status("mqtt")
            .error
            .is_some_and(|error| error.starts_with("mqtt://127.0.0.1"))
    );
    broker.start_again();
    add(150);
    until("all are there", || subscriber.parts().len() == seqs.len());
    assert_eq!(subscriber.parts(), seqs);
    until("nothing waits", || line.status("mqtt").waiting == 0);
    assert_eq!(line.events("mqtt"), ["output-lost", "output-back"]);
    assert_eq!(line.status("mqtt").skipped, 0);
}

#[test]
fn connections_that_break_anywhere_lose_nothing() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let subscriber = broker.subscribe();
    let proxy = Proxy::to(broker.port);
    let line = Line::start(folder.path(), &broker.config_at(proxy.port));
    until("it is connected", || line.status("mqtt").connected);
    let mut seqs = Vec::new();
    for cut in 0..4 {
        for round in 0..40 {
            seqs.extend(line.add("left", &[Bad; 10]).iter().map(|part| part.seq));
            if round == 5 * cut {
                proxy.cut();
            }
        }
        let connections = proxy.connections();
        until("it connects again", || {
            line.status("mqtt").connected && connections > cut && line.status("mqtt").waiting == 0
        });
    }
    until("all are there", || subscriber.parts().len() == seqs.len());
    assert_eq!(subscriber.parts(), seqs);
    assert!(
        proxy.connections() > 4,
        "{} connections",
        proxy.connections()
    );
}

#[test]
#[ignore = "waits until a silent broker is given up, 15 s"]
fn a_broker_that_falls_silent_is_left() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let subscriber = broker.subscribe();
    let proxy = Proxy::to(broker.port);
    let line = Line::start(folder.path(), &broker.config_at(proxy.port));
    until("it is connected", || line.status("mqtt").connected);
    proxy.mute(true);
    let parts = line.add("left", &[Bad; 100]);
    until("it is given up", || {
        line.status("mqtt")
            .error
            .is_some_and(|error| error.contains("not answered"))
    });
    proxy.mute(false);
    until("all are there", || subscriber.parts().len() == parts.len());
    assert!(
        subscriber
            .of("status")
            .iter()
            .any(|status| status.text == "offline"),
        "no last will"
    );
}

/// In a process of its own.
fn until_it_is_killed() -> ! {
    let folder = env::var("IGD_TEST_FOLDER").unwrap();
    let outputs = env::var("IGD_TEST_OUTPUTS").unwrap();
    let line = Line::start(Path::new(&folder), &outputs);
    loop {
        line.add("left", &[Good, Bad]);
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_line_that_is_killed_goes_on_where_it_was() {
    if is_alone() {
        until_it_is_killed();
    }
    let folder = folder();
    let broker = Broker::start(folder.path());
    let subscriber = broker.subscribe();
    for round in 1..=2 {
        let mut line = again("outputs::mqtt::a_line_that_is_killed_goes_on_where_it_was")
            .env("IGD_TEST_FOLDER", folder.path())
            .env("IGD_TEST_OUTPUTS", broker.config())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        until("parts come", || subscriber.parts().len() > round * 300);
        line.kill().unwrap();
        line.wait().unwrap();
        let wills = || {
            subscriber
                .of("status")
                .iter()
                .filter(|status| status.text == "offline")
                .count()
        };
        until("the broker says that it has gone", || wills() == round);
    }
    let line = Line::start(folder.path(), &broker.config());
    until("nothing waits", || {
        line.status("mqtt").waiting == 0 && line.status("mqtt").connected
    });
    let stored: Vec<_> = line
        .store
        .after(0, 100_000)
        .unwrap()
        .iter()
        .map(|part| part.seq)
        .collect();
    until("all are there", || subscriber.parts().len() == stored.len());
    assert_eq!(subscriber.parts(), stored);
}

#[test]
fn triggers_and_recipes_are_obeyed_and_refusals_told() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let subscriber = broker.subscribe();
    // Somebody's mistake of yesterday.
    broker.publish("igd/hall/left/trigger", b"old", true);
    let line = Line::start(folder.path(), &broker.config());
    until("it is connected", || line.status("mqtt").connected);
    let trigger = |camera: &str| Command::Trigger {
        camera: camera.into(),
    };
    let recipe = |camera: &str, recipe: &str| Command::Recipe {
        camera: camera.into(),
        recipe: recipe.into(),
    };
    broker.publish("igd/hall/right/recipe", b" bolt ", false);
    broker.publish("igd/hall/left/trigger", b"", false);
    until("both are told", || line.told.lock().unwrap().len() == 2);
    assert_eq!(
        *line.told.lock().unwrap(),
        [recipe("right", "bolt"), trigger("left")]
    );

    for (topic, payload, retain, why) in [
        (
            "left/recipe",
            &b"screw"[..],
            false,
            "there is no recipe screw",
        ),
        ("left/recipe", b"\xff", false, "UTF-8"),
        ("left/trigger", b"now", true, "retain"),
        ("right/trigger", b"", false, "right is paused"),
        ("middle/trigger", b"", false, "there is no camera middle"),
    ] {
        let refused = topic.split('/').next().unwrap().to_owned() + "/refused";
        let before = subscriber.of(&refused).len();
        broker.publish(&format!("igd/hall/{topic}"), payload, retain);
        until(why, || subscriber.of(&refused).len() > before);
        let message = subscriber.of(&refused).pop().unwrap();
        assert!(message.text.contains(why), "{}", message.text);
        assert!(!message.retained);
    }
    assert_eq!(line.told.lock().unwrap().len(), 2);
    assert_eq!(line.status("mqtt").error, None);
}

#[test]
fn what_may_not_be_written_waits_until_it_may() {
    let folder = folder();
    let list = folder.path().join("list");
    fs::write(
        &list,
        "user line\ntopic read #\ntopic igd/hall/probe\ntopic igd/hall/status\ntopic igd/hall/+/state\n",
    )
    .unwrap();
    let broker = Broker::start_with(folder.path(), &format!("acl_file {}", list.display()));
    let subscriber = broker.subscribe();
    let line = Line::start(folder.path(), &broker.config());
    until("it is connected", || line.status("mqtt").connected);
    let parts = line.add("left", &[Bad; 3]);
    until("it is told", || {
        line.status("mqtt")
            .error
            .is_some_and(|error| error.contains("does not let hall write"))
    });
    until("it is an event", || line.events("mqtt") == ["output-lost"]);
    fs::write(&list, "user line\ntopic #\n").unwrap();
    broker.reload();
    until("all are there", || subscriber.parts().len() == parts.len());
    assert_eq!(line.status("mqtt").skipped, 0);
    until("nothing waits", || line.status("mqtt").connected);
    assert_eq!(line.events("mqtt"), ["output-lost", "output-back"]);
}

#[test]
fn a_record_that_is_too_large_for_the_broker_is_left_out_and_told() {
    let folder = folder();
    let broker = Broker::start_with(folder.path(), "max_packet_size 2000");
    let subscriber = broker.subscribe();
    let line = Line::start(folder.path(), &broker.config());
    until("it is connected", || line.status("mqtt").connected);
    let large = igd_serve::record::Record {
        camera: "left".into(),
        recipe: "nut".into(),
        reason: Some("because ".repeat(300)),
        ..Default::default()
    };
    let before = line.add("left", &[Good; 2]);
    line.outputs()
        .notify(&line.store.add(vec![(large, None)]).unwrap());
    let after = line.add("left", &[Good; 2]);
    let small: Vec<_> = before.iter().chain(&after).map(|part| part.seq).collect();
    until("the others are there", || {
        subscriber.parts().len() == small.len()
    });
    assert_eq!(subscriber.parts(), small);
    until("nothing waits", || line.status("mqtt").waiting == 0);
    assert_eq!(line.status("mqtt").skipped, 1);
    assert_eq!(line.events("mqtt"), ["output-skipped"]);
}

#[test]
fn two_clients_of_one_name_are_told() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let first = Line::start(&folder.path().join("first"), &broker.config());
    until("it is connected", || first.status("mqtt").connected);
    let _second = Line::start(&folder.path().join("second"), &broker.config());
    until("it is told", || {
        first
            .status("mqtt")
            .error
            .is_some_and(|error| error.contains("another client in [outputs.mqtt]"))
    });
}

#[test]
fn a_line_that_ends_delivers_what_it_has() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let subscriber = broker.subscribe();
    let mut line = Line::start(folder.path(), &broker.config());
    until("it is connected", || line.status("mqtt").connected);
    let parts = line.add("left", &[Bad; 40]);
    line.stop();
    until("all are there", || subscriber.parts().len() == parts.len());
    until("it says that it goes", || {
        subscriber
            .of("status")
            .last()
            .is_some_and(|status| status.text == "offline")
    });
    // What is stored while there are no outputs is delivered by the next ones.
    let record = igd_serve::record::Record {
        id: uuid::Uuid::now_v7(),
        ..parts[0].record.clone()
    };
    line.store.add(vec![(record, None)]).unwrap();
    line.outputs = Some(line.try_outputs().unwrap());
    until("the last is there", || {
        subscriber.parts().len() == parts.len() + 1
    });
}
