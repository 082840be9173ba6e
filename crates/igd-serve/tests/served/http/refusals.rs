//! What the API answers to what cannot be.

use serde_json::json;
use uuid::Uuid;

use super::client::Ask;
use super::served::Served;

#[test]
fn what_is_not_there_is_told_with_its_name() {
    let served = Served::open();
    let nobody = Uuid::nil();
    for (method, path, body) in [
        ("GET", "/cameras/right", None),
        ("POST", "/cameras/right/trigger", None),
        (
            "POST",
            "/cameras/right/pause",
            Some(json!({ "paused": true })),
        ),
        (
            "POST",
            "/cameras/right/recipe",
            Some(json!({ "recipe": "part" })),
        ),
        (
            "POST",
            "/cameras/left/recipe",
            Some(json!({ "recipe": "right" })),
        ),
        ("GET", "/cameras/right/picture.jpg", None),
        ("GET", "/cameras/right/live.mjpeg", None),
        ("GET", "/counts?camera=right", None),
        ("GET", "/recipes/right", None),
        ("GET", "/recipes/right/scores", None),
        ("POST", "/recipes/right/refit", None),
        ("POST", "/recipes/right/refit/accept", None),
        (
            "PUT",
            "/recipes/right/threshold",
            Some(json!({ "threshold": 1 })),
        ),
        (
            "POST",
            "/recipes/right/activate",
            Some(json!({ "version": 1 })),
        ),
    ] {
        let ask = Ask::change(method, &format!("/api/v1{path}"));
        let answer = body.iter().fold(ask, Ask::json).send(served.address);
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
        assert!(
            answer.error().contains("right"),
            "{path}: {}",
            answer.text()
        );
    }
    for (method, path, body) in [
        ("GET", "", None),
        ("GET", "/frame.jpg", None),
        ("PUT", "/mark", Some(json!({ "mark": "bad" }))),
        ("DELETE", "/mark", None),
    ] {
        let ask = Ask::change(method, &format!("/api/v1/parts/{nobody}{path}"));
        let answer = body.iter().fold(ask, Ask::json).send(served.address);
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
        assert!(answer.error().contains(&nobody.to_string()));
    }
    let answer = Ask::get("/api/v1/nothing").send(served.address);
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (404, "there is nothing at this address")
    );
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let served = Served::open();
    let part = served.add_part();
    let mark = format!("/parts/{part}/mark");
    for (method, path, body, status) in [
        ("PUT", mark.as_str(), json!({ "mark": "ugly" }), 422),
        ("PUT", &mark, json!({}), 422),
        (
            "PUT",
            &mark,
            json!({ "mark": "bad", "area": [0, 0, 1] }),
            422,
        ),
        (
            "PUT",
            &mark,
            json!({ "mark": "bad", "area": [0.5, 0, 0.6, 1] }),
            422,
        ),
        (
            "PUT",
            &mark,
            json!({ "mark": "bad", "area": [0, 0, 0, 1] }),
            422,
        ),
        (
            "PUT",
            &mark,
            json!({ "mark": "bad", "area": [-0.1, 0, 0.5, 1] }),
            422,
        ),
        (
            "PUT",
            &mark,
            json!({ "mark": "bad", "by": "somebody else" }),
            422,
        ),
        ("PUT", "/parts/1/mark", json!({ "mark": "bad" }), 400),
        ("PUT", "/recipes/part/threshold", json!({}), 422),
        (
            "PUT",
            "/recipes/part/threshold",
            json!({ "threshold": "1" }),
            422,
        ),
        (
            "PUT",
            "/recipes/part/threshold",
            json!({ "threshold": 1e300 }),
            422,
        ),
        (
            "POST",
            "/recipes/part/activate",
            json!({ "version": 7 }),
            404,
        ),
        (
            "POST",
            "/recipes/part/activate",
            json!({ "version": -1 }),
            422,
        ),
        ("POST", "/recipes/part/refit/accept", json!({}), 409),
        ("POST", "/recipes/part/refit/discard", json!({}), 409),
        (
            "POST",
            "/cameras/left/pause",
            json!({ "paused": "yes" }),
            422,
        ),
    ] {
        let answer = Ask::change(method, &format!("/api/v1{path}"))
            .json(&body)
            .send(served.address);
        assert_eq!(
            answer.status,
            status,
            "{method} {path} {body}: {}",
            answer.text()
        );
        answer.error();
    }
    let no_json = Ask::change("PUT", &format!("/api/v1{mark}")).body("application/json", "{");
    assert_eq!(no_json.send(served.address).status, 400);
    for query in [
        "verdict=ugly",
        "from=yesterday",
        "limit=-1",
        "marked=2",
        "verdit=bad",
    ] {
        let answer = Ask::get(&format!("/api/v1/parts?{query}")).send(served.address);
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
    }
    for query in ["limit=0", "limit=1001"] {
        assert_eq!(
            served.get(&format!("/api/v1/events?{query}")),
            422,
            "{query}"
        );
    }
    let answer = Ask::get(&format!("/api/v1/parts/{part}")).send(served.address);
    assert_eq!(answer.json().get("mark"), None);
}
