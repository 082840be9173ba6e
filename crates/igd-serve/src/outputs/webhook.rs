use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use tokio::runtime::Handle;
use ureq::Agent;
use ureq::http::StatusCode;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::feed::Feed;
use super::files::{authorities, first_line};
use crate::config::{Url, WebhookConfig};
use crate::pauses::Pauses;
use crate::record::Verdict;
use crate::store::Part;

/// Parts that are read from the store at once.
const BATCH: usize = 50;
/// For a whole request, with its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is read of an answer.
const ANSWER: u64 = 64 * 1024;

/// Posts a record after the other.
pub(super) struct Webhook {
    feed: Arc<Feed>,
    url: Url,
    secret: Option<String>,
    only_bad: bool,
    agent: Agent,
}

/// Why a record was not taken.
enum Refusal {
    /// It never will be.
    ForGood(String),
    /// It may be later.
    ForNow(String),
}

impl Webhook {
    pub(super) fn new(config: &WebhookConfig, feed: Arc<Feed>) -> Result<Self, String> {
        let wrong = |error| format!("[[outputs.webhooks]] {}: {error}", config.name);
        let secret = config.secret_file.as_deref().map(first_line);
        let mut agent = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("igd/", env!("CARGO_PKG_VERSION")));
        if config.url.is_https() {
            let authorities = authorities(config.ca.as_deref()).map_err(wrong)?;
            let roots = authorities
                .iter()
                .map(|der| Certificate::from_der(der).to_owned());
            let tls = TlsConfig::builder()
                .root_certs(RootCerts::from(roots))
                .unversioned_rustls_crypto_provider(Arc::new(
                    rustls::crypto::ring::default_provider(),
                ))
                .build();
            agent = agent.tls_config(tls);
        }
        Ok(Self {
            feed,
            url: config.url.clone(),
            secret: secret.transpose().map_err(wrong)?,
            only_bad: config.only_bad,
            agent: agent.build().new_agent(),
        })
    }

    pub(super) fn feed(&self) -> Arc<Feed> {
        self.feed.clone()
    }

    /// Until the feed is stopped.
    pub(super) fn run(self, runtime: &Handle) {
        let feed = &self.feed;
        let mut pauses = Pauses::new();
        loop {
            let parts = match feed.after(feed.delivered(), BATCH) {
                Ok(parts) => parts,
                Err(error) => {
                    feed.lost(error);
                    runtime.block_on(feed.pause(pauses.next()));
                    if feed.is_stopping() {
                        return;
                    }
                    continue;
                }
            };
            if parts.is_empty() {
                if feed.is_stopping() {
                    return;
                }
                runtime.block_on(async {
                    tokio::select! {
                        () = feed.woken() => {}
                        () = feed.stopping() => {}
                    }
                });
                continue;
            }
            let goes_on = parts
                .iter()
                .all(|part| self.deliver(part, &mut pauses, runtime));
            // Once for many, where many wait: it takes longer than to post one.
            feed.save();
            if !goes_on || feed.is_overdue() {
                return;
            }
        }
    }

    /// Until the server has it, or never will. False: the end has come before.
    fn deliver(&self, part: &Part, pauses: &mut Pauses, runtime: &Handle) -> bool {
        let feed = &self.feed;
        let is_wanted = !self.only_bad || part.record.verdict != Verdict::Good;
        while is_wanted && let Err(refusal) = self.post(part) {
            match refusal {
                Refusal::ForGood(why) => {
                    feed.connected();
                    feed.skip(part, &why);
                    break;
                }
                Refusal::ForNow(why) => {
                    feed.lost(why);
                    feed.save();
                    runtime.block_on(feed.pause(pauses.next()));
                }
            }
            if feed.is_stopping() {
                return false;
            }
        }
        *pauses = Pauses::new();
        feed.deliver(part.seq);
        !feed.is_overdue()
    }

    fn post(&self, part: &Part) -> Result<(), Refusal> {
        let body = serde_json::to_vec(part).map_err(|error| Refusal::ForGood(error.to_string()))?;
        let mut request = (self.agent.post(&self.url.0))
            .header("Content-Type", "application/json")
            .header("X-Igd-Seq", part.seq.to_string());
        if let Some(secret) = &self.secret {
            request = request.header("X-Igd-Signature", signature(secret, &body));
        }
        let mut answer = (request.send(&body[..]))
            .map_err(|error| Refusal::ForNow(format!("{}: {error}", self.url)))?;
        // Read to its end, so that the connection can be used again; of interest is only what a refusal says.
        let text = answer
            .body_mut()
            .with_config()
            .limit(ANSWER)
            .read_to_vec()
            .unwrap_or_default();
        let status = answer.status();
        if status.is_success() {
            self.feed.connected();
            return Ok(());
        }
        let text: String = String::from_utf8_lossy(&text).chars().take(200).collect();
        let why = format!("{}: {status} {}", self.url, text.trim());
        match is_of_the_record(status) {
            true => Err(Refusal::ForGood(why)),
            false => Err(Refusal::ForNow(why)),
        }
    }
}

/// Whether a server that answers so will answer so again, whoever asks and whenever: what it does not like is the
/// record. Not so where the address or the secret is wrong: what waits is delivered when they have been set right.
fn is_of_the_record(status: StatusCode) -> bool {
    let of_the_request = matches!(
        status.as_u16(),
        401 | 403 | 404 | 405 | 407 | 408 | 425 | 429
    );
    status.is_client_error() && !of_the_request
}

/// `sha256=HEX` of the body's HMAC.
fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    format!("sha256={:x}", mac.finalize().into_bytes())
}
