//! What an operator enters to register a server, checked field by field in this one place. Secrets
//! are apart from the rest, so that the store can seal them.

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::{Map, Value};
use url::Url;

use crate::domain::mailserver::is_loopback;
use crate::domain::{Invalid, Protocol, Protocols};

/// The plain part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The host name that clients use.
    pub host: String,
    /// What the server offers to clients.
    pub offers: Protocols,
    /// Port of IMAP with STARTTLS.
    #[serde(default)]
    pub imap: Option<u16>,
    /// Port of IMAP over TLS.
    #[serde(default)]
    pub imaps: Option<u16>,
    /// Port of POP3 with STLS.
    #[serde(default)]
    pub pop3: Option<u16>,
    /// Port of POP3 over TLS.
    #[serde(default)]
    pub pop3s: Option<u16>,
    /// Port that takes mail from other servers.
    #[serde(default)]
    pub smtp: Option<u16>,
    /// Port of ManageSieve with STARTTLS.
    #[serde(default)]
    pub sieve: Option<u16>,
    /// Port where clients hand in mail, with STARTTLS.
    #[serde(default)]
    pub submission: Option<u16>,
    /// The front door for `ActiveSync`, DAV and webmail.
    #[serde(default, deserialize_with = "some_url")]
    pub http: Option<Url>,
    /// `host:port` of the IMAP listener that lets the master user in.
    pub panel_imap: String,
    /// The master user's name.
    pub master_user: String,
    /// The doveadm HTTP API.
    #[serde(deserialize_with = "url")]
    pub doveadm_url: Url,
    /// The directory database, without the password.
    #[serde(deserialize_with = "url")]
    pub directory_url: Url,
    /// `SOGo`'s database, without the password, which is that of `directory_url`. Without it calendars
    /// and contacts do not move.
    #[serde(default, deserialize_with = "some_url")]
    pub groupware_url: Option<Url>,
    /// `host:port` of each memcached that `SOGo` uses.
    #[serde(default)]
    pub memcached: Vec<String>,
    /// Hosts beyond loopback where the admin interfaces may be.
    #[serde(default)]
    pub admin_hosts: Vec<String>,
}

/// The sealed part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// The master user's password.
    pub master_password: SecretString,
    /// The key of the doveadm HTTP API.
    pub doveadm_api_key: SecretString,
    /// The password of the role in `directory_url`.
    pub directory_password: SecretString,
}

/// What `mailstack/stack.sh info` prints beyond what the adapter needs.
const NOT_NEEDED: [&str; 6] = [
    "name",
    "lmtp",
    "directory_version",
    "sogo_roles",
    "ca_certificate",
    "base",
];

/// Splits what `mailstack/stack.sh info` prints into settings and secrets for [`crate::backends::connect`].
pub fn split_stack_info(info: Value) -> Result<(Value, Value), Invalid> {
    let Value::Object(mut settings) = info else {
        let why = "This is not the JSON object that “stack.sh info” prints.";
        return Err(Invalid::field("info", why));
    };
    for word in NOT_NEEDED {
        settings.remove(word);
    }
    let mut secrets = Map::new();
    for word in ["master_password", "doveadm_api_key"] {
        if let Some(secret) = settings.remove(word) {
            secrets.insert(word.to_owned(), secret);
        }
    }
    let url = settings.get("directory_url").and_then(Value::as_str);
    if let Some(mut url) = url.and_then(|text| Url::parse(text).ok()) {
        if let Some(password) = url.password() {
            secrets.insert("directory_password".to_owned(), password.into());
        }
        let _ = url.set_password(None);
        settings.insert("directory_url".to_owned(), url.as_str().into());
    }
    Ok((settings.into(), secrets.into()))
}

/// Reads both parts; every fault is told with its field.
pub fn read(settings: Value, secrets: Value) -> Result<(Settings, Secrets), Invalid> {
    let mut invalid = Invalid::default();
    let settings = invalid.take(parse::<Settings>("settings", settings));
    let secrets = invalid.take(parse::<Secrets>("secrets", secrets));
    if let Some(settings) = &settings {
        settings.check(&mut invalid);
    }
    invalid.into_result()?;
    match (settings, secrets) {
        (Some(settings), Some(secrets)) => Ok((settings, secrets)),
        _ => Err(Invalid::field("settings", "Enter the server's settings.")),
    }
}

fn parse<T: serde::de::DeserializeOwned>(field: &str, value: Value) -> Result<T, Invalid> {
    // The value itself may be a secret: only serde's words about its shape are repeated.
    serde_json::from_value(value)
        .map_err(|fault| Invalid::field(field, format!("This cannot be read: {fault}.")))
}

/// The text is not repeated in the fault: it may hold a password.
fn url<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    let text = String::deserialize(from)?;
    Url::parse(&text).map_err(|fault| D::Error::custom(format!("a URL in it is none: {fault}")))
}

fn some_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    let parsed = text.map(|text| Url::parse(&text)).transpose();
    parsed.map_err(|fault| D::Error::custom(format!("a URL in it is none: {fault}")))
}

impl Settings {
    fn check(&self, invalid: &mut Invalid) {
        if self.host.is_empty() || self.host.contains(['/', ' ', ':']) {
            invalid.push("settings/host", "Enter the host name that clients use.");
        }
        if !is_word(&self.master_user) {
            let why = "Enter the master user's name: letters, digits, dots, hyphens.";
            invalid.push("settings/master_user", why);
        }
        self.check_admin_url(
            "doveadm_url",
            &self.doveadm_url,
            &["http", "https"],
            invalid,
        );
        let databases = ["postgres", "postgresql"];
        self.check_admin_url("directory_url", &self.directory_url, &databases, invalid);
        if let Some(groupware) = &self.groupware_url {
            self.check_admin_url("groupware_url", groupware, &databases, invalid);
            if groupware.password().is_some() {
                let why = "Take the password out of the URL; that of directory_url is used.";
                invalid.push("settings/groupware_url", why);
            }
        }
        if self.directory_url.password().is_some() {
            let why = "Take the password out of the URL and enter it as directory_password.";
            invalid.push("settings/directory_url", why);
        }
        self.check_admin_place("panel_imap", &self.panel_imap, invalid);
        for place in &self.memcached {
            self.check_admin_place("memcached", place, invalid);
        }
        if let Some(http) = &self.http
            && !matches!(http.scheme(), "http" | "https")
        {
            let why = format!("“{http}” is not an http or https URL.");
            invalid.push("settings/http", why);
        }
        self.check_listeners(invalid);
    }

    /// What is offered has to be somewhere.
    fn check_listeners(&self, invalid: &mut Invalid) {
        for protocol in self.offers.iter() {
            let (field, there) = match protocol {
                Protocol::Imap => ("imaps", self.imap.or(self.imaps).is_some()),
                Protocol::Pop3 => ("pop3s", self.pop3.or(self.pop3s).is_some()),
                Protocol::Smtp => ("submission", self.submission.is_some()),
                Protocol::Activesync | Protocol::Dav | Protocol::Webmail => {
                    ("http", self.http.is_some())
                }
                Protocol::Jmap => ("offers", false),
            };
            if !there {
                let why = format!("The server offers {}, but not where.", protocol.label());
                invalid.push(&format!("settings/{field}"), why);
            }
        }
    }

    fn check_admin_url(&self, field: &str, url: &Url, schemes: &[&str], invalid: &mut Invalid) {
        let field = format!("settings/{field}");
        if !schemes.contains(&url.scheme()) {
            let why = format!(
                "“{}” is not a scheme for this; use {}.",
                url.scheme(),
                schemes[0]
            );
            invalid.push(&field, why);
        }
        match url.host_str() {
            Some(host) if self.may_administer(host) => {}
            Some(host) => invalid.push(&field, far(host)),
            None => invalid.push(&field, "The URL names no host."),
        }
    }

    fn check_admin_place(&self, field: &str, place: &str, invalid: &mut Invalid) {
        let field = format!("settings/{field}");
        match place.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok_and(|port| port > 0) => {
                if !self.may_administer(host) {
                    invalid.push(&field, far(host));
                }
            }
            _ => invalid.push(&field, format!("“{place}” is not of the form host:port.")),
        }
    }

    /// Admin interfaces give full power over all mail and mostly speak without TLS: loopback, or
    /// what the operator named on purpose.
    fn may_administer(&self, host: &str) -> bool {
        is_loopback(host) || self.admin_hosts.iter().any(|allowed| allowed == host)
    }
}

fn far(host: &str) -> String {
    format!(
        "{host} is not this machine. Admin interfaces are reached on loopback; \
         if {host} is meant, add it to admin_hosts."
    )
}

fn is_word(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !text.is_empty() && text.chars().all(fits)
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
