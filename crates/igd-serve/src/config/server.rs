use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use argon2::{Argon2, PasswordHash, PasswordVerifier};
use serde::Deserialize;

use super::Name;

/// `[server]`: the API and the page.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Server {
    /// Address and port. Any but this machine's own (127.0.0.1, ::1) needs a token.
    pub listen: SocketAddr,
    /// Who may do what. None: whoever reaches the address may do all.
    pub tokens: Vec<Token>,
    /// To serve by HTTPS.
    pub tls: Option<TlsFiles>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tokens: Vec::new(),
            tls: None,
        }
    }
}

/// `[[server.tokens]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Token {
    /// Whose it is; marks and changes are noted with it.
    pub name: Name,
    /// What it allows.
    pub role: Role,
    /// Its argon2 hash, as `igd serve --hash-token` prints it.
    pub hash: TokenHash,
}

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// To see all.
    Read,
    /// To trigger, mark, switch, refit and set thresholds as well.
    Operate,
}

/// The text of an argon2 hash.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TokenHash(String);

impl TokenHash {
    /// Whether it is that of this token. Takes 50 ms.
    pub fn is_of(&self, token: &[u8]) -> bool {
        let hash = PasswordHash::new(&self.0).expect("it was parsed when it was made");
        Argon2::default().verify_password(token, &hash).is_ok()
    }
}

impl TryFrom<String> for TokenHash {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_argon2 = |hash: PasswordHash<'_>| {
            hash.algorithm.as_str().starts_with("argon2")
                && hash.salt.is_some()
                && hash.hash.is_some()
        };
        match PasswordHash::new(&text).is_ok_and(is_argon2) {
            true => Ok(Self(text)),
            false => Err(
                "no argon2 hash, which begins with $argon2id$: `igd serve --hash-token` makes one of a token".into(),
            ),
        }
    }
}

/// `[server.tls]`: files in PEM.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TlsFiles {
    /// The certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl TlsFiles {
    pub(super) fn relative_to(&mut self, folder: &Path) {
        self.certificate = folder.join(&self.certificate);
        self.key = folder.join(&self.key);
    }
}

impl Server {
    pub(super) fn relative_to(&mut self, folder: &Path) {
        if let Some(tls) = &mut self.tls {
            tls.relative_to(folder);
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if !self.listen.ip().is_loopback() && self.tokens.is_empty() {
            return Err(format!(
                "[server] listen = \"{}\": an address that other machines reach needs a token: [[server.tokens]] with \
                 name, role and hash (`igd serve --hash-token` makes one)",
                self.listen
            ));
        }
        for (index, token) in self.tokens.iter().enumerate() {
            if self.tokens[..index]
                .iter()
                .any(|other| other.name == token.name)
            {
                return Err(format!(
                    "[[server.tokens]] name = \"{}\": two tokens have this name, and nobody could tell who it was",
                    token.name
                ));
            }
        }
        Ok(())
    }
}
