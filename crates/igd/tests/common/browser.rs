//! A page in a browser, and what goes on there. Chromium speaks its DevTools protocol on a pair of pipes: JSON, a NUL
//! after each message.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
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
    /// Opens an address in a window `width` pixels wide, as a phone or a desktop does.
    pub fn new(url: &str, width: u32, mobile: bool) -> Self {
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
        opened.ask("Page.setLifecycleEventsEnabled", json!({"enabled": true}));
        opened.resize(width, mobile);
        opened.go(url);
        opened
    }

    /// Goes to another address, and waits until all of it is there: what still comes of the page before is not that.
    #[track_caller]
    pub fn go(&self, url: &str) {
        let answer = self.ask("Page.navigate", json!({"url": url}));
        let loader = &answer["loaderId"];
        let is_loaded = |event: &Value| {
            let told = &event["params"];
            told["loaderId"] == *loader && told["name"] == "load"
        };
        if !self.events.borrow().iter().any(is_loaded) {
            self.receive(is_loaded);
        }
    }

    /// Has it shown in a window of another width.
    pub fn resize(&self, width: u32, mobile: bool) {
        let metrics =
            json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": mobile});
        self.ask("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Has it believe in what a user prefers: names and values of CSS.
    pub fn prefer(&self, features: &[(&str, &str)]) {
        let features = features
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}));
        let features: Vec<_> = features.collect();
        self.ask("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Sends a command and waits for its result.
    #[track_caller]
    pub fn ask(&self, method: &str, parameters: Value) -> Value {
        let answer = self.try_ask(method, parameters);
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The error is the browser's.
    #[track_caller]
    fn try_ask(&self, method: &str, parameters: Value) -> Result<Value, Value> {
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
        match &answer["error"] {
            Value::Null => Ok(answer["result"].clone()),
            error => Err(error.clone()),
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

    /// What a script's expression is; a promise's is what it becomes.
    #[track_caller]
    pub fn value(&self, expression: &str) -> Value {
        let value = self.try_value(expression);
        value.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    #[track_caller]
    fn try_value(&self, expression: &str) -> Result<Value, Value> {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.try_ask("Runtime.evaluate", asked)?;
        match &answer["exceptionDetails"] {
            Value::Null => Ok(answer["result"]["value"].clone()),
            thrown => Err(thrown.clone()),
        }
    }

    /// Waits until a script's expression is something. Between two pages nothing is.
    #[track_caller]
    pub fn until(&self, expression: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.try_value(expression);
            let is_something =
                |value: &Value| !value.is_null() && value != false && value != "" && value != 0;
            if let Some(value) = value.as_ref().ok().filter(|value| is_something(value)) {
                return value.clone();
            }
            assert!(Instant::now() < deadline, "never: {expression}: {value:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses and lets go a key: a letter, a space, or one with a name.
    pub fn press(&self, key: &str) {
        let (text, code) = match key {
            "Enter" => ("\r", 13),
            "Tab" => ("", 9),
            "Backspace" => ("", 8),
            "Escape" => ("", 27),
            "ArrowLeft" => ("", 37),
            "ArrowUp" => ("", 38),
            "ArrowRight" => ("", 39),
            "ArrowDown" => ("", 40),
            letter => (letter, i32::from(letter.to_ascii_uppercase().as_bytes()[0])),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "windowsVirtualKeyCode": code});
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.ask("Input.dispatchKeyEvent", event);
        }
    }

    /// Clicks in the middle of the first element of a selector, once it can be seen and the page's scripts are there.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.drag(selector, [0.5, 0.5], [0.5, 0.5]);
    }

    /// Holds the mouse down from one point of an element to another, told as shares of its width and height.
    #[track_caller]
    pub fn drag(&self, selector: &str, from: [f64; 2], to: [f64; 2]) {
        let place = format!(
            "(() => {{ const one = document.querySelector({}); if (document.readyState !== 'complete' || !one?.checkVisibility()) return null; \
             one.scrollIntoView({{ block: 'center' }}); const at = one.getBoundingClientRect(); \
             return [at.left, at.top, at.width, at.height]; }})()",
            json!(selector)
        );
        let place: Vec<f64> = serde_json::from_value(self.until(&place)).unwrap();
        let point = |[x, y]: [f64; 2]| (place[0] + place[2] * x, place[1] + place[3] * y);
        let steps = [
            ("mousePressed", from),
            ("mouseMoved", to),
            ("mouseReleased", to),
        ];
        for (kind, at) in steps {
            let (x, y) = point(at);
            let event = json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1});
            self.ask("Input.dispatchMouseEvent", event);
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
