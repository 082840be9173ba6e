//! What the API answers to those who may ask.

use boon::{Compiler, Schemas};
use serde_json::{Value, json};

use super::client::{Answer, Ask};
use super::description::description;
use super::served::Served;

/// Holds answers against the description.
struct Described {
    schemas: Schemas,
    compiler: Compiler,
}

impl Described {
    fn new() -> Self {
        let mut compiler = Compiler::new();
        compiler.set_default_draft(boon::Draft::V2020_12);
        compiler
            .add_resource("http://igd/openapi.json", description())
            .unwrap();
        Self {
            schemas: Schemas::new(),
            compiler,
        }
    }

    #[track_caller]
    fn hold(&mut self, method: &str, path: &str, answer: &Answer) -> Value {
        let place = format!(
            "/paths/{}/{method}/responses/{}/content/application~1json/schema",
            path.replace('/', "~1"),
            answer.status
        );
        assert!(
            description().pointer(&place).is_some(),
            "{method} {path}: {answer:?}"
        );
        let place = place.replace('{', "%7B").replace('}', "%7D");
        let address = format!("http://igd/openapi.json#{place}");
        let schema = self.compiler.compile(&address, &mut self.schemas).unwrap();
        let value = answer.json();
        if let Err(error) = self.schemas.validate(&value, schema) {
            panic!("{method} {path}: {error:#}\n{value:#}");
        }
        value
    }
}

/// Parts of any verdict.
fn sum(counts: &Value) -> u64 {
    let verdicts = ["good", "bad", "none"];
    verdicts
        .map(|verdict| counts[verdict].as_u64().unwrap())
        .iter()
        .sum()
}

#[test]
fn answers_are_what_the_description_says() {
    let served = Served::open();
    let mut described = Described::new();
    let trigger = Ask::change("POST", "/api/v1/cameras/left/trigger").send(served.address);
    let record = described.hold("post", "/api/v1/cameras/{name}/trigger", &trigger);
    let id = record["id"].as_str().unwrap().to_owned();
    // It is stored a moment after it was answered.
    super::client::until("the part is stored", || {
        (served.get(&format!("/api/v1/parts/{id}")) == 200).then_some(())
    });
    let mut ask = |method: &str, path: &str, name: &str, body: Option<Value>| {
        let address = format!(
            "/api/v1{}",
            path.replace("{name}", name).replace("{id}", name)
        );
        let ask = Ask::change(&method.to_uppercase(), &address);
        let ask = body.iter().fold(ask, Ask::json);
        described.hold(method, &format!("/api/v1{path}"), &ask.send(served.address))
    };
    let mark = ask(
        "put",
        "/parts/{id}/mark",
        &id,
        Some(json!({ "mark": "bad", "area": [0.1, 0.2, 0.3, 0.4] })),
    );
    assert_eq!(
        (&mark["mark"], &mark["by"]),
        (&json!("bad"), &json!("anyone"))
    );
    let part = ask("get", "/parts/{id}", &id, None);
    assert_eq!(part["mark"], mark);
    let parts = ask("get", "/parts", "", None);
    assert_eq!(parts, json!([part]));

    assert_eq!(sum(&ask("get", "/cameras", "", None)[0]["counts"]), 1);
    assert_eq!(
        ask("get", "/cameras/{name}", "left", None)["last"]["id"],
        id
    );
    assert_eq!(
        ask(
            "post",
            "/cameras/{name}/recipe",
            "left",
            Some(json!({ "recipe": "other" }))
        )["recipe"],
        "other"
    );
    assert_eq!(
        ask(
            "post",
            "/cameras/{name}/pause",
            "left",
            Some(json!({ "paused": true }))
        )["state"],
        "paused"
    );

    let recipes = ask("get", "/recipes", "", None);
    assert_eq!(recipes.as_array().unwrap().len(), 2);
    assert_eq!(
        ask("get", "/recipes/{name}", "part", None)["versions"][0]["number"],
        1
    );
    assert_eq!(
        ask(
            "put",
            "/recipes/{name}/threshold",
            "part",
            Some(json!({ "threshold": 0.25 }))
        )["threshold"],
        0.25
    );
    assert_ne!(
        ask(
            "put",
            "/recipes/{name}/threshold",
            "part",
            Some(json!({ "threshold": null }))
        )["threshold"],
        0.25
    );
    ask(
        "post",
        "/recipes/{name}/activate",
        "part",
        Some(json!({ "version": 1 })),
    );
    // What judges already judges on.
    let other = || Some(json!({ "recipe": "other" }));
    ask(
        "post",
        "/cameras/{name}/pause",
        "left",
        Some(json!({ "paused": false })),
    );
    super::client::until("frames come again", || {
        (served.get("/readyz") == 200).then_some(())
    });
    ask("post", "/cameras/{name}/recipe", "left", other());
    ask("post", "/cameras/{name}/recipe", "left", other());
    let version = Some(json!({ "version": 1 }));
    ask("post", "/recipes/{name}/activate", "other", version);

    ask("post", "/recipes", "", Some(json!({ "name": "nut" })));
    let inspect = json!({ "region": [0, 0, 64, 32], "shapes": [] });
    let inspected = ask("put", "/recipes/{name}/inspected", "other", Some(inspect));
    assert_eq!(inspected["inspected"]["region"], json!([0, 0, 64, 32]));
    let collect = json!({ "camera": "left", "by": "time" });
    ask(
        "post",
        "/recipes/{name}/lesson/collect",
        "nut",
        Some(collect),
    );
    let lesson = super::client::until("a picture is collected", || {
        let lesson = ask("get", "/recipes/{name}/lesson", "nut", None);
        (lesson["looked_at"] != 0).then_some(lesson)
    });
    ask("post", "/recipes/{name}/lesson/stop", "nut", None);
    let picture = lesson["pictures"][0]["id"].as_str().unwrap().to_owned();

    assert_eq!(ask("get", "/outputs", "", None), json!([]));
    let events = ask("get", "/events", "", None);
    assert!(
        events
            .as_array()
            .unwrap()
            .iter()
            .any(|event| event["kind"] == "recipe"),
        "{events}"
    );
    let counts = ask("get", "/counts", "", None);
    assert_eq!(sum(&counts), 1);
    let pictures = "/api/v1/recipes/nut/lesson/pictures";
    for picture in [
        format!("{pictures}/{picture}"),
        "/api/v1/recipes/nut/lesson/mean.jpg".into(),
    ] {
        let answer = Ask::get(&picture).send(served.address);
        assert_eq!(
            answer.header("content-type"),
            Some("image/jpeg"),
            "{answer:?}"
        );
        image::load_from_memory(&answer.body).unwrap();
    }
    for path in [pictures, "/api/v1/recipes/nut"] {
        assert_eq!(Ask::change("DELETE", path).send(served.address).status, 204);
    }
    assert_eq!(served.get("/api/v1/recipes/nut"), 404);
}

#[test]
fn of_a_file_that_is_no_picture_the_text_says_why() {
    let served = Served::open();
    let upload = |kind: &str, body: Vec<u8>| {
        let ask = Ask::change("POST", "/api/v1/recipes/part/lesson/pictures");
        ask.body(kind, body).send(served.address)
    };
    let answer = upload("image/png", b"GIF89a".to_vec());
    assert_eq!(
        (answer.status, answer.error()),
        (422, "no PNG, JPEG, BMP or TIFF".into())
    );
    assert_eq!(upload("image/png", vec![0; (32 << 20) + 1]).status, 413);
    let mut file = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::new(200, 200);
    picture
        .write_to(&mut file, image::ImageFormat::Bmp)
        .unwrap();
    let answer = upload("text/html", file.into_inner());
    assert_eq!(answer.status, 201, "{answer:?}");
    // What was sent is never sent back, whatever it was called.
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let small =
        Ask::get(&format!("/api/v1/recipes/part/lesson/pictures/{id}")).send(served.address);
    assert_eq!(small.header("content-type"), Some("image/jpeg"));
    assert_eq!(
        served.get("/api/v1/recipes/part/lesson/pictures/..%2F..%2Fline.sqlite"),
        400
    );
}

#[test]
fn parts_are_found_by_what_is_asked_of_them() {
    let served = Served::open();
    let parts: Vec<_> = (0..3).map(|_| served.add_part().to_string()).collect();
    let mark = Ask::change("PUT", &format!("/api/v1/parts/{}/mark", parts[0]));
    assert_eq!(
        mark.json(&json!({ "mark": "good" }))
            .send(served.address)
            .status,
        200
    );
    let found = |query: &str| -> Vec<String> {
        let answer = Ask::get(&format!("/api/v1/parts?{query}")).send(served.address);
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let parts = answer.json();
        let parts = parts.as_array().unwrap().iter();
        parts
            .map(|part| part["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let newest_first: Vec<_> = parts.iter().rev().cloned().collect();
    assert_eq!(found(""), newest_first);
    assert_eq!(
        found("verdict=bad&camera=left&recipe=part&pictures=true"),
        newest_first
    );
    assert_eq!(found("marked=true"), parts[..1]);
    assert_eq!(found("marked=false&limit=1"), parts[2..]);
    assert_eq!(found("verdict=good"), [""; 0]);
    assert_eq!(found("camera=..%2F..%27%20or%201=1"), [""; 0]);
    assert_eq!(found("from=2999-01-01T00:00:00Z"), [""; 0]);
    let seq = Ask::get(&format!("/api/v1/parts/{}", parts[1]))
        .send(served.address)
        .json()["seq"]
        .clone();
    assert_eq!(found(&format!("before={seq}")), parts[..1]);

    let mark = format!("/api/v1/parts/{}/mark", parts[0]);
    let answer = Ask::change("DELETE", &mark).send(served.address);
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(found("marked=true"), [""; 0]);
}

#[test]
fn a_line_that_is_not_ready_says_what_it_waits_for() {
    let served = Served::start("", "rtsp://127.0.0.1:9/");
    assert_eq!(served.get("/healthz"), 200);
    let answer = Ask::get("/readyz").send(served.address);
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (503, "not ready: no frames of left")
    );
    let answer = Ask::get("/api/v1/cameras/left/picture.jpg").send(served.address);
    assert_eq!(answer.status, 503);
    answer.error();
}
