//! Messages that the panel sends to people: when, in whose name, and what became of them.
use chrono::{DateTime, Utc};

use super::words::words;
use super::{BatchId, EmailAddress, Invalid, MailboxId, MessageId, TenantId};

words! {
    /// What a message is about.
    Moment {
        /// A conversion is coming: what will change, and when.
        Before = "before",
        /// A conversion is done: what to do on which device.
        After = "after",
        /// Kept mailboxes will be destroyed within a week.
        Retention = "retention",
    }
}

words! {
    /// What became of a message.
    MessageState {
        /// Waits for its turn, or for the next try.
        Waiting = "waiting",
        /// Its last bytes are being handed over.
        Sending = "sending",
        /// The mail server has taken it.
        Sent = "sent",
        /// The mail server refuses it for good, or it was tried too often; or a server that had
        /// taken it gave up and returned it.
        Bounced = "bounced",
        /// The panel was cut off while handing it over: it may have arrived. It is not sent again
        /// unless somebody says so.
        Unsure = "unsure",
        /// Not sent: by its turn it had nothing to say any more.
        Dropped = "dropped",
    }
}

/// A message as people see it.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Whose mailbox it is about.
    pub tenant: TenantId,
    /// The conversion it tells of.
    pub batch: Option<BatchId>,
    /// The mailbox it tells of.
    pub mailbox: Option<MailboxId>,
    /// What it is about.
    pub moment: Moment,
    /// To whom.
    pub recipient: EmailAddress,
    /// `Message-ID`, with its angle brackets.
    pub message_id: String,
    /// What became of it.
    pub state: MessageState,
    /// What the mail server said last, or why it waits.
    pub said: Option<String>,
    /// Tries so far.
    pub attempts: u32,
    /// Not before then.
    pub next_try_at: Option<DateTime<Utc>>,
    /// What it says, once it is written.
    pub letter: Option<Letter>,
    /// Handed over at.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it came back, if it bounced after it had been taken.
    pub returned_at: Option<DateTime<Utc>>,
    /// Made at.
    pub created_at: DateTime<Utc>,
}

/// The mailbox that bounces come back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BounceMailbox {
    /// Whose it is and where, such as `bounces@example.org at imap.example.org:993`.
    pub name: String,
    /// Why it cannot be read, for those who run the panel.
    pub problem: Option<String>,
    /// Since when it cannot be read.
    pub problem_since: Option<DateTime<Utc>>,
    /// Last read at.
    pub read_at: Option<DateTime<Utc>>,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The sender's name.
    pub sender: String,
    /// The subject.
    pub subject: String,
    /// For readers without HTML.
    pub text: String,
    /// The same in HTML.
    pub html: String,
}

/// Whose name and colour messages bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brand {
    /// The name at the top.
    pub name: String,
    /// The colour of bars and buttons.
    pub colour: Colour,
    /// The sender's name.
    pub sender: String,
    /// The zone that times are told in, by its name in the IANA database.
    pub time_zone: String,
}

/// A colour, `#rrggbb`, dark enough for white letters on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colour(String);

impl Colour {
    /// The panel's own.
    #[must_use]
    pub fn own() -> Self {
        Self("#1f4e79".to_owned())
    }

    /// Reads one. White on it must reach a contrast of 4.5 to 1 (WCAG 2.2, success criterion 1.4.3).
    pub fn parse(field: &str, typed: &str) -> Result<Self, Invalid> {
        let typed = typed.trim().to_lowercase();
        let digits = typed.strip_prefix('#').unwrap_or(&typed);
        let parts = digits.as_bytes();
        if parts.len() != 6 || !parts.iter().all(u8::is_ascii_hexdigit) {
            let said = format!("“{typed}” is no colour. Write six digits, such as #1f4e79.");
            return Err(Invalid::field(field, said));
        }
        let colour = Self(format!("#{digits}"));
        let contrast = colour.contrast_with_white();
        if contrast < 4.5 {
            let said = format!(
                "White letters on {} have a contrast of {contrast:.1} to 1; 4.5 is the least that \
                 people can read. Choose a darker colour.",
                colour.as_str()
            );
            return Err(Invalid::field(field, said));
        }
        Ok(colour)
    }

    /// What the database holds, which was parsed when it was written.
    #[must_use]
    pub fn stored(colour: String) -> Self {
        Self(colour)
    }

    /// `#rrggbb`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// By the formula of WCAG 2.2.
    #[must_use]
    pub fn contrast_with_white(&self) -> f64 {
        let part = |at: usize| {
            let byte = self.0.get(at..at + 2).unwrap_or("00");
            let value = f64::from(u8::from_str_radix(byte, 16).unwrap_or_default()) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        let luminance = 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
        1.05 / (luminance + 0.05)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_must_carry_white_letters() {
        assert_eq!(
            Colour::parse("c", " #1F4E79 ").map(|c| c.0),
            Ok("#1f4e79".to_owned())
        );
        assert_eq!(
            Colour::parse("c", "1f4e79").map(|c| c.0),
            Ok("#1f4e79".to_owned())
        );
        let pale = Colour::parse("c", "#ffcc00").unwrap_err().to_string();
        assert!(pale.contains("1.5 to 1"), "{pale}");
        for wrong in ["", "#fff", "blue", "#12345g", "#1234567"] {
            assert!(Colour::parse("c", wrong).is_err(), "{wrong}");
        }
        let black = Colour::stored("#000000".to_owned()).contrast_with_white();
        assert!((black - 21.0).abs() < 0.01, "{black}");
    }
}
