//! What comes back: tells delivery status notifications (RFC 3461 to 3464, RFC 6533) from absence
//! notes and from whatever else arrives at the address that letters are returned to. Pure: bytes in,
//! a verdict out. Who fetches them and what becomes of the letter is in [`crate::engine::bounces`].
//!
//! Anybody can write such a notification. What ties it to a letter is the `Message-ID`, which holds
//! a random id that only the recipient and the servers on the way have seen, and all that follows
//! from it is that the letter is shown as bounced, with these words: nothing is sent, closed or
//! undone. So no signature is asked for, and whoever forges one hides nothing but their own letter.
use mail_parser::{HeaderValue, Message, MessageParser, MessagePart, MimeHeaders as _, PartType};

/// No more of what a mail server said is kept.
const WORDS: usize = 600;

/// What a message says about a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returned {
    /// A mail server gave up: the letter did not get there.
    Failed(Failure),
    /// Nothing has failed: it is late, it was delivered or read, somebody is on holiday.
    NoFailure,
    /// It is none of these, or does not say of which letter it speaks.
    NotUnderstood,
}

/// A letter that did not get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its `Message-ID`, with angle brackets.
    pub message_id: String,
    /// One sentence or two: to whom it could not be delivered, and what which server said. The
    /// address is named because it may be another than the letter was sent to: mail is passed on.
    pub said: String,
}

/// Understands a message, which may be cut off at its end.
#[must_use]
pub fn read(raw: &[u8]) -> Returned {
    let Some(message) = MessageParser::default().parse(raw) else {
        return Returned::NotUnderstood;
    };
    let kind = message.content_type();
    let is_report =
        kind.is_some_and(|kind| kind.ctype() == "multipart" && kind.subtype() == Some("report"));
    let about = kind.and_then(|kind| kind.attribute("report-type"));
    match message.parts.iter().find_map(status_of) {
        Some(status) if is_report => of_report(&message, &status),
        _ if about.is_some_and(|about| about.eq_ignore_ascii_case("disposition-notification")) => {
            Returned::NoFailure
        }
        _ if is_automatic(&message) && !is_from_a_server(&message) => Returned::NoFailure,
        _ => Returned::NotUnderstood,
    }
}

fn of_report(message: &Message<'_>, status: &str) -> Returned {
    let groups: Vec<Fields> = status.split("\n\n").map(Fields::read).collect();
    let told: Vec<&Fields> = groups
        .iter()
        .filter(|group| group.get("Action").is_some())
        .collect();
    let failed = told.iter().find(|group| {
        let action = group.get("Action").unwrap_or_default();
        action.eq_ignore_ascii_case("failed")
    });
    match (failed, letter_of(message)) {
        (Some(failed), Some(id)) => Returned::Failed(Failure {
            message_id: format!("<{id}>"),
            said: sentence(&groups, failed),
        }),
        (None, _) if !told.is_empty() => Returned::NoFailure,
        _ => Returned::NotUnderstood,
    }
}

fn sentence(groups: &[Fields], failed: &Fields) -> String {
    let to = ["Original-Recipient", "Final-Recipient"];
    let named = to.iter().filter_map(|field| failed.value(field));
    let bare = |address: String| address.trim_matches(['<', '>']).to_owned();
    let to = recipients(named.map(bare).collect());
    let reporting = groups.iter().find_map(|group| group.value("Reporting-MTA"));
    let by = failed.value("Remote-MTA").or(reporting);
    let by = by.unwrap_or_else(|| "A mail server".to_owned());
    let said = failed.value("Diagnostic-Code");
    let said = said.or_else(|| failed.get("Status").map(str::to_owned));
    let said = said.unwrap_or_else(|| "nothing more".to_owned());
    format!("It could not be delivered to {to}. {by} said: {said}")
        .chars()
        .filter(|letter| !letter.is_control())
        .take(WORDS)
        .collect()
}

/// Where it was sent to, and where it was passed on to, if that is elsewhere.
fn recipients(mut named: Vec<String>) -> String {
    named.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
    match named.as_slice() {
        [] => "its recipient".to_owned(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first}, passed on to {}", rest.join(", ")),
    }
}

/// The text of a `message/delivery-status`, line ends made `\n`.
fn status_of(part: &MessagePart<'_>) -> Option<String> {
    let kind = part.content_type()?;
    let known = [Some("delivery-status"), Some("global-delivery-status")];
    if kind.ctype() != "message" || !known.contains(&kind.subtype()) {
        return None;
    }
    let text = String::from_utf8_lossy(part.contents()).replace("\r\n", "\n");
    let blank = |line: &str| line.trim().is_empty();
    let lines: Vec<&str> = text
        .lines()
        .map(|line| if blank(line) { "" } else { line })
        .collect();
    Some(lines.join("\n"))
}

/// The `Message-ID` of the letter that came back, whole or as its headers; else what the notification
/// answers to.
fn letter_of(message: &Message<'_>) -> Option<String> {
    let parts = message.parts.iter().skip(1);
    let from_part = |part: &MessagePart<'_>| {
        if let PartType::Message(letter) = &part.body {
            return letter.message_id().map(str::to_owned);
        }
        let subtype = part.content_type()?.subtype()?;
        let known = ["rfc822-headers", "rfc822", "global-headers", "global"];
        let headers = known.contains(&subtype).then(|| part.contents())?;
        let letter = MessageParser::default().parse_headers(headers)?;
        letter.message_id().map(str::to_owned)
    };
    let answers = || {
        let ids = [message.in_reply_to(), message.references()];
        ids.into_iter().find_map(|id| match id {
            HeaderValue::Text(id) => Some(id.to_string()),
            HeaderValue::TextList(ids) => ids.last().map(ToString::to_string),
            _ => None,
        })
    };
    parts.filter_map(from_part).next_back().or_else(answers)
}

/// Whether a robot wrote it (RFC 3834 §5, and what was usual before).
fn is_automatic(message: &Message<'_>) -> bool {
    let says = |header: &'static str| message.header_raw(header).map(str::trim);
    says("Auto-Submitted").is_some_and(|word| !word.eq_ignore_ascii_case("no"))
        || says("X-Autoreply").is_some()
        || says("Precedence").is_some_and(|word| word.eq_ignore_ascii_case("auto_reply"))
}

/// Whether a mail server wrote it, in words of its own: it may well be a bounce.
fn is_from_a_server(message: &Message<'_>) -> bool {
    let from = message.from().and_then(|from| from.first());
    let from = from.and_then(|from| from.address()).unwrap_or_default();
    let local = from.split('@').next().unwrap_or_default();
    let servers = ["mailer-daemon", "postmaster"];
    message.header_raw("X-Failed-Recipients").is_some()
        || servers.iter().any(|name| local.eq_ignore_ascii_case(name))
}

/// A group of fields (RFC 3464 §2.1), unfolded.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn read(group: &str) -> Self {
        let mut fields: Vec<(String, String)> = vec![];
        for line in group.lines() {
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = fields.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once(':') {
                fields.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
        Self(fields)
    }

    fn get(&self, name: &str) -> Option<&str> {
        let named = self
            .0
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        named
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// What stands behind the type: `smtp; 550 No such user`, `rfc822; ann@example.org`.
    fn value(&self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        let value = value.split_once(';').map_or(value, |(_, value)| value);
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }
}

#[cfg(test)]
mod tests;
