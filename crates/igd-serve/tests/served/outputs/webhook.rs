use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use igd_serve::record::Verdict::{Bad, Good, None as Unknown};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use super::{Line, certificates, folder, once, run, until};

/// A request as it came.
#[derive(Clone)]
pub(super) struct Request {
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn seq(&self) -> i64 {
        self.json()["seq"].as_i64().unwrap()
    }
}

/// A server that answers as it is told, by the number of the request from 0 on: a status, or 0 to hang up.
pub(super) struct Server {
    pub(super) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

type Answers = dyn Fn(usize, &Request) -> u16 + Send + Sync;

impl Server {
    pub(super) fn start(answers: impl Fn(usize, &Request) -> u16 + Send + Sync + 'static) -> Self {
        Self::listen(
            TcpListener::bind("127.0.0.1:0").unwrap(),
            None,
            Arc::new(answers),
        )
    }

    fn listen(
        listener: TcpListener,
        tls: Option<Arc<ServerConfig>>,
        answers: Arc<Answers>,
    ) -> Self {
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            requests: Arc::default(),
        };
        let requests = server.requests.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let (requests, answers, tls) = (requests.clone(), answers.clone(), tls.clone());
                thread::spawn(move || match tls {
                    None => serve(stream, &requests, &*answers),
                    Some(tls) => {
                        serve(
                            StreamOwned::new(ServerConnection::new(tls).unwrap(), stream),
                            &requests,
                            &*answers,
                        );
                    }
                });
            }
        });
        server
    }

    fn config(&self, more: &str) -> String {
        config(
            &format!("http://127.0.0.1:{}/parts?line=1", self.port),
            more,
        )
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(super) fn seqs(&self) -> Vec<i64> {
        self.requests().iter().map(Request::seq).collect()
    }
}

pub(super) fn config(url: &str, more: &str) -> String {
    format!("[[outputs.webhooks]]\nname = \"mes\"\nurl = \"{url}\"\n{more}\n")
}

/// One request after the other, until somebody hangs up.
fn serve(stream: impl Read + Write, requests: &Mutex<Vec<Request>>, answers: &Answers) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            match stream.read_line(&mut line) {
                Ok(count) if count > 0 => {}
                _ => return,
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        assert!(lines[0].starts_with("POST /"), "{}", lines[0]);
        let headers: BTreeMap<_, _> = (lines[1..].iter())
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        stream.read_exact(&mut body).unwrap();
        let request = Request { headers, body };
        let mut kept = requests.lock().unwrap();
        let status = answers(kept.len(), &request);
        kept.push(request);
        drop(kept);
        if status == 0 {
            return;
        }
        let answer = format!("HTTP/1.1 {status} Told\r\nContent-Length: 5\r\n\r\nthere");
        if stream.get_mut().write_all(answer.as_bytes()).is_err()
            || stream.get_mut().flush().is_err()
        {
            return;
        }
    }
}

#[test]
fn records_come_in_order_from_a_server_that_fails_at_times() {
    let folder = folder();
    fs::write(folder.path().join("secret"), "our secret\n").unwrap();
    let server = Server::start(|count, _| [200, 503, 202, 0, 204, 429, 302, 200][count.min(7)]);
    let line = Line::start(folder.path(), &server.config("secret-file = \"secret\""));
    let mut parts = line.add("left", &[Good, Bad, Good]);
    parts.extend(line.add("right", &[Unknown, Good]));
    until("nothing waits", || line.status("mes").waiting == 0);
    let seqs: Vec<_> = parts.iter().map(|part| part.seq).collect();
    let at = |index: usize| seqs[index];
    // Each failure, and the same again.
    let expected = [
        at(0),
        at(1),
        at(1),
        at(2),
        at(2),
        at(3),
        at(3),
        at(3),
        at(4),
    ];
    assert_eq!(server.seqs(), expected);
    for (request, part) in server.requests().iter().zip([0, 1, 1, 2, 2, 3, 3, 3, 4]) {
        assert_eq!(request.json(), serde_json::to_value(&parts[part]).unwrap());
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(request.headers["x-igd-seq"], parts[part].seq.to_string());
    }
    assert!(line.status("mes").connected);
    assert_eq!(line.status("mes").skipped, 0);
    // It was never away for long.
    assert!(line.events("mes").is_empty());

    let request = &server.requests()[0];
    assert!(is_signed(request, "our secret", folder.path()));
    assert!(!is_signed(request, "another", folder.path()));
}

/// By what docs/outputs.md tells to do in Python.
fn is_signed(request: &Request, secret: &str, folder: &Path) -> bool {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/outputs.md"))
            .unwrap();
    let start = page
        .find("    import hashlib")
        .expect("the page has the function");
    let code: Vec<_> = (page[start..].lines())
        .take_while(|line| line.is_empty() || line.starts_with("    "))
        .map(|line| line.get(4..).unwrap_or(""))
        .collect();
    fs::write(folder.join("body"), &request.body).unwrap();
    let script = format!(
        "{}\nimport sys\nbody, signature, secret = sys.argv[1:]\n\
         print(is_ours(open(body, 'rb').read(), signature, secret))\n",
        code.join("\n")
    );
    let mut python = Command::new("python3");
    python.args(["-c", &script]).arg(folder.join("body"));
    match run(python.arg(&request.headers["x-igd-signature"]).arg(secret)).trim() {
        "True" => true,
        "False" => false,
        other => panic!("{other}"),
    }
}

#[test]
fn a_record_that_is_refused_is_told_and_left_out() {
    let folder = folder();
    let server = Server::start(|count, _| if count == 1 { 422 } else { 200 });
    let line = Line::start(folder.path(), &server.config(""));
    let parts = line.add("left", &[Good; 3]);
    until("nothing waits", || line.status("mes").waiting == 0);
    assert_eq!(
        server.seqs(),
        parts.iter().map(|part| part.seq).collect::<Vec<_>>()
    );
    let status = line.status("mes");
    assert_eq!((status.connected, status.skipped), (true, 1));
    assert_eq!(line.events("mes"), ["output-skipped"]);
    assert!(!server.requests()[0].headers.contains_key("x-igd-signature"));
}

#[test]
fn a_wrong_address_or_secret_loses_nothing() {
    let folder = folder();
    let server = Server::start(|count, _| [404, 401, 403, 200][count.min(3)]);
    let line = Line::start(folder.path(), &server.config(""));
    let parts = line.add("left", &[Good; 3]);
    until("nothing waits", || line.status("mes").waiting == 0);
    assert_eq!(
        once(server.seqs()),
        parts.iter().map(|part| part.seq).collect::<Vec<_>>()
    );
    assert_eq!(server.requests().len(), 6);
    assert_eq!(line.status("mes").skipped, 0);
}

#[test]
fn good_parts_are_left_out_where_only_bad_ones_are_wanted() {
    let folder = folder();
    let server = Server::start(|_, _| 200);
    let line = Line::start(folder.path(), &server.config("only-bad = true"));
    let parts = line.add("left", &[Good, Bad, Good, Unknown, Good]);
    until("nothing waits", || line.status("mes").waiting == 0);
    assert_eq!(server.seqs(), [parts[1].seq, parts[3].seq]);
    assert_eq!(line.status("mes").skipped, 0);
}

#[test]
fn a_server_that_was_away_gets_all_in_order_even_after_a_restart() {
    let folder = folder();
    let port = super::free_port();
    let config = config(&format!("http://127.0.0.1:{port}/"), "");
    let mut line = Line::start(folder.path(), &config);
    let mut parts = line.add("left", &[Bad; 30]);
    until("the loss is told", || line.events("mes") == ["output-lost"]);
    line.stop();
    drop(line);
    let line = Line::start(folder.path(), &config);
    parts.extend(line.add("right", &[Bad; 30]));
    assert_eq!(line.status("mes").waiting, 60);
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let server = Server::listen(listener, None, Arc::new(|_, _: &Request| 200));
    until("nothing waits", || line.status("mes").waiting == 0);
    assert_eq!(
        server.seqs(),
        parts.iter().map(|part| part.seq).collect::<Vec<_>>()
    );
}

#[test]
fn a_server_is_known_by_its_certificate() {
    let folder = folder();
    certificates(folder.path());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = CertificateDer::pem_file_iter(folder.path().join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.path().join("server.key")).unwrap();
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::listen(
        listener,
        Some(Arc::new(tls)),
        Arc::new(|_, _: &Request| 200),
    );
    let url = format!("https://localhost:{}/", server.port);

    let line = Line::start(&folder.path().join("unknown"), &config(&url, ""));
    line.add("left", &[Bad]);
    until("it is not trusted", || {
        line.status("mes")
            .error
            .is_some_and(|error| error.contains("certificate"))
    });
    assert_eq!(server.requests().len(), 0);

    let ca = format!("ca = \"{}\"", folder.path().join("ca.pem").display());
    let line = Line::start(&folder.path().join("known"), &config(&url, &ca));
    let parts = line.add("left", &[Bad; 2]);
    until("both are there", || server.requests().len() == 2);
    assert_eq!(server.seqs(), [parts[0].seq, parts[1].seq]);
}
