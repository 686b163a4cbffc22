//! What a conversion would do to one mailbox, and what stands in its way: pure, so that the page
//! before the click, the dry run, the start and the engine's last look all say the same.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Way;
use crate::domain::effective::{SwitchValue, effective};
use crate::domain::seats::{Needed, Promised};
use crate::domain::server::{self, Candidate};
use crate::domain::{
    EmailAddress, Kind, Mailbox, MailboxId, MailboxState, Plan, PlanId, Protocol, Protocols,
    ServerId, Switches, TenantId,
};

/// Why a mailbox cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Blocker {
    /// A stable word: `not_found`, `same_kind`, `already_converting`, `retained`, `not_ready`,
    /// `drift`, `domain_unproved`, `no_plan`, `over_quota`, `no_server`, `no_seat`.
    pub code: String,
    /// One sentence: what is in the way and what to do about it.
    pub detail: String,
}

/// A protocol that closes, and when it was last used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Closing {
    /// The protocol.
    pub protocol: Protocol,
    /// Its last login.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A protocol that is to be open in the new kind, but only for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepOpen {
    /// The protocol.
    pub protocol: Protocol,
    /// Until then.
    pub until: DateTime<Utc>,
}

/// What a conversion would do to one mailbox, computed without changing anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreCheck {
    /// Which mailbox; `None` when the address is not one of ours.
    pub mailbox: Option<MailboxId>,
    /// Its address.
    pub address: EmailAddress,
    /// The person's name.
    pub display_name: String,
    /// How it would be done; `None` when it cannot.
    pub way: Option<Way>,
    /// The name of the server that it would be on; `None` when it cannot be done.
    pub server: Option<String>,
    /// It would move, and its calendars and contacts with it: both servers have them.
    pub calendars_move: bool,
    /// What is in the way; empty means that it can be converted.
    pub blockers: Vec<Blocker>,
    /// Protocols that open.
    pub opens: Vec<Protocol>,
    /// Protocols that close.
    pub closes: Vec<Closing>,
    /// The plan now, by its slug.
    pub plan_from: String,
    /// The plan then, by its slug.
    pub plan_to: Option<String>,
    /// The price code now and then.
    pub price_codes: (Option<String>, Option<String>),
    /// Messages, as last read.
    pub messages: i64,
    /// Bytes, as last read.
    pub bytes: i64,
    /// Whose seat it was promised; `None` where it needs none, or there is no limit.
    pub seat_of: Option<TenantId>,
}

/// What a conversion changes about a mailbox, and what it had in the other kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The kind.
    pub kind: Kind,
    /// The plan.
    pub plan: PlanId,
    /// Bytes it may hold.
    pub quota_bytes: i64,
    /// The switches as they were set, whatever was in effect.
    pub switches: Switches,
}

/// A mailbox and everything that decides about its conversion.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The mailbox.
    pub mailbox: &'a Mailbox,
    /// Whether its domain is proved or vouched for.
    pub domain_proved: bool,
    /// Whether a conversion of it, other than this one, is not over yet.
    pub converting: bool,
    /// The price code of its plan.
    pub price_code: Option<&'a str>,
    /// The plan that it would get.
    pub plan_to: Option<&'a Plan>,
    /// Every server.
    pub servers: &'a [Place],
    /// The server that it is to be on; by default it stays where it is if that offers the target
    /// kind, and else goes where the rule of placement says.
    pub wanted: Option<ServerId>,
    /// What it had when it was of the target kind before.
    pub former: Option<&'a Settings>,
}

/// A server that a mailbox might be on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// What decides about placement.
    pub candidate: Candidate,
}

impl PreCheck {
    /// For a name that is not a mailbox of ours.
    #[must_use]
    pub fn unknown(name: &str) -> Self {
        Self {
            mailbox: None,
            address: EmailAddress::stored(name.to_owned()),
            display_name: String::new(),
            way: None,
            server: None,
            calendars_move: false,
            blockers: vec![blocker(
                "not_found",
                format!("There is no mailbox {name} here. Check the address."),
            )],
            opens: vec![],
            closes: vec![],
            plan_from: String::new(),
            plan_to: None,
            price_codes: (None, None),
            messages: 0,
            bytes: 0,
            seat_of: None,
        }
    }

    /// With the seat that it needs, if it does, promised or in the way. What cannot be converted anyway
    /// is promised none.
    #[must_use]
    pub fn seated(mut self, needed: Option<&Needed>, promised: &mut Promised) -> Self {
        let (Some(needed), Some(mailbox)) = (needed, self.mailbox) else {
            return self;
        };
        if !self.blockers.is_empty() {
            return self;
        }
        if promised.promise(needed, mailbox) {
            self.seat_of = Some(needed.holder);
        } else {
            let none = &needed.refusal;
            let detail = none.to_convert(self.address.as_str(), needed.left);
            self.blockers.push(blocker("no_seat", detail));
        }
        self
    }

    /// The blockers as one text; `None` when there is none.
    #[must_use]
    pub fn why_not(&self) -> Option<String> {
        let details: Vec<&str> = self.blockers.iter().map(|b| b.detail.as_str()).collect();
        (!details.is_empty()).then(|| details.join(" "))
    }
}

/// What converting `subject` to `to` would do.
#[must_use]
pub fn pre_check(
    subject: Subject<'_>,
    to: Kind,
    keep_open: &[KeepOpen],
    now: DateTime<Utc>,
) -> PreCheck {
    let mailbox = subject.mailbox;
    let (way, server) = way(subject, to).unzip();
    let (opens, closes) = subject
        .plan_to
        .map(|plan| effects(subject, to, plan, server, keep_open, now))
        .unwrap_or_default();
    PreCheck {
        mailbox: Some(mailbox.id),
        address: mailbox.address.clone(),
        display_name: mailbox.display_name.clone(),
        way,
        server: server.map(|place| place.name.clone()),
        calendars_move: way == Some(Way::Move)
            && mailbox.levels.server_offers.has_calendars()
            && server.is_some_and(|place| place.candidate.offers.has_calendars()),
        blockers: blockers(subject, to, way),
        opens,
        closes,
        plan_from: mailbox.plan_slug.to_string(),
        plan_to: subject.plan_to.map(|plan| plan.slug.to_string()),
        price_codes: (
            subject.price_code.map(str::to_owned),
            subject.plan_to.and_then(|plan| plan.price_code.clone()),
        ),
        messages: mailbox.messages,
        bytes: mailbox.used_bytes,
        seat_of: None,
    }
}

/// What the mailbox has after a conversion to the kind of `plan`. A mailbox that comes back to a
/// kind finds its switches and quota as it left them, within what the plan allows: a protocol that
/// an admin had closed is not opened by going there and back.
#[must_use]
pub fn settings_after(
    plan: &Plan,
    former: Option<&Settings>,
    used_bytes: i64,
    keep_open: &[KeepOpen],
    now: DateTime<Utc>,
) -> Settings {
    let former = former.filter(|former| former.kind == plan.kind);
    let allowed = plan.allowed.and(plan.kind.allows());
    let mut switches = former.map_or_else(
        || Switches::on(plan.starts_on.and(allowed)),
        |former| within(&former.switches, allowed, now),
    );
    for grant in keep_open.iter().filter(|grant| allowed.has(grant.protocol)) {
        let value = SwitchValue {
            on: now < grant.until,
            until: (now < grant.until).then_some(grant.until),
        };
        switches.set(grant.protocol, value);
    }
    let former_quota = former
        .filter(|former| former.plan == plan.id)
        .map(|former| former.quota_bytes.min(plan.quota_bytes))
        .filter(|quota| used_bytes <= *quota);
    Settings {
        kind: plan.kind,
        plan: plan.id,
        quota_bytes: former_quota.unwrap_or(plan.quota_bytes),
        switches,
    }
}

fn within(switches: &Switches, allowed: Protocols, now: DateTime<Utc>) -> Switches {
    let keep = |protocol: Protocol| {
        let value = switches.get(protocol);
        if switches.is_on(protocol, now) && allowed.has(protocol) {
            (protocol, value)
        } else {
            (protocol, SwitchValue::default())
        }
    };
    Switches(Protocol::ALL.into_iter().map(keep).collect())
}

/// How it would be done; `None` when no server would do.
#[must_use]
pub fn way_of(subject: Subject<'_>, to: Kind) -> Option<Way> {
    way(subject, to).map(|(way, _)| way)
}

/// How it would be done, and where it would be then.
fn way(subject: Subject<'_>, to: Kind) -> Option<(Way, &Place)> {
    let home = subject.mailbox.server;
    let find = |server| {
        subject
            .servers
            .iter()
            .find(|place| place.candidate.server == server)
    };
    let target = match subject.wanted {
        Some(wanted) => find(wanted).filter(|place| to.held_by(place.candidate.offers))?,
        None if to.held_by(subject.mailbox.levels.server_offers) => find(home)?,
        None => {
            let elsewhere: Vec<_> = subject
                .servers
                .iter()
                .filter(|place| place.candidate.server != home)
                .map(|place| place.candidate.clone())
                .collect();
            find(server::place(to, &elsewhere)?)?
        }
    };
    let way = if target.candidate.server == home {
        Way::InPlace
    } else {
        Way::Move
    };
    Some((way, target))
}

fn effects(
    subject: Subject<'_>,
    to: Kind,
    plan: &Plan,
    server: Option<&Place>,
    keep_open: &[KeepOpen],
    now: DateTime<Utc>,
) -> (Vec<Protocol>, Vec<Closing>) {
    let mailbox = subject.mailbox;
    let mut levels = mailbox.levels.clone();
    levels.converting = false;
    let before = effective(&levels, now);
    levels.kind_allows = to.allows();
    levels.plan_allows = plan.allowed;
    if let Some(server) = server {
        levels.server_offers = server.candidate.offers;
    }
    levels.switches =
        settings_after(plan, subject.former, mailbox.used_bytes, keep_open, now).switches;
    let after = effective(&levels, now);
    let closing = |protocol| Closing {
        protocol,
        last_used_at: mailbox.last_used.get(&protocol).copied(),
    };
    let opens = after.without(before).iter().collect();
    let closes = before.without(after).iter().map(closing).collect();
    (opens, closes)
}

fn blocker(code: &str, detail: String) -> Blocker {
    Blocker {
        code: code.to_owned(),
        detail,
    }
}

/// What is in the way, the nearest first.
fn blockers(subject: Subject<'_>, to: Kind, way: Option<Way>) -> Vec<Blocker> {
    let mailbox = subject.mailbox;
    let (address, server) = (&mailbox.address, &mailbox.server_name);
    let kind = to.label();
    if mailbox.retained_at.is_some() {
        let detail = format!("{address} was taken away and is only kept. Bring it back first.");
        return vec![blocker("retained", detail)];
    }
    if mailbox.kind == to && way != Some(Way::Move) {
        let detail = format!("{address} is {kind} already. Leave it out.");
        return vec![blocker("same_kind", detail)];
    }
    let mut found = vec![];
    if subject.converting {
        let detail = format!("{address} is being converted already. Wait for that, or cancel it.");
        found.push(blocker("already_converting", detail));
    }
    match mailbox.state {
        MailboxState::Pending => {
            let detail = format!(
                "The last change of {address} has not reached {server} yet. Try again when it has."
            );
            found.push(blocker("not_ready", detail));
        }
        MailboxState::Failed => {
            let detail = format!(
                "{server} refuses what was last asked for {address}. Settle that first; the \
                 mailbox says what it is."
            );
            found.push(blocker("not_ready", detail));
        }
        _ => {}
    }
    if !mailbox.drift.is_empty() {
        let detail = format!(
            "{address} was changed on {server} behind the panel's back. Repair or adopt it first."
        );
        found.push(blocker("drift", detail));
    }
    if !subject.domain_proved {
        let detail = format!(
            "{} is not proved yet. Publish its TXT record first.",
            address.domain()
        );
        found.push(blocker("domain_unproved", detail));
    }
    found.extend(plan_blocker(subject, to));
    found.extend(server_blocker(subject, to, way));
    found
}

fn plan_blocker(subject: Subject<'_>, to: Kind) -> Option<Blocker> {
    let mailbox = subject.mailbox;
    let Some(plan) = subject.plan_to else {
        let detail = format!(
            "There is no {} plan to convert {} to. Make one the default plan of that kind first.",
            to.label(),
            mailbox.address
        );
        return Some(blocker("no_plan", detail));
    };
    (mailbox.used_bytes > plan.quota_bytes).then(|| {
        let detail = format!(
            "{} holds {}; {} allows {}. Remove mail, or choose a larger plan.",
            mailbox.address,
            size(mailbox.used_bytes),
            plan.name,
            size(plan.quota_bytes)
        );
        blocker("over_quota", detail)
    })
}

fn server_blocker(subject: Subject<'_>, to: Kind, way: Option<Way>) -> Option<Blocker> {
    let mailbox = subject.mailbox;
    let (address, server) = (&mailbox.address, &mailbox.server_name);
    let kind = to.label();
    if way.is_some() {
        return None;
    }
    let detail = match subject.wanted {
        Some(_) => format!(
            "{address} cannot be put there: that server does not offer {kind}. Choose another one."
        ),
        None => format!(
            "{server}, which holds {address}, does not offer {kind}, and no other mail server \
             does. Add one that does first."
        ),
    };
    Some(blocker("no_server", detail))
}

/// Bytes for people, in the units that plans are sold in.
fn size(bytes: i64) -> String {
    let hundredths = |unit: i64| (bytes / (unit / 100), unit);
    let ((count, _), name) = if bytes >= 1_000_000_000 {
        (hundredths(1_000_000_000), "GB")
    } else {
        (hundredths(1_000_000), "MB")
    };
    format!("{}.{:02} {name}", count / 100, count % 100)
}
