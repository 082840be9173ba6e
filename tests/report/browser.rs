//! The page in a browser, and what goes on there.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headless_chrome::Browser;
use headless_chrome::browser::LaunchOptions;
use headless_chrome::browser::tab::Tab;
use headless_chrome::protocol::cdp::types::Event;
use headless_chrome::protocol::cdp::{Emulation, Network};
use serde_json::Value;

/// What a busy machine may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A page that is open, in a browser that ends with it.
pub struct Opened {
    tab: Arc<Tab>,
    requests: Arc<Mutex<Vec<String>>>,
    complaints: Arc<Mutex<Vec<String>>>,
    _browser: Browser,
}

impl Opened {
    /// Opens a file in a window `width` pixels wide, as a phone or a desktop does.
    pub fn new(file: &Path, width: u32, mobile: bool) -> Self {
        let options = LaunchOptions {
            // Containers run as root, where Chromium's sandbox refuses to start; the page is our own.
            sandbox: false,
            args: vec![OsStr::new("--disable-dev-shm-usage")],
            idle_browser_timeout: PATIENCE,
            ..LaunchOptions::default()
        };
        let browser = Browser::new(options).expect("Chromium starts: ./setup installs it");
        let tab = browser.new_tab().unwrap();
        tab.set_default_timeout(PATIENCE);
        let (requests, complaints) = (Arc::<Mutex<Vec<_>>>::default(), Arc::default());
        let (asked, said) = (requests.clone(), Arc::clone(&complaints));
        tab.enable_log().unwrap();
        tab.enable_runtime().unwrap();
        tab.call_method(Network::Enable {
            max_total_buffer_size: None,
            max_resource_buffer_size: None,
            max_post_data_size: None,
            report_direct_socket_traffic: None,
            enable_durable_messages: None,
        })
        .unwrap();
        tab.add_event_listener(Arc::new(move |event: &Event| match event {
            Event::NetworkRequestWillBeSent(event) => {
                asked.lock().unwrap().push(event.params.request.url.clone());
            }
            Event::LogEntryAdded(event) => note(&said, format!("{:?}", event.params.entry)),
            Event::RuntimeConsoleAPICalled(event) => note(&said, format!("{:?}", event.params)),
            Event::RuntimeExceptionThrown(event) => {
                note(&said, format!("{:?}", event.params.exception_details));
            }
            _ => {}
        }))
        .unwrap();
        let opened = Self {
            tab,
            requests,
            complaints,
            _browser: browser,
        };
        opened.resize(width, 800, mobile);
        let url = format!("file://{}", file.display());
        opened.tab.navigate_to(&url).unwrap();
        opened.tab.wait_until_navigated().unwrap();
        opened
    }

    pub fn resize(&self, width: u32, height: u32, mobile: bool) {
        let metrics = Emulation::SetDeviceMetricsOverride {
            width,
            height,
            device_scale_factor: 1.0,
            mobile,
            scale: None,
            screen_width: None,
            screen_height: None,
            position_x: None,
            position_y: None,
            dont_set_visible_size: None,
            screen_orientation: None,
            viewport: None,
            display_feature: None,
            device_posture: None,
        };
        self.tab.call_method(metrics).unwrap();
    }

    /// What a script's expression is.
    pub fn value(&self, expression: &str) -> Value {
        let result = self.tab.evaluate(expression, false).unwrap();
        result.value.unwrap_or_default()
    }

    pub fn press(&self, key: &str) {
        self.tab.press_key(key).unwrap();
    }

    /// What was asked of anyone but the page itself.
    pub fn requests(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let is_foreign = |url: &&String| !url.starts_with("file:") && !url.starts_with("data:");
        requests.iter().filter(is_foreign).cloned().collect()
    }

    /// Whether the page's own request was seen, without which none would be.
    pub fn saw_the_page(&self) -> bool {
        let requests = self.requests.lock().unwrap();
        requests.iter().any(|url| url.starts_with("file:"))
    }

    /// What the console says.
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.lock().unwrap().clone()
    }
}

fn note(complaints: &Mutex<Vec<String>>, text: String) {
    complaints.lock().unwrap().push(text);
}
