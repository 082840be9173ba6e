//! Mosquitto, and its clients.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use super::{certificates, free_port, once, run, until};

const USER: &str = "line";
const PASSWORD: &str = "not a secret";

/// A broker that keeps its messages and sessions over a restart.
pub(super) struct Broker {
    folder: PathBuf,
    pub(super) port: u16,
    pub(super) tls_port: u16,
    process: Option<Child>,
}

impl Broker {
    pub(super) fn start(folder: &Path) -> Self {
        Self::start_with(folder, "")
    }

    /// With more lines of configuration.
    pub(super) fn start_with(folder: &Path, more: &str) -> Self {
        let folder = folder.to_owned();
        certificates(&folder);
        let path = |name: &str| folder.join(name).display().to_string();
        fs::write(path("password"), format!("{PASSWORD}\n")).unwrap();
        run(Command::new("mosquitto_passwd").args(["-b", "-c", &path("users"), USER, PASSWORD]));
        let (port, tls_port) = (free_port(), free_port());
        let config = format!(
            "user root\npersistence true\npersistence_location {}/\nmax_queued_messages 100000\nallow_anonymous false\n\
             password_file {}\n{more}\nlistener {port} 127.0.0.1\nlistener {tls_port} 127.0.0.1\ncertfile {}\n\
             keyfile {}\n",
            folder.display(),
            path("users"),
            path("server.pem"),
            path("server.key"),
        );
        fs::write(path("mosquitto.conf"), config).unwrap();
        let mut broker = Self {
            folder,
            port,
            tls_port,
            process: None,
        };
        broker.start_again();
        broker
    }

    pub(super) fn start_again(&mut self) {
        // Debian has it where only root's PATH leads.
        let program = ["/usr/sbin/mosquitto", "mosquitto"]
            .into_iter()
            .find(|path| Path::new(path).exists());
        let mut command = Command::new(program.unwrap_or("mosquitto"));
        command
            .arg("-c")
            .arg(self.folder.join("mosquitto.conf"))
            .stderr(Stdio::null());
        self.process = Some(command.spawn().unwrap());
        until("the broker listens", || {
            TcpStream::connect(("127.0.0.1", self.tls_port)).is_ok()
        });
    }

    /// By a signal that it ends at once by, but for what it writes to the disk.
    pub(super) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        run(Command::new("kill").arg(process.id().to_string()));
        process.wait().unwrap();
    }

    /// Reads passwords and lists again.
    pub(super) fn reload(&self) {
        let process = self.process.as_ref().unwrap();
        run(Command::new("kill").args(["-HUP", &process.id().to_string()]));
    }

    /// `[outputs.mqtt]` by TCP.
    pub(super) fn config(&self) -> String {
        self.config_at(self.port)
    }

    /// The same by way of another port.
    pub(super) fn config_at(&self, port: u16) -> String {
        format!(
            "[outputs.mqtt]\nbroker = \"mqtt://127.0.0.1:{port}\"\nuser = \"{USER}\"\npassword-file = \"{}\"\n",
            self.folder.join("password").display()
        )
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let port = self.port.to_string();
        command.args([
            "-V",
            "mqttv5",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-u",
            USER,
            "-P",
            PASSWORD,
        ]);
        command
    }

    /// Publishes, and waits until the broker has it.
    pub(super) fn publish(&self, topic: &str, message: &[u8], retain: bool) {
        let mut command = self.client("mosquitto_pub");
        command.args(["-q", "1", "-t", topic]);
        command.arg(if message.is_empty() { "-n" } else { "-s" });
        if retain {
            command.arg("-r");
        }
        let mut process = command.stdin(Stdio::piped()).spawn().unwrap();
        process.stdin.take().unwrap().write_all(message).unwrap();
        assert!(process.wait().unwrap().success());
    }

    /// All that comes below `igd/hall` from now on, and what is retained there. It stays over a restart of the broker.
    pub(super) fn subscribe(&self) -> Subscriber {
        self.publish("igd/hall/probe", b"there", true);
        let mut command = self.client("mosquitto_sub");
        command.args([
            "-i",
            "subscriber",
            "-c",
            "-q",
            "1",
            "-t",
            "igd/hall/#",
            "-F",
            "%r %t %p",
        ]);
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let messages = Arc::<Mutex<Vec<Message>>>::default();
        let lines = BufReader::new(process.stdout.take().unwrap()).split(b'\n');
        let kept = messages.clone();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line);
                let mut fields = line.splitn(3, ' ').map(str::to_owned);
                kept.lock().unwrap().push(Message {
                    retained: fields.next().unwrap() == "1",
                    topic: fields.next().unwrap(),
                    text: fields.next().unwrap(),
                });
            }
        });
        let subscriber = Subscriber { process, messages };
        until("the subscriber listens", || {
            !subscriber.of("probe").is_empty()
        });
        subscriber
    }

    /// What a new subscriber gets at once.
    pub(super) fn retained(&self, topic: &str) -> String {
        let mut command = self.client("mosquitto_sub");
        let line = run(command.args(["-W", "60", "-C", "1", "-t", topic, "-F", "%r %p"]));
        line.strip_prefix("1 ")
            .unwrap_or_else(|| panic!("not retained: {line}"))
            .trim()
            .to_owned()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) retained: bool,
    pub(super) topic: String,
    pub(super) text: String,
}

impl Message {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

pub(super) struct Subscriber {
    process: Child,
    messages: Arc<Mutex<Vec<Message>>>,
}

impl Subscriber {
    /// What came at this topic below `igd/hall`.
    pub(super) fn of(&self, topic: &str) -> Vec<Message> {
        let topic = format!("igd/hall/{topic}");
        let messages = self.messages.lock().unwrap();
        messages
            .iter()
            .filter(|message| message.topic == topic)
            .cloned()
            .collect()
    }

    /// What its parts are, each where it came first.
    pub(super) fn parts(&self) -> Vec<i64> {
        let messages = self.messages.lock().unwrap();
        let parts = messages
            .iter()
            .filter(|message| message.topic.ends_with("/part"));
        once(parts.map(|part| part.json()["seq"].as_i64().unwrap()))
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
