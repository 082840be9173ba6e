//! Tokens: how one is made, hashed, and told from others.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use argon2::password_hash::SaltString;
use argon2::password_hash::rand_core::{OsRng, RngCore};
use argon2::{Argon2, PasswordHasher};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::failures::{Failures, TooMany};
use crate::config::Token;
use crate::http::Caller;
use crate::lock::lock;

/// A token that nobody guesses: 256 random bits.
pub fn new_token() -> String {
    format!("igd_{}", random_hex())
}

/// What stands in the configuration in a token's place.
pub fn hash_token(token: &str) -> String {
    let salt = SaltString::generate(&mut OsRng);
    let hash = Argon2::default().hash_password(token.as_bytes(), &salt);
    // It fails of parameters alone.
    hash.expect("argon2's own parameters are right").to_string()
}

/// 256 random bits in 64 letters.
pub(super) fn random_hex() -> String {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is kept of a secret in memory.
pub(super) fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// The tokens of a line.
pub(super) struct Tokens {
    tokens: Arc<[Token]>,
    /// Digests of those that were right before: argon2 takes 50 ms, and a page makes many requests.
    known: Mutex<Vec<([u8; 32], Caller)>>,
    failures: Mutex<Failures>,
    /// Hashing takes 19 MiB and a core each.
    hashing: Semaphore,
}

impl Tokens {
    pub fn new(tokens: &[Token]) -> Self {
        Self {
            tokens: tokens.into(),
            known: Mutex::default(),
            failures: Mutex::default(),
            hashing: Semaphore::new(1),
        }
    }

    /// Whose token this is, if anybody's. Of an address that has guessed too often only tokens that were right before
    /// are looked at.
    pub async fn caller(&self, token: &str, address: IpAddr) -> Result<Option<Caller>, TooMany> {
        let digest = digest(token);
        if let Some(caller) = self.known(&digest) {
            return Ok(Some(caller));
        }
        // Counted before it is checked, so that many at once are not too many at once.
        lock(&self.failures).count(address, Instant::now())?;
        let Some(caller) = self.check(token).await else {
            return Ok(None);
        };
        lock(&self.failures).forgive(address);
        let mut known = lock(&self.known);
        if known.iter().all(|(other, _)| *other != digest) {
            known.push((digest, caller.clone()));
        }
        Ok(Some(caller))
    }

    fn known(&self, digest: &[u8; 32]) -> Option<Caller> {
        let mut found = None;
        for (other, caller) in &*lock(&self.known) {
            if bool::from(other.ct_eq(digest)) {
                found = Some(caller.clone());
            }
        }
        found
    }

    async fn check(&self, token: &str) -> Option<Caller> {
        let _permit = self.hashing.acquire().await.ok()?;
        let tokens = self.tokens.clone();
        let token = token.to_owned();
        let found = tokio::task::spawn_blocking(move || {
            let is_it = |known: &&Token| known.hash.is_of(token.as_bytes());
            tokens.iter().find(is_it).map(|token| Caller {
                name: token.name.to_string(),
                role: token.role,
            })
        });
        found.await.ok().flatten()
    }
}
