//! The protocols of a mailbox and the two kinds that decide which of them may be open.
use serde::{Deserialize, Serialize};

use super::Invalid;

/// One door to a mailbox. The order is the order on every screen.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// RFC 9051 and its forerunners.
    Imap,
    /// RFC 1939.
    Pop3,
    /// Submission by the owner (RFC 6409); mail still arrives when it is off.
    Smtp,
    /// Exchange `ActiveSync` (MS-ASCMD).
    Activesync,
    /// `CalDAV` and `CardDAV` (RFC 4791, RFC 6352).
    Dav,
    /// The server's own web client.
    Webmail,
    /// RFC 8620.
    Jmap,
}

impl Protocol {
    /// All of them, in screen order.
    pub const ALL: [Self; 7] = [
        Self::Imap,
        Self::Pop3,
        Self::Smtp,
        Self::Activesync,
        Self::Dav,
        Self::Webmail,
        Self::Jmap,
    ];

    /// The word used in URLs, JSON and the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Smtp => "smtp",
            Self::Activesync => "activesync",
            Self::Dav => "dav",
            Self::Webmail => "webmail",
            Self::Jmap => "jmap",
        }
    }

    /// The name people know it by.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Imap => "IMAP",
            Self::Pop3 => "POP3",
            Self::Smtp => "SMTP",
            Self::Activesync => "ActiveSync",
            Self::Dav => "Calendars and contacts",
            Self::Webmail => "Webmail",
            Self::Jmap => "JMAP",
        }
    }

    /// The protocol of that word, if there is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == word)
    }
}

/// A set of protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Protocols(u8);

impl Protocols {
    /// None at all.
    pub const NONE: Self = Self(0);

    /// The set of these.
    #[must_use]
    pub const fn of(list: &[Protocol]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < list.len() {
            bits |= 1 << list[i] as u8;
            i += 1;
        }
        Self(bits)
    }

    /// The set as a number, one bit for each protocol in screen order: for counting in SQL.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set of that number.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Whether it is in the set.
    #[must_use]
    pub const fn has(self, protocol: Protocol) -> bool {
        self.0 & (1 << protocol as u8) != 0
    }

    /// Whether clients get at calendars and contacts by one of it.
    #[must_use]
    pub const fn has_calendars(self) -> bool {
        self.has(Protocol::Activesync) || self.has(Protocol::Dav)
    }

    /// The set with it.
    #[must_use]
    pub const fn with(self, protocol: Protocol) -> Self {
        Self(self.0 | (1 << protocol as u8))
    }

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are in this one only.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether every one of `other` is in it.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Them, in screen order.
    pub fn iter(self) -> impl Iterator<Item = Protocol> {
        Protocol::ALL.into_iter().filter(move |p| self.has(*p))
    }
}

impl FromIterator<Protocol> for Protocols {
    fn from_iter<I: IntoIterator<Item = Protocol>>(list: I) -> Self {
        list.into_iter().fold(Self::NONE, Self::with)
    }
}

impl Serialize for Protocols {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Protocols {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Vec::<Protocol>::deserialize(from).map(Self::from_iter)
    }
}

/// What a mailbox is: it decides which protocols may be open at all.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Mail by IMAP, POP3 and SMTP, nothing else.
    PopImap,
    /// Everything the server offers.
    Exchange,
}

impl Kind {
    /// The word used in URLs, JSON and the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PopImap => "pop_imap",
            Self::Exchange => "exchange",
        }
    }

    /// The name people know it by.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::PopImap => "POP/IMAP",
            Self::Exchange => "Exchange",
        }
    }

    /// The kind of that word; `field` is named in the fault.
    pub fn parse(field: &str, word: &str) -> Result<Self, Invalid> {
        match word {
            "pop_imap" => Ok(Self::PopImap),
            "exchange" => Ok(Self::Exchange),
            other => Err(Invalid::field(
                field,
                format!("There is no kind “{other}”. Use “pop_imap” or “exchange”."),
            )),
        }
    }

    /// What this kind may have.
    #[must_use]
    pub const fn allows(self) -> Protocols {
        match self {
            Self::PopImap => Protocols::of(&[Protocol::Imap, Protocol::Pop3, Protocol::Smtp]),
            Self::Exchange => Protocols::of(&Protocol::ALL),
        }
    }

    /// What is on in a new mailbox of this kind, unless its plan says otherwise.
    #[must_use]
    pub const fn starts_on(self) -> Protocols {
        match self {
            Self::PopImap => self.allows(),
            Self::Exchange => Protocols::of(&[
                Protocol::Imap,
                Protocol::Activesync,
                Protocol::Dav,
                Protocol::Webmail,
                Protocol::Jmap,
            ]),
        }
    }

    /// The one it can be converted to.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::PopImap => Self::Exchange,
            Self::Exchange => Self::PopImap,
        }
    }

    /// Whether a server that offers `offers` can hold a mailbox of this kind. JMAP is not needed:
    /// few servers speak it, and a mailbox is Exchange-style without it.
    #[must_use]
    pub fn held_by(self, offers: Protocols) -> bool {
        offers.covers(self.starts_on().without(Protocols::of(&[Protocol::Jmap])))
    }
}
