//! The description of the API is what is served.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::client::Ask;
use super::program;
use super::served::Served;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/openapi.json");
const METHODS: [&str; 5] = ["get", "post", "put", "delete", "patch"];

pub fn description() -> Value {
    serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap()
}

/// What can be asked.
pub struct Operation {
    pub method: String,
    pub path: String,
    /// `none`, `read` or `operate`.
    pub role: String,
}

pub fn operations() -> Vec<Operation> {
    let description = description();
    let mut operations = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                operations.push(Operation {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    role: operation["x-role"].as_str().unwrap().to_owned(),
                });
            }
        }
    }
    operations
}

#[test]
fn what_is_described_is_served_and_nothing_else_is() {
    let served = Served::open();
    let mut described: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for operation in operations() {
        let methods = described.entry(operation.path).or_default();
        if operation.method == "GET" {
            methods.insert("HEAD".into());
        }
        methods.insert(operation.method);
    }
    for (path, methods) in &described {
        let path = path
            .replace("{name}", "left")
            .replace("{id}", &uuid::Uuid::nil().to_string());
        // A method that nothing has: the answer tells those that there are.
        let answer = Ask::change("PATCH", &path).send(served.address);
        assert_eq!(answer.status, 405, "{path}");
        answer.error();
        let allowed: BTreeSet<_> = answer
            .header("allow")
            .unwrap()
            .split(',')
            .map(str::to_owned)
            .collect();
        assert_eq!(&allowed, methods, "{path}");
    }
    let sources = [
        include_str!("../../../src/http/routes.rs"),
        include_str!("../../../src/http/health.rs"),
        include_str!("../../../src/http/access/login.rs"),
    ];
    let routes = sources
        .iter()
        .flat_map(|source| source.split(".route(\"").skip(1));
    let mut count = 0;
    for route in routes {
        let path = route.split('"').next().unwrap();
        let under_api = format!("/api/v1{path}");
        assert!(
            described.contains_key(path) || described.contains_key(&under_api),
            "{path}"
        );
        count += 1;
    }
    assert_eq!(count, described.len());
}

#[test]
fn the_description_is_served() {
    let served = Served::open();
    let answer = Ask::get("/api/v1/openapi.json").send(served.address);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json(), description());
}

#[test]
fn the_description_is_one_of_openapi() {
    let Some(validator) = program::of_pypi("openapi-spec-validator") else {
        return;
    };
    let output = Command::new(validator).arg(FILE).output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
#[ignore = "a minute of random requests"]
fn random_requests_are_answered_as_described() {
    let Some(schemathesis) = program::of_pypi("schemathesis") else {
        return;
    };
    let served = Served::open();
    served.add_part();
    let output = Command::new(schemathesis)
        .current_dir(served.folder())
        .args(["run", FILE, "--url", &format!("http://{}", served.address)])
        .args([
            "--header",
            "X-Igd: 1",
            "--max-examples",
            "20",
            "--no-color",
            "--seed",
            "1",
        ])
        // Streams have no end.
        .args(["--exclude-path-regex", "live.mjpeg|events/stream"])
        // No schema says that an area ends within the frame.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}
