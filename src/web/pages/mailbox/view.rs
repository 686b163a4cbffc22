//! What the page of a mailbox says: its switches, what was asked for beside what was seen, and what
//! happened to it.
use chrono::{DateTime, Utc};

use crate::app::audit::Entry;
use crate::domain::{Item, ItemState, Mailbox, Protocol, effective::effective};
use crate::web::filters::{date, size};
use crate::web::shell::Tone;
use crate::web::{urls, why};

/// One protocol.
pub struct Switch {
    pub protocol: Protocol,
    pub label: &'static str,
    /// Who uses it.
    pub sub: &'static str,
    pub on: bool,
    pub open: bool,
    /// Whether turning it on can do anything.
    pub possible: bool,
    pub tone: Tone,
    pub effect: &'static str,
    pub seen: &'static str,
    pub why: why::Answer,
    pub until: Option<DateTime<Utc>>,
    pub last_used: Option<DateTime<Utc>>,
}

/// All of them, in screen order.
#[must_use]
pub fn switches(mailbox: &Mailbox, now: DateTime<Utc>) -> Vec<Switch> {
    let levels = &mailbox.levels;
    let each = |protocol: Protocol| {
        let value = levels.switches.get(protocol);
        let why = why::answer(levels, protocol, now);
        let seen = mailbox.seen_open.map(|open| open.has(protocol));
        let (tone, effect) = match (why.open, seen) {
            (true, Some(true)) => (Tone::Good, "Open"),
            (true, _) => (Tone::Busy, "Opening"),
            (false, Some(true)) => (Tone::Busy, "Closing"),
            (false, _) => (Tone::Off, "Closed"),
        };
        Switch {
            protocol,
            label: protocol.label(),
            sub: sub(protocol),
            on: levels.switches.is_on(protocol, now),
            open: why.open,
            possible: levels.kind_allows.has(protocol) && levels.plan_allows.has(protocol),
            tone,
            effect,
            seen: match seen {
                None => "not read yet",
                Some(true) => "open",
                Some(false) => "closed",
            },
            why,
            until: value.until.filter(|until| value.on && now < *until),
            last_used: mailbox.last_used.get(&protocol).copied(),
        }
    };
    Protocol::ALL.into_iter().map(each).collect()
}

fn sub(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Imap => "Mail programs",
        Protocol::Pop3 => "Old programs and scanners",
        Protocol::Smtp => "Sending from programs",
        Protocol::Activesync => "Phones, Outlook",
        Protocol::Dav => "CalDAV, CardDAV",
        Protocol::Webmail => "In the browser",
        Protocol::Jmap => "New programs",
    }
}

/// One thing, asked for and seen.
pub struct Seen {
    pub what: &'static str,
    pub asked: String,
    pub found: String,
    pub differs: bool,
}

/// What was asked for beside what was seen.
#[must_use]
pub fn seen(mailbox: &Mailbox, now: DateTime<Utc>) -> Vec<Seen> {
    let protocols = |open: crate::domain::Protocols| {
        let names: Vec<_> = open.iter().map(Protocol::label).collect();
        if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join(", ")
        }
    };
    let asked = effective(&mailbox.levels, now);
    let mut rows = vec![Seen {
        what: "Open",
        asked: protocols(asked),
        found: mailbox
            .seen_open
            .map_or_else(|| "not read yet".to_owned(), protocols),
        differs: mailbox.seen_open.is_some_and(|open| open != asked),
    }];
    rows.extend(mailbox.drift.iter().map(|difference| Seen {
        what: aspect(&difference.aspect),
        asked: told(&difference.aspect, &difference.asked),
        found: told(&difference.aspect, &difference.found),
        differs: true,
    }));
    rows
}

fn aspect(word: &str) -> &'static str {
    if let Some(protocol) = word.strip_prefix("open.").and_then(Protocol::parse) {
        return protocol.label();
    }
    match word {
        "receives" => "Takes mail",
        "quota" => "Size",
        "display_name" => "Name",
        "password" => "Password",
        "account" => "Account",
        "marker" => "Our mark",
        "address" => "Address",
        _ => "Reason told to clients",
    }
}

fn told(aspect: &str, value: &str) -> String {
    match (aspect, value.parse::<u64>()) {
        ("quota", Ok(0)) => "no limit".to_owned(),
        ("quota", Ok(bytes)) => size(bytes),
        _ => value.to_owned(),
    }
}

/// Something that happened.
pub struct Happening {
    pub at: DateTime<Utc>,
    pub what: String,
    pub icon: &'static str,
    pub tone: &'static str,
    pub by: String,
    /// A page that tells more.
    pub href: String,
}

/// Conversions and the log of it, the newest first.
#[must_use]
pub fn history(tenant: &str, conversions: &[Item], log: Vec<Entry>) -> Vec<Happening> {
    let converted = conversions.iter().map(|item| conversion(tenant, item));
    let entries = log.into_iter().map(|entry| Happening {
        at: entry.at,
        what: sentence(&entry),
        icon: icon(&entry.action),
        tone: "",
        by: entry.actor,
        href: String::new(),
    });
    let mut all: Vec<_> = converted.chain(entries).collect();
    all.sort_by_key(|happening| std::cmp::Reverse(happening.at));
    all.truncate(20);
    all
}

fn conversion(tenant: &str, item: &Item) -> Happening {
    let kind = item.to.label();
    let (what, tone) = match item.state {
        ItemState::Done => (format!("Converted to {kind}, identical"), "good"),
        ItemState::Undone => (format!("Converted to {kind}, and back since"), "good"),
        ItemState::Failed => (format!("Conversion to {kind} failed; switched back"), "bad"),
        ItemState::Cancelled => (format!("Conversion to {kind} called off"), ""),
        _ => (format!("Being converted to {kind}"), ""),
    };
    Happening {
        at: item.finished_at.or(item.started_at).unwrap_or_default(),
        what,
        icon: "convert",
        tone,
        by: String::new(),
        href: if item.receipt.is_some() {
            urls::receipt(tenant, item.batch, item.id)
        } else {
            urls::conversion(tenant, item.batch)
        },
    }
}

fn sentence(entry: &Entry) -> String {
    let said = match entry.action.as_str() {
        "mailbox.created" => "Created",
        "mailbox.changed" => "Name, size or plan changed",
        "mailbox.switched" => return switched(entry),
        "mailbox.suspended" => "Suspended",
        "mailbox.restored" => "Restored",
        "mailbox.retained" => "Taken away and kept",
        "mailbox.brought_back" => "Brought back",
        "mailbox.purged" => "To be destroyed",
        "mailbox.repaired" => "Repaired on the server",
        "mailbox.adopted" => "What the server had was adopted",
        "mailbox.check_requested" => "Checked live",
        "mailbox.switch_ended" => "A grant ended",
        "mailbox.switched_over" => "Kind changed, doors still shut",
        "mailbox.switched_back" => "Changed back to what it was",
        "mailbox.converted" => "Open in its new kind, every message compared",
        "mailbox.conversion_failed" => "A conversion was given up",
        "mailbox.stray_adopted" => "Taken over as its server had it",
        "mailbox.destroyed" => "Destroyed",
        "mailbox.import_requested" => "Mail from elsewhere asked for",
        "mailbox.import_changed" => "Bringing mail in changed",
        other => other,
    };
    said.to_owned()
}

fn switched(entry: &Entry) -> String {
    let told = entry.after.as_ref().and_then(serde_json::Value::as_object);
    let Some((word, value)) = told.into_iter().flatten().next() else {
        return "A switch was set".to_owned();
    };
    let label =
        Protocol::parse(word).map_or_else(|| word.clone(), |known| known.label().to_owned());
    let until = value["until"]
        .as_str()
        .and_then(|until| until.parse::<DateTime<Utc>>().ok());
    match (value["on"].as_bool(), until) {
        (Some(true), Some(until)) => format!("{label} opened until {}", date(until, entry.at)),
        (Some(true), None) => format!("{label} opened"),
        _ => format!("{label} closed"),
    }
}

fn icon(action: &str) -> &'static str {
    match action {
        "mailbox.created" => "plus",
        "mailbox.suspended" => "ban",
        "mailbox.retained" | "mailbox.purged" => "trash",
        "mailbox.brought_back" | "mailbox.restored" => "undo",
        "mailbox.repaired" => "repair",
        "mailbox.adopted" => "adopt",
        "mailbox.check_requested" => "eye",
        _ => "edit",
    }
}
