//! A session with a mail server (RFC 5321), by lettre's connection: its transport would send the
//! text in one call, and leave no moment between the server's permission and the text.
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, response::Response};
use percent_encoding::percent_decode_str;
use tokio::time::timeout;
use url::Url;

use super::{Parcel, Trouble};

/// For one answer; RFC 5321 §4.5.3.2 would wait longer, but the next try is ours.
const PATIENCE: Duration = Duration::from_secs(30);
/// For the answer to the text, which may be scanned meanwhile.
const PATIENCE_AFTER_TEXT: Duration = Duration::from_mins(5);

/// A mail server that takes our messages.
pub struct Server {
    host: String,
    port: u16,
    tls: Tls,
    credentials: Option<Credentials>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tls {
    FromTheFirstByte,
    Starttls,
    None,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} ({:?})", self.host, self.port, self.tls)
    }
}

impl Server {
    /// Reads its URL. The password in it is never shown again.
    pub(super) fn read(url: &Url) -> Result<Self, String> {
        let wrong = "Write smtps://user:password@host or smtp://user:password@host:587.";
        let host = url
            .host_str()
            .ok_or_else(|| format!("It names no host. {wrong}"))?;
        // Beyond the schemes of the web a URL keeps an IPv4 address as a name.
        let host = host.trim_matches(['[', ']']).to_owned();
        let ip = host.parse::<IpAddr>();
        let loopback = host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback());
        let (tls, port) = match url.scheme() {
            "smtps" => (Tls::FromTheFirstByte, 465),
            "smtp" if loopback => (Tls::None, 25),
            "smtp" => (Tls::Starttls, 587),
            other => return Err(format!("“{other}” is not how mail is sent. {wrong}")),
        };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let credentials = url
            .password()
            .map(|password| Credentials::new(decoded(url.username()), decoded(password)));
        Ok(Self {
            host,
            port: url.port().unwrap_or(port),
            tls,
            credentials,
        })
    }

    pub(super) async fn connect(&self, from: &Address) -> Result<Session, Trouble> {
        let opened = timeout(PATIENCE, self.open()).await;
        let connection = opened.map_err(|_| self.silent())?.map_err(|error| {
            // A wrong password is mended by the operator: the messages wait for that.
            Trouble::Later(format!("{}:{}: {}", self.host, self.port, said(&error)))
        })?;
        Ok(Session {
            connection,
            from: from.clone(),
        })
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Error> {
        let me = ClientId::default();
        let tls = || TlsParameters::new(self.host.clone());
        let at_once = match self.tls {
            Tls::FromTheFirstByte => Some(tls()?),
            Tls::Starttls | Tls::None => None,
        };
        let place = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(place, Some(PATIENCE), &me, at_once, None).await?;
        if self.tls == Tls::Starttls {
            connection.starttls(tls()?, &me).await?;
        }
        if let Some(credentials) = &self.credentials {
            let known = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&known, credentials).await?;
        }
        Ok(connection)
    }

    fn silent(&self) -> Trouble {
        Trouble::Later(format!(
            "{}:{} does not answer within {} s.",
            self.host,
            self.port,
            PATIENCE.as_secs()
        ))
    }
}

/// A session: several messages can go over it.
pub struct Session {
    connection: AsyncSmtpConnection,
    from: Address,
}

impl Session {
    pub(super) async fn offer(&mut self, parcel: &Parcel) -> Result<(), Trouble> {
        let offered = timeout(PATIENCE, self.up_to_the_text(parcel)).await;
        let answer =
            offered.unwrap_or_else(|_| Err(Trouble::Later("No answer in time.".to_owned())));
        if answer.is_err() {
            // Whatever was begun is forgotten, so that the next one starts anew.
            let _ = timeout(PATIENCE, self.connection.command(Rset)).await;
        }
        answer
    }

    async fn up_to_the_text(&mut self, parcel: &Parcel) -> Result<(), Trouble> {
        let refused = |error: Error| definite(&error);
        let from = Mail::new(Some(self.from.clone()), vec![]);
        self.connection.command(from).await.map_err(refused)?;
        let to = Rcpt::new(parcel.to.clone(), vec![]);
        self.connection.command(to).await.map_err(refused)?;
        self.connection.command(Data).await.map_err(refused)?;
        Ok(())
    }

    pub(super) async fn hand_over(&mut self, parcel: &Parcel) -> Result<String, Trouble> {
        match timeout(PATIENCE_AFTER_TEXT, self.connection.message(&parcel.bytes)).await {
            Ok(Ok(response)) => Ok(words(&response)),
            Ok(Err(error)) if error.status().is_some() => Err(definite(&error)),
            Ok(Err(error)) => Err(Trouble::Unknown(said(&error))),
            Err(_) => Err(Trouble::Unknown("No answer to the text.".to_owned())),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        !self.connection.has_broken()
    }

    pub(super) async fn close(mut self) {
        let _ = timeout(Duration::from_secs(2), self.connection.quit()).await;
    }
}

fn words(response: &Response) -> String {
    let lines: Vec<_> = response.message().collect();
    format!("{} {}", response.code(), lines.join(" "))
}

/// Before the text nothing has arrived, whatever went wrong.
fn definite(error: &Error) -> Trouble {
    if error.is_permanent() {
        Trouble::Never(said(error))
    } else {
        Trouble::Later(said(error))
    }
}

/// The server's own sentence where there is one.
fn said(error: &Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    match (error.status(), source) {
        (Some(code), Some(text)) => format!("{code} {text}"),
        (None, Some(text)) => text,
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Server, String> {
        Server::read(&url.parse().unwrap())
    }

    #[test]
    fn without_encryption_only_on_this_machine_and_never_with_its_password_shown() {
        let out = read("smtp://ann:s%40cret@mail.example.org").unwrap();
        assert_eq!((out.tls, out.port), (Tls::Starttls, 587));
        assert!(out.credentials.is_some());
        assert_eq!(format!("{out:?}"), "mail.example.org:587 (Starttls)");
        assert_eq!(
            read("smtps://mail.example.org").unwrap().tls,
            Tls::FromTheFirstByte
        );
        let here = read("smtp://127.0.0.1:2525").unwrap();
        assert_eq!((here.tls, here.port), (Tls::None, 2525));
        assert!(read("http://mail.example.org").is_err());
    }
}
