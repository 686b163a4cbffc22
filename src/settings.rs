//! Settings: a TOML file, over it the environment, checked once into one struct. What is wrong is
//! said with the setting's name and what to write instead.
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Config, Environment, File, FileFormat};
use pilothouse::backends::imap::Trust;
use pilothouse::engine::Pace;
use pilothouse::engine::bounces::BounceMailbox;
use pilothouse::engine::imports::Rules;
use pilothouse::post::Post;
use pilothouse::store::engine::hours::AHEAD_AT_MOST;
use pilothouse::web::Network;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::{Host, Url};

mod bounces;
mod key;

use bounces::Bounces;

/// The file that is read when none is named and it is there.
const DEFAULT_FILE: &str = "pilothouse.toml";
const PREFIX: &str = "PILOTHOUSE_";
/// Variables that are not settings: which file to read, and what the tests are told.
const NO_SETTINGS: [&str; 2] = ["PILOTHOUSE_CONFIG", "PILOTHOUSE_TEST_"];

/// Everything that can be set.
#[derive(Debug)]
pub struct Settings {
    /// Where the panel listens.
    pub listen: SocketAddr,
    /// The address people type.
    pub public_url: Url,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Threads that answer requests.
    pub workers: usize,
    /// The database.
    pub database: Database,
    /// Logs.
    pub log: Log,
    /// The key that seals the secrets of mail servers.
    pub secrets: Secrets,
    /// Where domains are looked up.
    pub dns: Dns,
    /// What mail servers may be.
    pub mail_servers: MailServers,
    /// Where mail may be brought in from.
    pub imports: Imports,
    /// How fast things happen by themselves.
    pub pace: Pace,
    /// Where messages to people go.
    pub post: Post,
    /// Where they come back to, if that is read.
    pub bounces: Option<BounceMailbox>,
}

/// As it is written; the checked form is [`Settings`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    listen: String,
    public_url: Option<String>,
    trusted_proxies: Vec<String>,
    workers: usize,
    database: Database,
    log: Log,
    secrets: Secrets,
    dns: Dns,
    mail_servers: MailServers,
    imports: Imports,
    engine: Engine,
    mail: Mail,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            public_url: None,
            trusted_proxies: vec![],
            workers: 2,
            database: Database::default(),
            log: Log::default(),
            secrets: Secrets::default(),
            dns: Dns::default(),
            mail_servers: MailServers::default(),
            imports: Imports::default(),
            engine: Engine::default(),
            mail: Mail::default(),
        }
    }
}

/// The database.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite://path?mode=rwc` or `postgres://…`.
    pub url: SecretString,
    /// How many connections at most, 2 or more.
    pub connections: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: "sqlite://var/pilothouse.db?mode=rwc".to_owned().into(),
            connections: 8,
        }
    }
}

/// Logs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// One line of text or one JSON object for each event.
    pub format: LogFormat,
    /// Levels, by module if need be.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
        }
    }
}

/// How an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// The key that seals the secrets of mail servers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Secrets {
    /// 32 bytes in base64; wins over the file.
    pub key: Option<SecretString>,
    /// A file with such a key; made when it is not there.
    pub key_file: PathBuf,
}

impl Default for Secrets {
    fn default() -> Self {
        Self {
            key: None,
            key_file: PathBuf::from("var/secrets.key"),
        }
    }
}

/// Where domains are looked up.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// `address:port` of a name server; the system's when not set.
    pub server: Option<SocketAddr>,
}

/// What mail servers may be.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailServers {
    /// Hosts beyond loopback whose admin interfaces may be used.
    pub allowed_hosts: Vec<String>,
}

/// Where mail may be brought in from.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Imports {
    /// Whether hosts of this machine and of private networks may be connected to.
    pub allow_private_hosts: bool,
    /// A PEM file with authorities that are good beside those that the machine trusts.
    pub ca_file: Option<PathBuf>,
}

/// What is trusted beside the machine's own authorities: those of a PEM file, if a setting names one.
fn trust(setting: &str, file: Option<&Path>) -> anyhow::Result<Trust> {
    let Some(file) = file else {
        return Ok(Trust::default());
    };
    let trust = std::fs::read(file).and_then(|pem| Trust::with_pem(&pem));
    trust.map_err(|fault| {
        let file = file.display();
        anyhow::anyhow!("{setting}: {file} cannot be used: {fault}.")
    })
}

impl Imports {
    /// The same for the engine.
    pub fn rules(&self) -> anyhow::Result<Rules> {
        let trust = trust("imports.ca_file", self.ca_file.as_deref())?;
        Ok(Rules {
            allow_private_hosts: self.allow_private_hosts,
            trust,
        })
    }
}

/// How fast things happen by themselves, in seconds and pieces; what is not set keeps the pace
/// that [`Pace::default`] gives.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Engine {
    tick_seconds: Option<u64>,
    mailboxes_per_server: Option<usize>,
    conversions_per_server: Option<usize>,
    lease_seconds: Option<u64>,
    health_every_seconds: Option<u64>,
    sweep_every_seconds: Option<u64>,
    usage_every_seconds: Option<u64>,
}

/// Messages to people.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Mail {
    /// Whether and how they are sent.
    transport: Transport,
    /// `smtps://user:password@host` or `smtp://user:password@host:587`; it is secret.
    smtp_url: Option<SecretString>,
    /// The sender's address; also where a mail server returns what it cannot deliver.
    from: Option<String>,
    /// Where the files go with the transport `file`.
    folder: PathBuf,
    /// Where those come back to that a mail server took and could not deliver.
    bounces: Option<Bounces>,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            transport: Transport::Off,
            smtp_url: None,
            from: None,
            folder: PathBuf::from("var/mail"),
            bounces: None,
        }
    }
}

/// How messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Transport {
    /// To a mail server.
    Smtp,
    /// Into a folder, for development.
    File,
    /// Not at all: they wait.
    Off,
}

impl Mail {
    fn bounces(&self) -> anyhow::Result<Option<BounceMailbox>> {
        self.bounces.as_ref().map(Bounces::mailbox).transpose()
    }

    fn post(self) -> anyhow::Result<Post> {
        let returns = self.bounces.as_ref();
        let returns = returns.and_then(|bounces| bounces.address.clone());
        let post = self.sent()?;
        match returns {
            Some(address) => post
                .returning_to(&address)
                .map_err(|why| anyhow::anyhow!("mail.bounces.address: {why}")),
            None => Ok(post),
        }
    }

    fn sent(self) -> anyhow::Result<Post> {
        let from = self.from.as_deref();
        let from = || {
            from.ok_or_else(|| {
                anyhow::anyhow!("mail.from: Write the sender’s address, such as panel@example.org.")
            })
        };
        match self.transport {
            Transport::Off => Ok(Post::off()),
            Transport::File => Post::folder(self.folder, from()?)
                .map_err(|why| anyhow::anyhow!("mail.from: {why}")),
            Transport::Smtp => {
                let form = "Write smtps://user:password@host or smtp://user:password@host:587.";
                let url = self.smtp_url.as_ref().map(ExposeSecret::expose_secret);
                let url =
                    url.ok_or_else(|| anyhow::anyhow!("mail.smtp_url: It is missing. {form}"))?;
                // What is wrong is said without the text, which holds a password.
                let url: Url = url
                    .parse()
                    .map_err(|_| anyhow::anyhow!("mail.smtp_url: It is no URL. {form}"))?;
                Post::smtp(&url, from()?)
                    .map_err(|why| anyhow::anyhow!("mail.smtp_url or mail.from: {why}"))
            }
        }
    }
}

impl Settings {
    /// Reads `file`, or `pilothouse.toml` when that is there, and then the variables that begin
    /// with `PILOTHOUSE_`.
    pub fn read(
        file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
    ) -> anyhow::Result<Self> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        let toml = File::from(path)
            .format(FileFormat::Toml)
            .required(file.is_some());
        let ours = variables.filter(|(name, _)| {
            name.starts_with(PREFIX) && !NO_SETTINGS.iter().any(|other| name.starts_with(other))
        });
        let environment = Environment::with_prefix("PILOTHOUSE")
            .prefix_separator("_")
            .separator("__")
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("trusted_proxies")
            .with_list_parse_key("mail_servers.allowed_hosts")
            .source(Some(ours.collect()));
        let written: Written = Config::builder()
            .add_source(toml)
            .add_source(environment)
            .build()
            .and_then(Config::try_deserialize)
            .map_err(|error| anyhow::anyhow!("settings: {error}"))?;
        written.check()
    }
}

impl Written {
    fn check(self) -> anyhow::Result<Settings> {
        let listen: SocketAddr = self.listen.parse().map_err(|_| {
            let typed = &self.listen;
            anyhow::anyhow!("listen: “{typed}” is no address and port. Write 127.0.0.1:8080.")
        })?;
        anyhow::ensure!(
            self.database.connections >= 2,
            "database.connections: {} is too few. Write 2 or more.",
            self.database.connections
        );
        anyhow::ensure!(self.workers >= 1, "workers: 0 is too few. Write 1 or more.");
        let proxies = self.trusted_proxies.iter().map(|typed| network(typed));
        Ok(Settings {
            listen,
            public_url: public_url(self.public_url, listen)?,
            trusted_proxies: proxies.collect::<anyhow::Result<_>>()?,
            workers: self.workers,
            pace: self.engine.pace()?,
            bounces: self.mail.bounces()?,
            post: self.mail.post()?,
            database: self.database,
            log: self.log,
            secrets: self.secrets,
            dns: self.dns,
            mail_servers: self.mail_servers,
            imports: self.imports,
        })
    }
}

impl Engine {
    fn pace(&self) -> anyhow::Result<Pace> {
        let usual = Pace::default();
        let time = |name: &str, seconds: Option<u64>, usual: Duration| {
            anyhow::ensure!(
                seconds != Some(0),
                "engine.{name}: 0 is too often. Write 1 or more seconds."
            );
            Ok(seconds.map_or(usual, Duration::from_secs))
        };
        let number = |name: &str, number: Option<usize>, usual: usize| {
            anyhow::ensure!(
                number != Some(0),
                "engine.{name}: 0 is too few. Write 1 or more."
            );
            Ok(number.unwrap_or(usual))
        };
        anyhow::ensure!(
            self.lease_seconds.unwrap_or_default() <= AHEAD_AT_MOST.num_seconds().unsigned_abs(),
            "engine.lease_seconds: longer than any lease may last. Write 600 or less."
        );
        Ok(Pace {
            tick: time("tick_seconds", self.tick_seconds, usual.tick)?,
            mailboxes_per_server: number(
                "mailboxes_per_server",
                self.mailboxes_per_server,
                usual.mailboxes_per_server,
            )?,
            conversions_per_server: number(
                "conversions_per_server",
                self.conversions_per_server,
                usual.conversions_per_server,
            )?,
            lease: time("lease_seconds", self.lease_seconds, usual.lease)?,
            health_every: time(
                "health_every_seconds",
                self.health_every_seconds,
                usual.health_every,
            )?,
            sweep_every: time(
                "sweep_every_seconds",
                self.sweep_every_seconds,
                usual.sweep_every,
            )?,
            usage_every: time(
                "usage_every_seconds",
                self.usage_every_seconds,
                usual.usage_every,
            )?,
        })
    }
}

/// An origin. Over plain HTTP a password could be read on the way, so only on this machine.
fn public_url(typed: Option<String>, listen: SocketAddr) -> anyhow::Result<Url> {
    let typed = typed.unwrap_or_else(|| format!("http://{listen}"));
    let wrong = |why: &str| {
        anyhow::anyhow!(
            "public_url: “{typed}” {why} Write https:// and the host, such as https://panel.example.org."
        )
    };
    let url: Url = typed.parse().map_err(|_| wrong("is no URL."))?;
    let origin = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !origin || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("has more than a host and a port."));
    }
    let on_loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if on_loopback => Ok(url),
        "http" => Err(wrong("is open to everybody on the way.")),
        _ => Err(wrong("is not for browsers.")),
    }
}

fn network(typed: &str) -> anyhow::Result<Network> {
    let wrong = || {
        anyhow::anyhow!("trusted_proxies: “{typed}” is no network. Write 10.0.0.0/8 or 10.0.0.7.")
    };
    let (address, bits) = match typed.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (typed, None),
    };
    let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Ok(most), |bits| bits.trim().parse().map_err(|_| wrong()))?;
    anyhow::ensure!(bits <= most, wrong());
    Ok((address, bits))
}

#[cfg(test)]
mod tests;
