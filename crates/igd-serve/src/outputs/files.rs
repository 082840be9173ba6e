//! What outputs read from files: secrets, and whose certificates they trust.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Debian's.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A password or key, without the end of its line.
pub(super) fn first_line(path: &Path) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(format!("{}: its first line is empty", path.display())),
    }
}

/// The certificates of a file in PEM, or of the authorities that the system trusts.
pub(super) fn authorities(ca: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    let path = ca.unwrap_or(Path::new(SYSTEM));
    let hint = match ca {
        Some(_) => "",
        None => "; install the package ca-certificates, or name the authority with ca",
    };
    let wrong = |what: &dyn std::fmt::Display| format!("{}: {what}{hint}", path.display());
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(&error))?;
    match certificates.is_empty() {
        true => Err(wrong(&"it has no certificate in PEM")),
        false => Ok(certificates),
    }
}

/// How peers are spoken to whose certificate one of these authorities has signed.
pub(super) fn tls(ca: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    let (used, _) = roots.add_parsable_certificates(authorities(ca)?);
    if used == 0 {
        let path = ca.unwrap_or(Path::new(SYSTEM));
        return Err(format!(
            "{}: none of its certificates can be read",
            path.display()
        ));
    }
    let config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS: {error}"))?;
    Ok(Arc::new(
        config.with_root_certificates(roots).with_no_client_auth(),
    ))
}
