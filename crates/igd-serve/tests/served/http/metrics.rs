//! What Prometheus reads.

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::client::{Ask, until};
use super::program::of_debian;
use super::served::{READ, Served};

#[test]
fn metrics_tell_how_the_line_fares() {
    let served = Served::open();
    let trigger = Ask::change("POST", "/api/v1/cameras/left/trigger").send(served.address);
    let verdict = trigger.json()["verdict"].as_str().unwrap().to_owned();
    served.add_part();
    let part =
        format!("igd_parts_total{{line=\"test\",camera=\"left\",verdict=\"{verdict}\"}} 1\n");
    let latency = "igd_part_latency_seconds_count{line=\"test\",camera=\"left\"} 1\n";
    let text = until("the part is counted", || {
        let answer = Ask::get("/metrics").send(served.address);
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; version=0.0.4; charset=utf-8")
        );
        let text = answer.text();
        (text.contains(&part) && text.contains(latency)).then_some(text)
    });
    assert!(
        text.contains("igd_camera_up{line=\"test\",camera=\"left\"} 1\n"),
        "{text}"
    );
    assert!(
        text.contains(
            "igd_part_latency_seconds_bucket{line=\"test\",camera=\"left\",le=\"+Inf\"} 1\n"
        ),
        "{text}"
    );
    let value = |name: &str| -> f64 {
        let start = format!("{name}{{line=\"test\"");
        let line = text
            .lines()
            .find(|line| line.starts_with(&start))
            .unwrap_or_else(|| panic!("no {name}: {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    for name in [
        "igd_frames_total",
        "igd_frames_judged_total",
        "igd_inference_seconds",
        "igd_pictures_bytes",
    ] {
        assert!(value(name) > 0.0, "{name}: {text}");
    }
    // One may be under way.
    let [came, judged, dropped] =
        ["total", "judged_total", "dropped_total"].map(|name| value(&format!("igd_frames_{name}")));
    assert!(judged + dropped >= came && dropped < came, "{text}");
    assert_eq!(value("igd_camera_reconnects_total"), 0.0);
    for reason in ["slow", "full"] {
        let left_out =
            format!("igd_pictures_left_out_total{{line=\"test\",reason=\"{reason}\"}} 0\n");
        assert!(text.contains(&left_out), "{text}");
    }
    // Each family is told once, before its values.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split('{').next().unwrap();
        let name = ["_bucket", "_sum", "_count"]
            .iter()
            .fold(name, |name, end| name.strip_suffix(end).unwrap_or(name));
        assert_eq!(
            text.matches(&format!("# TYPE {name} ")).count(),
            1,
            "{name}: {text}"
        );
    }
}

#[test]
#[ignore = "needs Debian's prometheus, which takes 330 MB"]
fn prometheus_reads_the_metrics() {
    let (Some(prometheus), Some(promtool)) = (of_debian("prometheus"), of_debian("promtool"))
    else {
        return;
    };
    let served = Served::guarded();
    let metrics = || Ask::get("/metrics").bearer(READ).send(served.address);
    assert_eq!(served.get("/metrics"), 401);

    let mut checked = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    checked
        .stdin
        .take()
        .unwrap()
        .write_all(&metrics().body)
        .unwrap();
    let output = checked.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");

    let folder = served.folder();
    let config = format!(
        "scrape_configs:\n- job_name: line\n  scrape_interval: 1s\n  authorization: {{credentials: '{READ}'}}\n  static_configs:\n  - targets: ['{}']\n",
        served.address
    );
    fs::write(folder.join("prometheus.yml"), config).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let prometheus = Command::new(prometheus)
        .current_dir(folder)
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb"])
        .arg(format!("--web.listen-address={port}"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _ends = Ends(prometheus);
    let query = |query: &str| -> Option<f64> {
        std::net::TcpStream::connect(port).ok()?;
        let answer = Ask::get(&format!("/api/v1/query?query={query}")).send(port);
        let answer: Value = serde_json::from_slice(&answer.body).ok()?;
        answer["data"]["result"][0]["value"][1]
            .as_str()?
            .parse()
            .ok()
    };
    until("Prometheus has scraped the line", || {
        (query("up") == Some(1.0)).then_some(())
    });
    until("frames are counted", || {
        query("igd_frames_judged_total").filter(|frames| *frames > 0.0)
    });
    assert_eq!(query("igd_camera_up"), Some(1.0));
}

struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
