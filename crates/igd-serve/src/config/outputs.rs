use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use ureq::http::Uri;

use super::{Name, TlsFiles, Token};

/// `[outputs]`: where verdicts go. Each record reaches MQTT and webhooks at least once, in order, whatever was away
/// meanwhile.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Outputs {
    /// A broker.
    pub mqtt: Option<MqttConfig>,
    /// Addresses that get each record.
    pub webhooks: Vec<WebhookConfig>,
    /// A server of Modbus TCP.
    pub modbus: Option<ModbusConfig>,
    /// A server of OPC UA, where it is built in.
    pub opcua: Option<OpcUaConfig>,
}

/// `[outputs.mqtt]`: MQTT 5.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MqttConfig {
    /// `mqtt://host:1883`, or `mqtts://host:8883` with TLS.
    pub broker: Broker,
    /// What topics begin with; `igd/LINE` unless told.
    #[serde(default)]
    pub topic: Option<Topic>,
    /// Another than the line's name, where two lines of one name share a broker.
    #[serde(default)]
    pub client: Option<Name>,
    /// Who it is there.
    #[serde(default)]
    pub user: Option<String>,
    /// A file with the password in its first line.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// The authority of the broker's certificate in PEM; the system's unless told.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

/// The address of a broker.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Broker {
    /// Whether it is spoken to by TLS: `mqtts://`.
    pub tls: bool,
    /// Its name or address; one of IPv6 without brackets.
    pub host: String,
    /// 1883 unless told, 8883 with TLS.
    pub port: u16,
}

/// What topics begin with: not empty, without `+`, `#` and control characters, at most 1000 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Topic(String);

/// `[[outputs.webhooks]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WebhookConfig {
    /// What it is called in events and metrics.
    pub name: Name,
    /// `http://` or `https://`.
    pub url: Url,
    /// A file whose first line signs the body: header `X-Igd-Signature: sha256=HEX` of HMAC-SHA256.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// The authority of the server's certificate in PEM; the system's unless told.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Bad parts and those without a verdict alone.
    #[serde(default)]
    pub only_bad: bool,
}

/// The address of a server of HTTP or HTTPS.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Url(pub Uri);

/// `[outputs.modbus]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ModbusConfig {
    /// Address and port; Modbus knows no passwords, so it is for the machines' own network.
    pub listen: SocketAddr,
}

/// `[outputs.opcua]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OpcUaConfig {
    /// Address and port; 4840 is the usual one.
    pub listen: SocketAddr,
    /// Whether whoever reaches the address may do all; else those of `[[server.tokens]]`, by name and token.
    #[serde(default)]
    pub anonymous: bool,
    /// Whether nothing can be written: neither recipe nor trigger. Else a token's role has to be `operate`.
    #[serde(default)]
    pub read_only: bool,
    /// Certificate and key in PEM or DER, for connections that are signed and encrypted.
    #[serde(default)]
    pub tls: Option<TlsFiles>,
}

impl OpcUaConfig {
    fn check(&self, tokens: &[Token]) -> Result<(), String> {
        if !cfg!(feature = "opcua") {
            return Err(
                "[outputs.opcua] this igd was built without OPC UA: the package for Debian has it, and \
                 `cargo build --release --features opcua`"
                    .into(),
            );
        }
        if !self.anonymous && (tokens.is_empty() || self.tls.is_none()) {
            return Err(
                "[outputs.opcua] nobody could sign in: give [[server.tokens]] and tls = { certificate = ..., key = ... }, \
                 without which a token would be sent for all to read; or anonymous = true"
                    .into(),
            );
        }
        Ok(())
    }
}

impl Outputs {
    pub(super) fn relative_to(&mut self, folder: &Path) {
        let join = |path: &mut Option<PathBuf>| *path = path.take().map(|path| folder.join(path));
        if let Some(mqtt) = &mut self.mqtt {
            join(&mut mqtt.password_file);
            join(&mut mqtt.ca);
        }
        for webhook in &mut self.webhooks {
            join(&mut webhook.secret_file);
            join(&mut webhook.ca);
        }
        if let Some(tls) = self.opcua.as_mut().and_then(|opcua| opcua.tls.as_mut()) {
            tls.relative_to(folder);
        }
    }

    /// The files that it names.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let mqtt = self
            .mqtt
            .iter()
            .flat_map(|mqtt| [&mqtt.password_file, &mqtt.ca]);
        let webhooks = self.webhooks.iter();
        let webhooks = webhooks.flat_map(|webhook| [&webhook.secret_file, &webhook.ca]);
        let opcua = self.opcua.iter().filter_map(|opcua| opcua.tls.as_ref());
        let opcua = opcua.flat_map(|tls| [&tls.certificate, &tls.key]);
        let named = mqtt.chain(webhooks).flatten();
        named.chain(opcua).map(PathBuf::as_path)
    }

    pub(super) fn check(&self, tokens: &[Token]) -> Result<(), String> {
        if let Some(opcua) = &self.opcua {
            opcua.check(tokens)?;
        }
        if let Some(mqtt) = &self.mqtt {
            if mqtt.ca.is_some() && !mqtt.broker.tls {
                return Err(
                    "[outputs.mqtt] ca: only brokers at mqtts:// show a certificate".into(),
                );
            }
            if mqtt.password_file.is_some() && mqtt.user.is_none() {
                return Err("[outputs.mqtt] password-file: whose is it? give user as well".into());
            }
        }
        let mut names = BTreeSet::from(["mqtt", "modbus", "opcua"]);
        for webhook in &self.webhooks {
            if !names.insert(&webhook.name) {
                return Err(format!(
                    "[[outputs.webhooks]] name = \"{}\": another output has that name; what is delivered is remembered \
                     by it",
                    webhook.name
                ));
            }
            if webhook.ca.is_some() && !webhook.url.is_https() {
                return Err(format!(
                    "[[outputs.webhooks]] {}: ca: only servers at https:// show a certificate",
                    webhook.name
                ));
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Broker {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "\"{text}\" is no broker: {why}; it is written mqtt://HOST:1883 or mqtts://HOST:8883"
            )
        };
        let address: Uri = text.parse().map_err(|_| wrong("no address"))?;
        let tls = match address.scheme_str() {
            Some("mqtt") => false,
            Some("mqtts") => true,
            _ => return Err(wrong("neither mqtt:// nor mqtts://")),
        };
        if text.contains('@') {
            return Err(wrong("user and password-file have keys of their own"));
        }
        if !matches!(address.path(), "" | "/") || address.query().is_some() {
            return Err(wrong("a path"));
        }
        let host = address.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(wrong("no host"));
        }
        if has_wrong_port(&address) {
            return Err(wrong("its port is none"));
        }
        let port = match address.port_u16() {
            Some(port) => port,
            None if tls => 8883,
            None => 1883,
        };
        Ok(Self {
            tls,
            host: host.to_owned(),
            port,
        })
    }
}

impl Display for Broker {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

impl Topic {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Topic {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = |letter: char| !letter.is_control() && !"+#".contains(letter);
        match (1..=1000).contains(&text.len()) && text.chars().all(fits) {
            true => Ok(Self(text)),
            false => Err(format!(
                "\"{text}\" begins no topic: 1 to 1000 bytes without + and #"
            )),
        }
    }
}

impl Url {
    /// Whether it is spoken to by TLS.
    pub fn is_https(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }
}

impl TryFrom<String> for Url {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = |address: &Uri| {
            matches!(address.scheme_str(), Some("http" | "https"))
                && address.host().is_some()
                && !has_wrong_port(address)
        };
        match text.parse() {
            Ok(address) if fits(&address) => Ok(Self(address)),
            _ => Err(format!(
                "\"{text}\" is no address of a webhook: it is written http://HOST/PATH or https://HOST/PATH"
            )),
        }
    }
}

/// Something stands after the host, and is no port.
fn has_wrong_port(address: &Uri) -> bool {
    address.authority().is_some_and(|authority| {
        let place = authority.as_str().rsplit('@').next();
        authority.port_u16().is_none() && place != Some(authority.host())
    })
}

impl Display for Url {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_read_as_they_are_written() {
        for (text, tls, host, port) in [
            ("mqtt://broker", false, "broker", 1883),
            ("mqtts://broker", true, "broker", 8883),
            ("mqtt://10.0.0.7:1884", false, "10.0.0.7", 1884),
            ("mqtts://[fd00::7]:8884", true, "fd00::7", 8884),
        ] {
            let broker = Broker::try_from(text.to_owned()).unwrap();
            assert_eq!(
                (broker.tls, broker.host.as_str(), broker.port),
                (tls, host, port)
            );
        }
        for text in [
            "broker",
            "tcp://broker",
            "mqtt://",
            "mqtt://a:b@broker",
            "mqtt://broker/x",
            "mqtt://broker:0x",
        ] {
            let error = Broker::try_from(text.to_owned()).unwrap_err();
            assert!(error.contains("mqtts://HOST:8883"), "{text}: {error}");
        }
    }

    #[test]
    fn topics_and_addresses_that_cannot_be_are_told() {
        for text in ["", "a/+/b", "a/#", "a\0b"] {
            assert!(Topic::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert_eq!(
            Topic::try_from("hall 3/line".to_owned()).unwrap().as_str(),
            "hall 3/line"
        );
        for text in [
            "",
            "example.org",
            "ftp://example.org",
            "http:///path",
            "http://example.org:70000/",
        ] {
            assert!(Url::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert!(
            Url::try_from("https://example.org/a?b".to_owned())
                .unwrap()
                .is_https()
        );
    }

    #[test]
    fn outputs_that_do_not_go_together_are_told() {
        let check = |text: &str| toml::from_str::<Outputs>(text).unwrap().check(&[]);
        let webhook =
            |name: &str| format!("[[webhooks]]\nname = \"{name}\"\nurl = \"http://localhost/\"\n");
        assert_eq!(check(&(webhook("a") + &webhook("b"))), Ok(()));
        assert!(
            check(&(webhook("a") + &webhook("a")))
                .unwrap_err()
                .contains("another output")
        );
        assert!(
            check(&webhook("mqtt"))
                .unwrap_err()
                .contains("another output")
        );
        assert!(
            check(&(webhook("a") + "ca = \"ca.pem\""))
                .unwrap_err()
                .contains("https://")
        );
        let broker = "[mqtt]\nbroker = \"mqtt://localhost\"\n".to_owned();
        assert!(
            check(&(broker.clone() + "ca = \"ca.pem\""))
                .unwrap_err()
                .contains("mqtts://")
        );
        assert!(
            check(&(broker + "password-file = \"p\""))
                .unwrap_err()
                .contains("user")
        );
    }
}
