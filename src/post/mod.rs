//! Handing messages over: to a mail server by SMTP, or into a folder. Whether and when, and that it
//! happens once, is decided in [`crate::engine`]; what they say is written in [`crate::letters`].
//!
//! A message is handed over in two steps, so that whoever sends can note in between that the point
//! is reached from which on it may have arrived: [`Line::offer`] goes as far as the server's
//! permission to send the text (`354`, RFC 5321 §4.1.1.4), [`Line::hand_over`] sends it.
mod folder;
pub mod returned;
mod smtp;

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use url::Url;

use crate::domain::message::Letter;
use folder::Folder;
use smtp::Server;

/// Where messages go.
#[derive(Debug, Clone)]
pub struct Post {
    from: Address,
    /// Where a mail server returns what it cannot deliver: the sender in the envelope.
    returns: Address,
    way: Arc<Way>,
}

#[derive(Debug)]
enum Way {
    Off,
    Folder(Folder),
    Smtp(Server),
}

/// Why a message is not over there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Not now: it was surely not taken. What was said.
    Later(String),
    /// Never: it was surely not taken, and will not be. What was said.
    Never(String),
    /// Its last bytes were on their way when the line broke: it may have been taken.
    Unknown(String),
}

/// A message as it goes over the wire.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// To whom.
    pub to: Address,
    /// Its `Message-ID`.
    pub message_id: String,
    /// The message (RFC 5322).
    pub bytes: Vec<u8>,
}

impl Post {
    /// Nothing is sent.
    #[must_use]
    pub fn off() -> Self {
        Self {
            from: address("pilothouse", "localhost"),
            returns: address("pilothouse", "localhost"),
            way: Arc::new(Way::Off),
        }
    }

    /// The same, but what cannot be delivered is returned to another address than the sender's.
    pub fn returning_to(self, returns: &str) -> Result<Self, String> {
        let returns = sender(returns)?;
        Ok(Self { returns, ..self })
    }

    /// Into a folder, one `.eml` file each; for development and for the demo.
    pub fn folder(path: PathBuf, from: &str) -> Result<Self, String> {
        let from = sender(from)?;
        Ok(Self {
            returns: from.clone(),
            from,
            way: Arc::new(Way::Folder(Folder(path))),
        })
    }

    /// To a mail server: `smtps://user:password@host:465` for TLS from the first byte,
    /// `smtp://user:password@host:587` for STARTTLS, which is left out on this machine only.
    pub fn smtp(url: &Url, from: &str) -> Result<Self, String> {
        let from = sender(from)?;
        Ok(Self {
            returns: from.clone(),
            from,
            way: Arc::new(Way::Smtp(Server::read(url)?)),
        })
    }

    /// Whether nothing is sent.
    #[must_use]
    pub fn is_off(&self) -> bool {
        matches!(*self.way, Way::Off)
    }

    /// The domain of the sender, for `Message-ID`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.from.domain()
    }

    /// Whether it is surely known what became of a message that was cut off: whether it is there.
    /// `None` where only the mail server knows.
    pub async fn has(&self, message_id: &str) -> Option<bool> {
        match &*self.way {
            Way::Folder(folder) => Some(folder.has(message_id).await),
            Way::Off | Way::Smtp(_) => None,
        }
    }

    /// The message as it goes over the wire.
    pub fn parcel(
        &self,
        letter: &Letter,
        to: &str,
        message_id: &str,
        at: DateTime<Utc>,
    ) -> Result<Parcel, String> {
        let to: Address = to.parse().map_err(|_| format!("{to} is no address."))?;
        let message = Message::builder()
            .from(Mailbox::new(Some(letter.sender.clone()), self.from.clone()))
            .to(Mailbox::new(None, to.clone()))
            .subject(letter.subject.as_str())
            .message_id(Some(message_id.to_owned()))
            .date(at.into())
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(
                letter.text.clone(),
                letter.html.clone(),
            ))
            .map_err(|error| error.to_string())?;
        Ok(Parcel {
            to,
            message_id: message_id.to_owned(),
            bytes: message.formatted(),
        })
    }

    /// Connects, so that several can go over one line.
    pub async fn connect(&self) -> Result<Line, Trouble> {
        Ok(match &*self.way {
            Way::Off => return Err(Trouble::Later("Sending is off.".to_owned())),
            Way::Folder(folder) => Line::Folder(folder.clone()),
            Way::Smtp(server) => Line::Smtp(Box::new(server.connect(&self.returns).await?)),
        })
    }
}

/// A line to where messages go.
pub enum Line {
    /// A folder.
    Folder(Folder),
    /// A session with a mail server.
    Smtp(Box<smtp::Session>),
}

impl Line {
    /// Everything but the text: the server says whether it would take it. Nothing has arrived yet.
    pub async fn offer(&mut self, parcel: &Parcel) -> Result<(), Trouble> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Smtp(session) => session.offer(parcel).await,
        }
    }

    /// The text; returns what was said when it was taken.
    pub async fn hand_over(&mut self, parcel: &Parcel) -> Result<String, Trouble> {
        match self {
            Self::Folder(folder) => folder.put(parcel).await,
            Self::Smtp(session) => session.hand_over(parcel).await,
        }
    }

    /// Whether it can take another one.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self {
            Self::Folder(_) => true,
            Self::Smtp(session) => session.is_open(),
        }
    }

    /// Says goodbye; whether the server answers does not matter.
    pub async fn close(self) {
        if let Self::Smtp(session) = self {
            session.close().await;
        }
    }
}

fn sender(from: &str) -> Result<Address, String> {
    from.trim()
        .parse()
        .map_err(|_| format!("“{from}” is no address. Write one such as panel@example.org."))
}

#[expect(clippy::expect_used, reason = "both parts are written in this file")]
fn address(local: &str, domain: &str) -> Address {
    Address::new(local, domain).expect("an address")
}

/// `Auto-Submitted` (RFC 3834 §5): absence notes and other robots do not answer it.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
