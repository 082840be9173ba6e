//! A client that sends what a real one never would.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use serde_json::Value;

/// What hangs ends by it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until there is something.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "not within a minute: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A request.
#[derive(Clone)]
pub struct Ask {
    head: String,
    has_host: bool,
    body: Vec<u8>,
    from: Ipv4Addr,
}

impl Ask {
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            head: format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n"),
            has_host: false,
            body: Vec::new(),
            from: Ipv4Addr::LOCALHOST,
        }
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// As the page changes things.
    pub fn change(method: &str, path: &str) -> Self {
        Self::new(method, path).header("X-Igd", "1")
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.has_host |= name == "Host";
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub fn body(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.header("Content-Type", kind)
            .header("Content-Length", &length)
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// From 127.0.0.`last`.
    pub fn from(mut self, last: u8) -> Self {
        self.from = Ipv4Addr::new(127, 0, 0, last);
        self
    }

    /// As if there was no header `Host`.
    pub fn without_host(mut self) -> Self {
        self.has_host = true;
        self
    }

    /// The whole answer.
    #[track_caller]
    pub fn send(self, address: SocketAddr) -> Answer {
        let mut reader = self.begin(address);
        let mut answer = reader.head();
        // A server that has refused may have closed before it had read all.
        let _ = reader.0.read_to_end(&mut answer.body);
        answer
    }

    /// The connection on which the answer comes.
    #[track_caller]
    pub fn begin(self, address: SocketAddr) -> Reader {
        let mut stream = dial(self.from, address).unwrap();
        let host = if self.has_host {
            String::new()
        } else {
            format!("Host: {address}\r\n")
        };
        let head = format!("{}{host}\r\n", self.head);
        // One that has refused by the headers takes no body.
        let _ = stream.write_all(&[head.as_bytes(), &self.body].concat());
        Reader(BufReader::new(stream))
    }
}

/// A connection from an address of this machine.
pub fn dial(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&socket, &SocketAddrV4::new(from, 0))?;
    connect(&socket, &to)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// What a server sends.
pub struct Reader(pub BufReader<TcpStream>);

impl Reader {
    /// Status and headers.
    #[track_caller]
    pub fn head(&mut self) -> Answer {
        let status = self.line();
        let status = status
            .split(' ')
            .nth(1)
            .unwrap_or_else(|| panic!("no answer: {status:?}"));
        let mut answer = Answer {
            status: status.parse().unwrap(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else {
                return answer;
            };
            answer
                .headers
                .push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }

    /// Without its end; empty at the end.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.0
            .read_until(b'\n', &mut line)
            .expect("an answer within a minute");
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// Reads up to a line that begins so, and returns what follows.
    #[track_caller]
    pub fn find(&mut self, start: &str) -> String {
        loop {
            let mut line = Vec::new();
            let length = self
                .0
                .read_until(b'\n', &mut line)
                .expect("an answer within a minute");
            assert!(length > 0, "it ended before {start}");
            let line = String::from_utf8_lossy(&line);
            if let Some(rest) = line.trim_end().strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The text of a problem.
    #[track_caller]
    pub fn error(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{self:?}"
        );
        self.json()["error"]
            .as_str()
            .expect("a problem says why")
            .to_owned()
    }
}
