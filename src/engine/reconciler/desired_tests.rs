//! What a server is told, level by level.
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta};
use uuid::Uuid;

use super::*;
use crate::domain::effective::SwitchValue;
use crate::domain::{
    DomainId, EmailAddress, MailboxId, MailboxState, PlanId, Protocol, ServerId, Slug, Switches,
    TenantId,
};

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn asked(kind: Kind) -> Asked {
    let mailbox = Mailbox {
        id: MailboxId(Uuid::nil()),
        tenant: TenantId(Uuid::nil()),
        tenant_slug: Slug::stored("acme".to_owned()),
        user: None,
        domain: DomainId(Uuid::nil()),
        address: EmailAddress::stored("ann@acme.test".to_owned()),
        display_name: "Ann".to_owned(),
        kind,
        plan: PlanId(Uuid::nil()),
        plan_slug: Slug::stored("basic".to_owned()),
        server: ServerId(Uuid::nil()),
        server_name: "mail-1".to_owned(),
        state: MailboxState::Pending,
        problem: None,
        levels: Levels {
            server_offers: Protocols::of(&Protocol::ALL),
            kind_allows: kind.allows(),
            plan_allows: kind.allows(),
            tenant_suspended: false,
            domain_enabled: true,
            mailbox_suspended: false,
            converting: false,
            switches: Switches::on(kind.starts_on()),
        },
        suspended: None,
        receives: true,
        retained_at: None,
        purge_after: None,
        purge_asked: false,
        quota_bytes: 1 << 30,
        used_bytes: 0,
        messages: 0,
        holdings: None,
        usage_at: None,
        last_used: BTreeMap::new(),
        asked_generation: 1,
        seen_generation: 0,
        seen_at: None,
        seen_open: None,
        drift: vec![],
        created_at: NOW,
        updated_at: NOW,
    };
    Asked {
        mailbox,
        remote_id: None,
        password_hash: None,
        domain_accepts: true,
        purge: false,
        attempts: 0,
        interrupted: false,
    }
}

fn reason(asked: &Asked) -> String {
    desired(asked, NOW).closed_reason.unwrap()
}

#[test]
fn an_exchange_mailbox_says_so_to_whoever_comes_by_pop3() {
    let asked = asked(Kind::Exchange);
    assert!(reason(&asked).starts_with("This is an Exchange mailbox: "));
    assert_eq!(desired(&asked, NOW).open, Kind::Exchange.starts_on());
    assert!(desired(&asked, NOW).receives);
}

#[test]
fn a_suspended_mailbox_is_closed_says_why_and_still_receives() {
    let mut asked = asked(Kind::PopImap);
    asked.mailbox.levels.mailbox_suspended = true;
    asked.mailbox.suspended = Some("unpaid – see “invoice 12”\r\n.".to_owned());
    let desired = desired(&asked, NOW);
    assert!(desired.open.is_empty() && desired.receives);
    let reason = desired.closed_reason.unwrap();
    assert!(
        reason.starts_with("It is suspended: unpaid - see \"invoice 12\""),
        "{reason}"
    );
    assert!(
        reason.bytes().all(|b| (b' '..=b'~').contains(&b)),
        "{reason}"
    );
}

#[test]
fn a_long_reason_still_fits_into_a_reply() {
    let mut asked = asked(Kind::PopImap);
    asked.mailbox.levels.mailbox_suspended = true;
    asked.mailbox.suspended = Some("ä".repeat(500));
    assert!(reason(&asked).len() <= 200);
}

#[test]
fn a_retained_mailbox_is_closed_and_receives_nothing() {
    let mut asked = asked(Kind::PopImap);
    asked.mailbox.retained_at = Some(NOW);
    let desired = desired(&asked, NOW);
    assert!(desired.open.is_empty() && !desired.receives);
}

#[test]
fn the_outermost_level_is_named() {
    let mut asked = asked(Kind::PopImap);
    asked.mailbox.levels.mailbox_suspended = true;
    asked.mailbox.suspended = Some("unpaid".to_owned());
    asked.mailbox.levels.domain_enabled = false;
    assert!(reason(&asked).starts_with("The domain acme.test is turned off."));
    asked.mailbox.levels.tenant_suspended = true;
    assert!(reason(&asked).starts_with("The account of your organisation is suspended."));
}

#[test]
fn a_grant_counts_until_its_end() {
    let mut asked = asked(Kind::Exchange);
    let until = Some(NOW + TimeDelta::days(14));
    let grant = SwitchValue { on: true, until };
    asked.mailbox.levels.switches.set(Protocol::Pop3, grant);
    assert!(desired(&asked, NOW).open.has(Protocol::Pop3));
    let later = NOW + TimeDelta::days(14);
    assert!(!desired(&asked, later).open.has(Protocol::Pop3));
}
