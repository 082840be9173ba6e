//! The page in a browser, and what goes on there. Chromium speaks its DevTools protocol on a pair of pipes: JSON, a NUL
//! after each message.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// What a busy machine may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Chromium reads commands from file 3 and answers on file 4; the shell makes these of the child's input and output.
/// The sandbox refuses to start as root, as containers run; the page is our own. The rest keeps it from asking the
/// network for things of its own.
const LAUNCH: &str = "exec chromium --headless --remote-debugging-pipe --no-sandbox --disable-gpu \
                     --disable-dev-shm-usage \
     --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync \
     --user-data-dir=\"$0\" about:blank 3<&0 4>&1 </dev/null >/dev/null 2>&1";

/// A page that is open, in a browser that ends with it.
pub struct Opened {
    browser: Child,
    commands: RefCell<ChildStdin>,
    messages: Receiver<Value>,
    /// Of the page.
    session: String,
    /// Those of the page so far.
    events: RefCell<Vec<Value>>,
    _profile: TempDir,
}

impl Opened {
    /// Opens a file in a window `width` pixels wide, as a phone or a desktop does.
    pub fn new(file: &Path, width: u32, mobile: bool) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Command::new("sh")
            .args(["-c", LAUNCH])
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = browser.stdin.take().unwrap();
        let answers = BufReader::new(browser.stdout.take().unwrap());
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            for message in answers.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("JSON of the browser");
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut opened = Self {
            browser,
            commands: RefCell::new(commands),
            messages,
            session: String::new(),
            events: RefCell::default(),
            _profile: profile,
        };
        let tab = opened.ask("Target.createTarget", json!({"url": "about:blank"}));
        let attached = json!({"targetId": tab["targetId"], "flatten": true});
        let attached = opened.ask("Target.attachToTarget", attached);
        opened.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Network", "Log", "Runtime"] {
            opened.ask(&format!("{domain}.enable"), json!({}));
        }
        opened.resize(width, mobile);
        let url = format!("file://{}", file.display());
        opened.ask("Page.navigate", json!({"url": url}));
        opened.await_event("Page.loadEventFired");
        opened
    }

    /// Has it shown in a window of another width.
    pub fn resize(&self, width: u32, mobile: bool) {
        let metrics =
            json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": mobile});
        self.ask("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Sends a command and waits for its result.
    #[track_caller]
    fn ask(&self, method: &str, parameters: Value) -> Value {
        /// The answer bears it. One is asked at a time.
        const ID: u64 = 1;
        let mut command = json!({"id": ID, "method": method, "params": parameters});
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        let sent = self
            .commands
            .borrow_mut()
            .write_all(format!("{command}\0").as_bytes());
        sent.expect("Chromium starts: tests/run installs it");
        let answer = self.receive(|message| message["id"] == ID);
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn await_event(&self, method: &str) {
        let is_known = |event: &Value| event["method"] == method;
        if !self.events.borrow().iter().any(is_known) {
            self.receive(is_known);
        }
    }

    /// The next message that is wanted; events on the way to it are kept.
    #[track_caller]
    fn receive(&self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = self.messages.recv_timeout(left);
            let message = message.expect("Chromium answers: tests/run installs it");
            if message["method"].is_string() {
                self.events.borrow_mut().push(message.clone());
            }
            if is_wanted(&message) {
                return message;
            }
        }
    }

    /// What a script's expression is.
    pub fn value(&self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true});
        let answer = self.ask("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{answer}");
        answer["result"]["value"].clone()
    }

    /// Presses and lets go a key: "Enter" or a space.
    pub fn press(&self, key: &str) {
        let text = if key == "Enter" { "\r" } else { key };
        let code = if key == "Enter" { 13 } else { 32 };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "windowsVirtualKeyCode": code});
            if kind == "keyDown" {
                event["text"] = json!(text);
            }
            self.ask("Input.dispatchKeyEvent", event);
        }
    }

    /// What was asked for, by its address.
    fn asked(&self) -> Vec<String> {
        let events = self.events.borrow();
        let asked = events
            .iter()
            .filter(|event| event["method"] == "Network.requestWillBeSent");
        asked
            .map(|event| event["params"]["request"]["url"].to_string())
            .map(|url| url.trim_matches('"').to_owned())
            .collect()
    }

    /// What was asked of anyone but the page itself.
    pub fn requests(&self) -> Vec<String> {
        let mut requests = self.asked();
        requests.retain(|url| !url.starts_with("file:") && !url.starts_with("data:"));
        requests
    }

    /// Whether the page's own request was seen, without which none would be.
    pub fn saw_the_page(&self) -> bool {
        self.asked().iter().any(|url| url.starts_with("file:"))
    }

    /// What the console says.
    pub fn complaints(&self) -> Vec<String> {
        let said = [
            "Log.entryAdded",
            "Runtime.consoleAPICalled",
            "Runtime.exceptionThrown",
        ];
        let events = self.events.borrow();
        let complaints = events
            .iter()
            .filter(|event| said.iter().any(|method| event["method"] == *method));
        complaints.map(Value::to_string).collect()
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}
