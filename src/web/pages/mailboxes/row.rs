//! One line of the two classic tabs: who, what they have, and what a tick would mean.
use chrono::{DateTime, Utc};

use crate::authz::ViewService;
use crate::domain::{
    Kind, Mailbox, MailboxState, Protocol, TenantKind, User, effective::effective,
};
use crate::store::Cx;
use crate::web::filters::{date, since, size};
use crate::web::shell::Tone;
use crate::web::urls;

/// From so many percent on, a mailbox is said to be nearly full.
const NEARLY_FULL: i64 = 90;

/// A line.
pub struct Row {
    pub name: String,
    pub address: String,
    /// The address, and above a customer whose it is.
    pub sub: String,
    pub href: String,
    /// The label of the tick; it names what ticking means.
    pub label: String,
    /// Whether it is ticked as things stand.
    pub on: bool,
    /// A tick that must wait, because something is under way.
    pub held: bool,
    pub body: Body,
    pub tone: Tone,
    pub status: String,
    /// What the row says once its tick differs.
    pub changed: &'static str,
}

/// What stands between the name and the status.
pub enum Body {
    /// A mailbox of the tab's kind.
    Mailbox(Box<Held>),
    /// Somebody without one.
    Without { kind: Option<Kind>, text: String },
}

/// A mailbox's figures.
pub struct Held {
    pub amount: String,
    pub of: String,
    pub used: String,
    pub quota: String,
    pub full: bool,
    pub uses: [Use; 3],
}

/// The last use of one protocol.
pub struct Use {
    pub label: &'static str,
    pub text: String,
    pub dim: bool,
}

/// The protocols that a tab shows.
#[must_use]
pub const fn columns(kind: Kind) -> [Protocol; 3] {
    match kind {
        Kind::PopImap => [Protocol::Imap, Protocol::Pop3, Protocol::Smtp],
        Kind::Exchange => [Protocol::Activesync, Protocol::Imap, Protocol::Webmail],
    }
}

impl Row {
    /// A mailbox of the tab's kind: ticked.
    pub fn of_mailbox(cx: &Cx<ViewService>, mailbox: &Mailbox, kind: Kind) -> Self {
        let (tone, status) = status(mailbox);
        let article = article(kind);
        Self {
            name: mailbox.display_name.clone(),
            address: mailbox.address.to_string(),
            sub: sub(cx, mailbox.address.as_str(), mailbox.tenant_slug.as_str()),
            href: urls::mailbox(&cx.tenant().slug, &mailbox.address),
            label: format!("{} has {article} mailbox", mailbox.display_name),
            on: true,
            held: mailbox.state == MailboxState::Converting,
            body: Body::Mailbox(Box::new(held(mailbox, kind, cx.now()))),
            tone,
            status,
            changed: "To be changed",
        }
    }

    /// A user, ticked or not.
    pub fn of_user(cx: &Cx<ViewService>, user: &User, kind: Kind) -> Self {
        match &user.mailbox {
            Some(mailbox) if mailbox.kind == kind && mailbox.retained_at.is_none() => {
                Self::of_mailbox(cx, mailbox, kind)
            }
            mailbox => Self::without(cx, user, mailbox.as_ref(), kind),
        }
    }

    fn without(cx: &Cx<ViewService>, user: &User, mailbox: Option<&Mailbox>, kind: Kind) -> Self {
        let amount = |mailbox: &Mailbox| size(bytes(mailbox.used_bytes));
        let (body, status, changed) = match mailbox {
            None => (
                without(None, "No mailbox"),
                format!("Ticking creates an empty {} mailbox", kind.label()),
                "Will be created",
            ),
            Some(mailbox) if let Some(at) = mailbox.retained_at => (
                without(
                    None,
                    format!("Kept since {}, {}", date(at, cx.now()), amount(mailbox)),
                ),
                format!("Ticking brings it back whole, as {}", mailbox.kind.label()),
                "Will be brought back",
            ),
            Some(mailbox) => (
                without(Some(mailbox.kind), amount(mailbox)),
                "Ticking converts it; every message stays".to_owned(),
                "Will be converted",
            ),
        };
        let slug = &cx.tenant().slug;
        Self {
            name: user.display_name.clone(),
            address: user.address.to_string(),
            sub: sub(cx, user.address.as_str(), user.tenant_slug.as_str()),
            href: match mailbox {
                Some(mailbox) => urls::mailbox(slug, &mailbox.address),
                None => urls::user(slug, &user.address),
            },
            label: format!("Give {} {} mailbox", user.display_name, article(kind)),
            on: false,
            held: mailbox.is_some_and(|m| m.state == MailboxState::Converting),
            body,
            tone: Tone::Off,
            status,
            changed,
        }
    }
}

fn without(kind: Option<Kind>, text: impl Into<String>) -> Body {
    Body::Without {
        kind,
        text: text.into(),
    }
}

fn article(kind: Kind) -> &'static str {
    match kind {
        Kind::PopImap => "a POP/IMAP",
        Kind::Exchange => "an Exchange",
    }
}

fn sub(cx: &Cx<ViewService>, address: &str, tenant: &str) -> String {
    if cx.tenant().kind == TenantKind::Customer {
        address.to_owned()
    } else {
        format!("{address} · {tenant}")
    }
}

fn held(mailbox: &Mailbox, kind: Kind, now: DateTime<Utc>) -> Held {
    let open = effective(&mailbox.levels, now);
    let last_use = |protocol: Protocol| {
        let (text, dim) = match mailbox.last_used.get(&protocol) {
            _ if !open.has(protocol) => ("off".to_owned(), true),
            None => ("never".to_owned(), true),
            Some(at) => (since(*at, now).replace(" ago", ""), false),
        };
        Use {
            label: protocol.label(),
            text,
            dim,
        }
    };
    Held {
        amount: size(bytes(mailbox.used_bytes)),
        of: format!("of {}", size(bytes(mailbox.quota_bytes))),
        used: mailbox.used_bytes.to_string(),
        quota: mailbox.quota_bytes.max(1).to_string(),
        full: full(mailbox) >= NEARLY_FULL,
        uses: columns(kind).map(last_use),
    }
}

fn full(mailbox: &Mailbox) -> i64 {
    mailbox.used_bytes.saturating_mul(100) / mailbox.quota_bytes.max(1)
}

fn bytes(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}

/// Where a mailbox stands, in a word or three.
#[must_use]
pub fn status(mailbox: &Mailbox) -> (Tone, String) {
    let server = &mailbox.server_name;
    match mailbox.state {
        MailboxState::Ready if !mailbox.drift.is_empty() => {
            (Tone::Warn, format!("Differs on {server}"))
        }
        MailboxState::Ready if full(mailbox) >= NEARLY_FULL => {
            (Tone::Warn, format!("{}% full", full(mailbox)))
        }
        MailboxState::Ready => (Tone::Good, "Ready".to_owned()),
        MailboxState::Pending if mailbox.seen_generation == 0 => {
            (Tone::Busy, "Being created".to_owned())
        }
        MailboxState::Pending => (Tone::Busy, format!("On its way to {server}")),
        MailboxState::Converting => (Tone::Busy, "Being converted".to_owned()),
        MailboxState::Suspended => (Tone::Off, "Suspended".to_owned()),
        MailboxState::Retained => (Tone::Off, "Kept".to_owned()),
        MailboxState::Failed => (Tone::Bad, format!("Refused by {server}")),
    }
}
