//! Responses by their meaning (RFC 9051 §7), as far as reading a mailbox needs it. What we do not
//! know is let pass: servers say many things that were not asked.
use std::collections::BTreeMap;

use chrono::DateTime;

use super::value::{Cursor, Value};
use super::wire::Piece;

/// How a command or the connection fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok,
    /// Not done.
    No,
    /// Not understood.
    Bad,
    /// The server hangs up.
    Bye,
    /// Signed in from the start.
    Preauth,
}

/// A status with its code and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// How it fares.
    pub status: Status,
    /// The code in brackets, in upper case: `UIDVALIDITY`, `AUTHENTICATIONFAILED` …
    pub code: Option<String>,
    /// What stands behind the code, in the brackets.
    pub argument: String,
    /// For people.
    pub text: String,
}

/// A folder of a LIST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Attributes, with their backslash.
    pub attributes: Vec<String>,
    /// What stands between levels; `None` in a flat name space.
    pub delimiter: Option<u8>,
    /// The name as on the wire.
    pub name: Vec<u8>,
}

/// First and last of some UIDs that follow each other.
pub type UidRange = (u32, u32);

/// What the names of folders begin with (RFC 2342).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Namespaces {
    /// The owner's own.
    pub personal: Vec<u8>,
    /// Those of other people, and shared ones.
    pub others: Vec<Vec<u8>>,
}

/// The text of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// It came as a string.
    Whole(Vec<u8>),
    /// It went to the sink, which left this in its place.
    Streamed(Vec<u8>),
}

/// What a FETCH tells of one message; an item that it does not tell is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fetched {
    /// UID.
    pub uid: Option<u32>,
    /// FLAGS.
    pub flags: Option<Vec<String>>,
    /// INTERNALDATE, in seconds since 1970.
    pub date: Option<i64>,
    /// RFC822.SIZE.
    pub size: Option<u64>,
    /// BODY[], or its beginning.
    pub body: Option<Body>,
}

/// One response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// The end of the command with this tag.
    Done(String, Said),
    /// A status on its own.
    Said(Said),
    /// The server waits for more.
    Continue,
    /// CAPABILITY, in upper case.
    Capability(Vec<String>),
    /// ENABLED, in upper case.
    Enabled(Vec<String>),
    /// LIST.
    List(Listed),
    /// LSUB: a folder that the owner is subscribed to.
    Subscribed(Listed),
    /// NAMESPACE.
    Namespace(Namespaces),
    /// SEARCH or ESEARCH: the UIDs that were looked for.
    Found(Vec<UidRange>),
    /// VANISHED: UIDs that are no longer there.
    Vanished(Vec<UidRange>),
    /// STATUS of a folder, items in upper case.
    StatusOf(Vec<u8>, BTreeMap<String, u64>),
    /// EXISTS.
    Exists(u32),
    /// FETCH.
    Fetch(Fetched),
    /// Anything else.
    Other,
}

/// Understands one response; `None` when it is none.
pub fn understand(pieces: &[Piece]) -> Option<Response> {
    let mut cursor = Cursor::new(pieces);
    let tag = cursor.word()?;
    if tag == b"+" {
        return Some(Response::Continue);
    }
    if tag != b"*" {
        let tag = std::str::from_utf8(tag).ok()?.to_owned();
        let status = status(cursor.word()?)?;
        return Some(Response::Done(tag, said(status, cursor.line())));
    }
    let word = cursor.word()?;
    if let Some(status) = status(word) {
        return Some(Response::Said(said(status, cursor.line())));
    }
    match word.to_ascii_uppercase().as_slice() {
        b"CAPABILITY" => words(&mut cursor).map(Response::Capability),
        b"ENABLED" => words(&mut cursor).map(Response::Enabled),
        b"LIST" => list(&cursor.values()?).map(Response::List),
        b"LSUB" => list(&cursor.values()?).map(Response::Subscribed),
        b"NAMESPACE" => Some(Response::Namespace(namespaces(&cursor.values()?))),
        b"SEARCH" => Some(Response::Found(searched(&cursor.values()?))),
        b"ESEARCH" => Some(Response::Found(last_set(cursor.line()))),
        b"VANISHED" => Some(Response::Vanished(last_set(cursor.line()))),
        b"STATUS" => status_of(&cursor.values()?),
        number if number.iter().all(u8::is_ascii_digit) => numbered(number, &mut cursor),
        _ => Some(Response::Other),
    }
}

fn status(word: &[u8]) -> Option<Status> {
    match word.to_ascii_uppercase().as_slice() {
        b"OK" => Some(Status::Ok),
        b"NO" => Some(Status::No),
        b"BAD" => Some(Status::Bad),
        b"BYE" => Some(Status::Bye),
        b"PREAUTH" => Some(Status::Preauth),
        _ => None,
    }
}

fn said(status: Status, line: &[u8]) -> Said {
    let line = String::from_utf8_lossy(line);
    let coded = line.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (code, argument, text) = match coded {
        Some((code, text)) => {
            let (word, argument) = code.split_once(' ').unwrap_or((code, ""));
            (Some(word.to_ascii_uppercase()), argument, text)
        }
        None => (None, "", line.as_ref()),
    };
    Said {
        status,
        code,
        argument: argument.to_owned(),
        text: text.trim().to_owned(),
    }
}

fn words(cursor: &mut Cursor<'_>) -> Option<Vec<String>> {
    let words = cursor.values()?;
    Some(
        words
            .iter()
            .filter_map(Value::text)
            .map(|word| word.to_ascii_uppercase())
            .collect(),
    )
}

fn namespaces(values: &[Value]) -> Namespaces {
    let prefixes = |value: &Value| -> Vec<Vec<u8>> {
        let each = value.list().iter().filter_map(|one| one.list().first());
        each.filter_map(|prefix| prefix.bytes().map(<[u8]>::to_vec))
            .collect()
    };
    let mut values = values.iter().map(prefixes);
    let personal = values.next().unwrap_or_default();
    Namespaces {
        personal: personal.into_iter().next().unwrap_or_default(),
        others: values.flatten().collect(),
    }
}

fn searched(values: &[Value]) -> Vec<UidRange> {
    let uid = |value: &Value| u32::try_from(value.number()?).ok();
    values
        .iter()
        .filter_map(uid)
        .map(|uid| (uid, uid))
        .collect()
}

/// The set at the end of a line: `(TAG "p7") UID ALL 1:3,9`, `(EARLIER) 41,43:116`.
fn last_set(line: &[u8]) -> Vec<UidRange> {
    let line = String::from_utf8_lossy(line);
    let last = line.rsplit(' ').next().unwrap_or_default();
    uid_ranges(last).unwrap_or_default()
}

/// Reads a set such as `1:3,9`; `None` when it is none.
pub fn uid_ranges(set: &str) -> Option<Vec<UidRange>> {
    let range = |text: &str| {
        let (first, last) = text.split_once(':').unwrap_or((text, text));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        Some(if first <= last {
            (first, last)
        } else {
            (last, first)
        })
    };
    set.split(',').map(range).collect()
}

fn list(values: &[Value]) -> Option<Listed> {
    let [attributes, delimiter, name, ..] = values else {
        return None;
    };
    Some(Listed {
        attributes: attributes.list().iter().filter_map(Value::text).collect(),
        delimiter: delimiter.bytes().and_then(|bytes| bytes.first().copied()),
        name: wire_name(name)?,
    })
}

/// A folder may be called NIL: as an atom that is its name.
fn wire_name(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Nil => Some(b"NIL".to_vec()),
        value => value.bytes().map(<[u8]>::to_vec),
    }
}

fn status_of(values: &[Value]) -> Option<Response> {
    let [name, items, ..] = values else {
        return None;
    };
    let (pairs, _) = items.list().as_chunks::<2>();
    let pair =
        |[item, value]: &[Value; 2]| Some((item.text()?.to_ascii_uppercase(), value.number()?));
    Some(Response::StatusOf(
        wire_name(name)?,
        pairs.iter().filter_map(pair).collect(),
    ))
}

fn numbered(number: &[u8], cursor: &mut Cursor<'_>) -> Option<Response> {
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    match cursor.word()?.to_ascii_uppercase().as_slice() {
        b"EXISTS" => Some(Response::Exists(number)),
        b"FETCH" => {
            let values = cursor.values()?;
            fetched(values.first()?.list()).map(Response::Fetch)
        }
        _ => Some(Response::Other),
    }
}

fn fetched(items: &[Value]) -> Option<Fetched> {
    let (pairs, odd) = items.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    let mut fetched = Fetched::default();
    for [item, value] in pairs {
        match item.text()?.to_ascii_uppercase().as_str() {
            "UID" => fetched.uid = Some(u32::try_from(value.number()?).ok()?),
            "FLAGS" => fetched.flags = Some(value.list().iter().filter_map(Value::text).collect()),
            "INTERNALDATE" => fetched.date = Some(date(&value.text()?)?),
            "RFC822.SIZE" => fetched.size = Some(value.number()?),
            // In part: `BODY[]<0>`.
            "BODY[]" | "BODY[]<0>" => fetched.body = body(value),
            _ => {}
        }
    }
    Some(fetched)
}

fn body(value: &Value) -> Option<Body> {
    match value {
        Value::String(bytes) => Some(Body::Whole(bytes.clone())),
        Value::Streamed(token) => Some(Body::Streamed(token.clone())),
        // NIL: the message went away in the meantime.
        _ => None,
    }
}

/// `" 4-Nov-2026 10:00:00 +0100"`
fn date(text: &str) -> Option<i64> {
    DateTime::parse_from_str(text.trim(), "%d-%b-%Y %H:%M:%S %z")
        .ok()
        .map(|d| d.timestamp())
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
