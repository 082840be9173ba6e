//! HTTPS, with the certificate that the configuration names.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::ServeError;
use crate::config::TlsFiles;

/// What answers the clients' greetings.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ServeError> {
    let TlsFiles { certificate, key } = files;
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| fault(certificate, &error, "certificate"))?;
    if chain.is_empty() {
        return Err(fault(certificate, &pem::Error::NoItemsFound, "certificate"));
    }
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| fault(key, &error, "private key"))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows the ciphers of TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| ServeError::Tls {
            path: key.clone(),
            text: format!(
                "the key and {} do not serve: {error}",
                certificate.display()
            ),
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn fault(path: &Path, error: &pem::Error, what: &str) -> ServeError {
    let text = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => format!("there is no {what} in PEM in it"),
        error => format!("it is no {what} in PEM: {error}"),
    };
    ServeError::Tls {
        path: path.to_owned(),
        text,
    }
}
