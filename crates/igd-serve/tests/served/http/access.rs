//! Who may do what.

use serde_json::json;

use super::client::Ask;
use super::description::{Operation, operations};
use super::served::{OPERATE, READ, Served, tokens};

/// What an operation answers, where only the status counts.
fn status(served: &Served, operation: &Operation, token: Option<&str>, from: u8) -> u16 {
    let path = operation
        .path
        .replace("{name}", "left")
        .replace("{id}", &uuid::Uuid::nil().to_string());
    let ask = Ask::change(&operation.method, &path).from(from);
    let ask = match token {
        Some(token) => ask.bearer(token),
        None => ask,
    };
    ask.begin(served.address).head().status
}

#[test]
fn each_operation_asks_for_the_token_that_its_description_names() {
    let served = Served::guarded();
    for (index, operation) in operations().iter().enumerate() {
        // Nobody guesses twice from one address.
        let from = u8::try_from(index + 2).unwrap();
        let found = [None, Some("wrong"), Some(READ), Some(OPERATE)]
            .map(|token| status(&served, operation, token, from));
        let is_let_in = found.map(|status| ![401, 403].contains(&status));
        let expected = match operation.role.as_str() {
            "none" => [true; 4],
            "read" => [false, false, true, true],
            "operate" => [false, false, false, true],
            role => panic!("{role} is no role"),
        };
        assert_eq!(
            is_let_in, expected,
            "{} {}: {found:?}",
            operation.method, operation.path
        );
        let is_403 = found[2] == 403;
        assert_eq!(
            is_403,
            operation.role == "operate",
            "{}: {found:?}",
            operation.path
        );
    }
}

#[test]
fn unknown_addresses_ask_for_a_token_too() {
    let served = Served::guarded();
    for path in [
        "/",
        "/api/v1/nothing",
        "/api/v1/../healthz",
        "//healthz",
        "/healthz/",
        "/assetsx",
    ] {
        assert_eq!(served.get(path), 401, "{path}");
    }
    assert_eq!(served.get("/healthz"), 200);
    assert_eq!(served.get("/readyz"), 200);
}

#[test]
fn a_token_comes_by_its_header_alone() {
    let served = Served::guarded();
    let cameras = || Ask::get("/api/v1/cameras");
    let refused = [
        cameras().header("Authorization", READ),
        cameras().header("Authorization", &format!("Basic {READ}")),
        cameras().header("Authorization", "Bearer"),
        cameras().header("Authorization", "Bearer "),
        cameras().bearer(&READ[1..]),
        cameras().header("Cookie", &format!("igd-test={READ}")),
        Ask::get(&format!(
            "/api/v1/cameras?token={}",
            READ.replace(' ', "%20")
        )),
    ];
    for ask in refused {
        let answer = ask.send(served.address);
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        assert!(answer.error().contains("token"));
    }
    let answer = cameras()
        .header("authorization", &format!("bearer {READ}"))
        .send(served.address);
    assert_eq!(answer.status, 200);
}

#[test]
fn whoever_guesses_has_to_wait_and_others_do_not() {
    let served = Served::guarded();
    let ask = |token: &str, from| {
        Ask::get("/api/v1/cameras")
            .bearer(token)
            .from(from)
            .send(served.address)
    };
    assert_eq!(ask(READ, 2).status, 200);
    for _ in 0..10 {
        assert_eq!(ask("wrong", 2).status, 401);
    }
    let answer = ask("wrong", 2);
    assert_eq!(answer.status, 429, "{answer:?}");
    assert!(
        answer
            .header("retry-after")
            .unwrap()
            .parse::<u64>()
            .unwrap()
            <= 60
    );
    assert!(answer.error().contains("wrong tokens"));
    // Not even a right one is looked at, unless it was right before.
    assert_eq!(ask(OPERATE, 2).status, 429);
    assert_eq!(ask(READ, 2).status, 200);
    assert_eq!(ask(OPERATE, 3).status, 200);
    let login = Ask::new("POST", "/login")
        .from(2)
        .body("application/x-www-form-urlencoded", "token=wrong");
    assert_eq!(login.send(served.address).status, 429);
}

#[test]
fn guesses_at_once_are_not_more_guesses() {
    let served = Served::guarded();
    let asked: Vec<_> = (0..30)
        .map(|number| {
            Ask::get("/api/v1/cameras")
                .bearer(&format!("wrong {number}"))
                .begin(served.address)
        })
        .collect();
    let statuses: Vec<_> = asked
        .into_iter()
        .map(|mut reader| reader.head().status)
        .collect();
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(401), count(429)), (10, 20), "{statuses:?}");
}

fn login(served: &Served, token: &str) -> super::client::Answer {
    let form = format!("token={}", token.replace(' ', "+"));
    let ask = Ask::new("POST", "/login").body("application/x-www-form-urlencoded", form);
    ask.header("Origin", &format!("http://{}", served.address))
        .send(served.address)
}

#[test]
fn a_cookie_stands_for_a_token_until_logout() {
    let served = Served::guarded();
    let answer = login(&served, OPERATE);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert!(
        pair.starts_with("igd-test=") && !cookie.contains(OPERATE),
        "{cookie}"
    );
    assert_eq!(
        attributes,
        "Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"
    );

    let with = |ask: Ask| {
        ask.header("Cookie", &format!("theme=dark; {pair}; igd-other=1"))
            .send(served.address)
    };
    assert_eq!(with(Ask::get("/api/v1/cameras")).status, 200);
    assert_eq!(
        with(Ask::new("POST", "/api/v1/cameras/left/pause")).status,
        403
    );
    let pause = Ask::change("POST", "/api/v1/cameras/left/pause").json(&json!({ "paused": true }));
    assert_eq!(with(pause).status, 200);

    let answer = with(Ask::new("POST", "/logout"));
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/login"))
    );
    assert!(
        answer
            .header("set-cookie")
            .unwrap()
            .starts_with("igd-test=; Path=/; Max-Age=0")
    );
    assert_eq!(with(Ask::get("/api/v1/cameras")).status, 401);
}

#[test]
fn who_reads_changes_nothing_by_cookie_either() {
    let served = Served::guarded();
    let answer = login(&served, READ);
    let (pair, _) = answer
        .header("set-cookie")
        .unwrap()
        .split_once(';')
        .unwrap();
    let pause = Ask::change("POST", "/api/v1/cameras/left/pause").header("Cookie", pair);
    let answer = pause.json(&json!({ "paused": true })).send(served.address);
    assert_eq!(answer.status, 403);
    assert!(answer.error().starts_with("ada may see all"));
}

#[test]
fn a_browser_is_led_to_the_login() {
    let served = Served::guarded();
    let html = |ask: Ask| {
        ask.header("Accept", "text/html,*/*;q=0.8")
            .send(served.address)
    };
    let answer = html(Ask::get("/"));
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/login"))
    );
    let wrong = Ask::new("POST", "/login").body("application/x-www-form-urlencoded", "token=wrong");
    let answer = html(wrong);
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/login?wrong"))
    );
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(login(&served, "wrong").status, 401);
}

#[test]
fn a_mark_bears_the_name_of_its_token() {
    let served = Served::guarded();
    let part = served.add_part();
    let mark = Ask::new("PUT", &format!("/api/v1/parts/{part}/mark")).bearer(OPERATE);
    let answer = mark.json(&json!({ "mark": "good" })).send(served.address);
    assert_eq!(
        (answer.status, &answer.json()["by"]),
        (200, &json!("grace"))
    );
}

#[test]
fn what_a_line_makes_of_a_new_token_lets_its_owner_in() {
    let token = igd_serve::http::new_token();
    assert_ne!(token, igd_serve::http::new_token());
    let hash = igd_serve::http::hash_token(&token);
    assert_ne!(
        hash,
        igd_serve::http::hash_token(&token),
        "a hash is salted"
    );
    let server = format!("[[server.tokens]]\nname = 'new'\nrole = 'read'\nhash = '{hash}'\n");
    let served = Served::start(&server, "videotestsrc is-live=true");
    for expected in [200, 200] {
        let answer = Ask::get("/api/v1/cameras")
            .bearer(&token)
            .send(served.address);
        assert_eq!(answer.status, expected);
    }
    assert_eq!(
        Ask::get("/api/v1/cameras")
            .bearer(&hash)
            .send(served.address)
            .status,
        401
    );
}

#[test]
fn a_configuration_says_what_is_wrong_with_its_tokens() {
    let fault = |server: &str| Served::try_start(server, "videotestsrc").err().unwrap();
    let plain = "[[server.tokens]]\nname = 'a'\nrole = 'read'\nhash = 'secret'";
    assert!(
        fault(plain).contains("igd serve --hash-token"),
        "{}",
        fault(plain)
    );
    let twice = tokens().replace("grace", "ada");
    assert!(fault(&twice).contains("two tokens"), "{}", fault(&twice));
    assert!(fault("listen = '0.0.0.0:80'").contains("needs a token"));
}
