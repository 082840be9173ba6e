use std::thread;
use std::time::{Duration, Instant};

use igd_serve::record::Verdict::{Bad, Good};

use super::broker::Broker;
use super::proxy::Proxy;
use super::webhook::{self, Server};
use super::{Line, folder, once, until};

/// Eight cameras of 25 frames a second.
const PERIOD: Duration = Duration::from_millis(40);
const PARTS: [igd_serve::record::Verdict; 8] = [Good, Bad, Good, Good, Good, Good, Bad, Good];

#[test]
#[ignore = "cuts the connections to broker and server for a minute at 200 parts a second"]
fn a_minute_without_connections_loses_nothing_and_holds_nothing_up() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let subscriber = broker.subscribe();
    let server = Server::start(|_, _| 200);
    let (to_broker, to_server) = (Proxy::to(broker.port), Proxy::to(server.port));
    let address = format!("http://127.0.0.1:{}/", to_server.port);
    let config = broker.config_at(to_broker.port) + &webhook::config(&address, "");
    let line = Line::start(folder.path(), &config);
    until("it is connected", || line.status("mqtt").connected);

    let mut seqs = Vec::new();
    let mut longest = Duration::ZERO;
    let mut work = |duration: u64| {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(duration) {
            let parts = line.store_parts("left", &PARTS);
            let told = Instant::now();
            line.outputs().notify(&parts);
            longest = longest.max(told.elapsed());
            seqs.extend(parts.iter().map(|part| part.seq));
            thread::sleep(PERIOD);
        }
    };
    work(5);
    to_broker.close(true);
    to_server.close(true);
    work(60);
    let waiting = [line.status("mqtt").waiting, line.status("mes").waiting];
    to_broker.close(false);
    to_server.close(false);
    // The longest pause between attempts is half a minute.
    work(30);
    let back = Instant::now();
    until("MQTT has all", || line.status("mqtt").waiting == 0);
    until("the webhook has all", || line.status("mes").waiting == 0);
    println!(
        "{} parts, {waiting:?} of them waited at the cut's end, all delivered {:.1} s after the last; \
         the longest notify: {longest:?}",
        seqs.len(),
        back.elapsed().as_secs_f32()
    );
    until("the subscriber has all", || {
        subscriber.parts().len() == seqs.len()
    });
    assert_eq!(subscriber.parts(), seqs);
    assert_eq!(once(server.seqs()), seqs);
    assert!(longest < PERIOD, "{longest:?}");
    assert_eq!(line.events("mqtt"), ["output-lost", "output-back"]);
    assert_eq!(line.events("mes"), ["output-lost", "output-back"]);
}
