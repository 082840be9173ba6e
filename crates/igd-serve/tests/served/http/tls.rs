//! HTTPS.

use std::fs;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use igd_serve::LineConfig;
use igd_serve::http;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::client::dial;
use super::served::{OPERATE, Served, tokens};

/// Makes `NAME.pem` and `NAME.key`.
fn certificate(folder: &Path, name: &str) {
    let output = Command::new("openssl")
        .current_dir(folder)
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args([
            "-keyout",
            &format!("{name}.key"),
            "-out",
            &format!("{name}.pem"),
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn files(folder: &Path, certificate: &str, key: &str) -> String {
    format!(
        "tls = {{ certificate = '{0}/{certificate}', key = '{0}/{key}' }}\n",
        folder.display()
    )
}

/// A client that trusts this certificate alone.
fn trusting(certificate: &Path) -> ureq::Agent {
    let root = Certificate::from_pem(&fs::read(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(RootCerts::new_with_certs(&[root]))
        .build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0);
    config.build().into()
}

#[test]
fn a_line_is_served_by_https() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "line");
    let server = files(folder.path(), "line.pem", "line.key") + &tokens();
    let served = Served::start(&server, "videotestsrc is-live=true");
    let agent = trusting(&folder.path().join("line.pem"));
    let url = |path: &str| format!("https://localhost:{}{path}", served.address.port());
    let answer = agent
        .get(url("/api/v1/cameras"))
        .header("Authorization", format!("Bearer {OPERATE}"))
        .call()
        .unwrap();
    assert_eq!(answer.status(), 200);
    let login = agent
        .post(url("/login"))
        .header("Origin", url(""))
        .send_form([("token", OPERATE)])
        .unwrap();
    let cookie = login.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.ends_with("; Secure"), "{cookie}");

    // Whoever speaks plainly, or nonsense, is hung up on; others go on.
    let mut plain = dial(Ipv4Addr::LOCALHOST, served.address).unwrap();
    plain
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"));
    assert_eq!(agent.get(url("/healthz")).call().unwrap().status(), 200);
    // One that does not know the certificate does not go on.
    certificate(folder.path(), "other");
    let agent = trusting(&folder.path().join("other.pem"));
    assert!(agent.get(url("/healthz")).call().is_err());
}

#[test]
fn a_file_that_is_no_certificate_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    certificate(path, "line");
    certificate(path, "other");
    fs::write(path.join("empty.pem"), "").unwrap();
    fs::write(
        path.join("broken.pem"),
        "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let fault = |certificate: &str, key: &str| {
        let text = format!(
            "name = 'a'\n[recipes.part]\nmodel = 'model'\n[cameras.left]\nsource = 'a'\nrecipe = 'part'\n[server]\n{}",
            files(path, certificate, key)
        );
        let config = LineConfig::parse(&text, path).unwrap();
        http::check(&config.server).map_err(|error| error.to_string())
    };
    assert_eq!(fault("line.pem", "line.key"), Ok(()));
    for (certificate, key, named, why) in [
        ("none.pem", "line.key", "none.pem", "No such file"),
        ("line.pem", "none.key", "none.key", "No such file"),
        (
            "empty.pem",
            "line.key",
            "empty.pem",
            "no certificate in PEM",
        ),
        (
            "broken.pem",
            "line.key",
            "broken.pem",
            "no certificate in PEM",
        ),
        ("line.key", "line.key", "line.key", "no certificate in PEM"),
        ("line.pem", "line.pem", "line.pem", "no private key in PEM"),
        ("line.pem", "other.key", "other.key", "do not serve"),
    ] {
        let error = fault(certificate, key).unwrap_err();
        let file = path.join(named).display().to_string();
        assert!(
            error.contains("[server.tls]") && error.contains(&file) && error.contains(why),
            "{error}"
        );
    }
}
