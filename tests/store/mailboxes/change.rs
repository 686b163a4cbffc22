//! Name, size, plan, switches, suspension.
use chrono::TimeDelta;
use pilothouse::app::AppError;
use pilothouse::app::mailboxes::{self, MailboxChange};
use pilothouse::authz::{CheckMailboxes, EditMailboxes, SuspendMailboxes, ViewMailboxes};
use pilothouse::domain::effective::{SwitchValue, why_closed};
use pilothouse::domain::{Kind, MailboxState, Protocol, Protocols, Why, effective};

use crate::hosting::{Hosting, POP_IMAP, conflict, fault, is_missing};

const ON: SwitchValue = SwitchValue {
    on: true,
    until: None,
};
const OFF: SwitchValue = SwitchValue {
    on: false,
    until: None,
};

#[tokio::test]
async fn every_change_asks_for_a_new_generation_and_takes_back_what_stood_in_the_way() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    hosting.settle().await;
    let no = if hosting.world.database.is_postgres() {
        "TRUE"
    } else {
        "1"
    };
    hosting
        .set(
            "ann@acme.test",
            &format!("refused = {no}, state = 'failed', problem = 'no', attempts = 7"),
        )
        .await;
    assert_eq!(
        hosting.see("acme", "ann@acme.test").await.state,
        MailboxState::Failed
    );
    let work = hosting.work::<EditMailboxes>("acme").await;
    let change = MailboxChange {
        receives: Some(false),
        ..MailboxChange::default()
    };
    let changed = mailboxes::update(work, "ann@acme.test", change, None)
        .await
        .unwrap();
    assert_eq!(changed.state, MailboxState::Pending);
    assert_eq!((changed.asked_generation, changed.seen_generation), (2, 1));
    assert_ne!(changed.problem.as_deref(), Some("no"));
    assert_eq!(
        hosting
            .count("mailboxes WHERE attempts = 0 AND next_try_at IS NOT NULL")
            .await,
        1
    );
    let told = hosting.audit("mailbox.changed").await;
    assert_eq!(told.len(), 1);
    assert!(
        told[0].0.contains("true") && told[0].1.contains("false"),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_change_that_changes_nothing_is_none() {
    let hosting = Hosting::new().await;
    let mailbox = hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    let before = hosting.everything().await;
    let same = MailboxChange {
        display_name: Some(mailbox.display_name.clone()),
        quota_bytes: Some(mailbox.quota_bytes),
        plan: Some("basic".to_owned()),
        receives: Some(true),
    };
    let work = hosting.work::<EditMailboxes>("acme").await;
    mailboxes::update(work, "ann@acme.test", same, None)
        .await
        .unwrap();
    let work = hosting.work::<EditMailboxes>("acme").await;
    mailboxes::set_switch(work, "ann@acme.test", Protocol::Imap, ON, None)
        .await
        .unwrap();
    let work = hosting.work::<SuspendMailboxes>("acme").await;
    mailboxes::restore(work, "ann@acme.test").await.unwrap();
    assert_eq!(hosting.everything().await, before);
}

#[tokio::test]
async fn a_new_plan_brings_its_size_and_leaves_every_switch_as_it_was() {
    let hosting = Hosting::new().await;
    let mailbox = hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    hosting
        .plan(
            "acme",
            "small",
            Kind::PopImap,
            Protocols::of(&[Protocol::Imap]),
            5 << 20,
        )
        .await;
    let to = |plan: &str| MailboxChange {
        plan: Some(plan.to_owned()),
        ..MailboxChange::default()
    };
    let work = hosting.work::<EditMailboxes>("acme").await;
    let small = mailboxes::update(work, "ann@acme.test", to("small"), None)
        .await
        .unwrap();
    assert_eq!(small.quota_bytes, 5 << 20);
    assert_eq!(small.levels.switches, mailbox.levels.switches);
    let now = hosting.world.clock.now();
    assert_eq!(
        why_closed(&small.levels, Protocol::Pop3, now),
        Some(Why::Plan)
    );
    let work = hosting.work::<EditMailboxes>("acme").await;
    let back = mailboxes::update(work, "ann@acme.test", to("basic"), None)
        .await
        .unwrap();
    assert_eq!(back.quota_bytes, mailbox.quota_bytes);
    assert_eq!(effective(&back.levels, now), POP_IMAP);
}

#[tokio::test]
async fn a_size_is_never_below_what_the_mailbox_holds() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    hosting
        .plan("acme", "small", Kind::PopImap, POP_IMAP, 5 << 20)
        .await;
    hosting.set("ann@acme.test", "used_bytes = 6000000").await;
    let before = hosting.everything().await;
    let update = async |plan: Option<&str>, quota_bytes| {
        let work = hosting.work::<EditMailboxes>("acme").await;
        let change = MailboxChange {
            plan: plan.map(str::to_owned),
            quota_bytes,
            ..MailboxChange::default()
        };
        mailboxes::update(work, "ann@acme.test", change, None).await
    };
    fault(update(None, Some(5_999_999)).await, "quota_bytes");
    fault(update(None, Some((10 << 30) + 1)).await, "quota_bytes");
    fault(update(Some("small"), None).await, "plan");
    fault(update(Some("exchange"), None).await, "plan");
    assert_eq!(hosting.everything().await, before);
    assert_eq!(
        update(None, Some(6_000_000)).await.unwrap().quota_bytes,
        6_000_000
    );
}

#[tokio::test]
async fn a_switch_that_kind_or_plan_does_not_allow_cannot_be_turned_on() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    hosting
        .plan(
            "acme",
            "small",
            Kind::PopImap,
            Protocols::of(&[Protocol::Imap]),
            10 << 30,
        )
        .await;
    let set = async |protocol, value| {
        let work = hosting.work::<EditMailboxes>("acme").await;
        mailboxes::set_switch(work, "ann@acme.test", protocol, value, None).await
    };
    let before = hosting.everything().await;
    let sentence = fault(set(Protocol::Activesync, ON).await, "on");
    assert!(sentence.contains("Convert"), "{sentence}");
    let now = hosting.world.clock.now();
    let until = |at| SwitchValue {
        on: true,
        until: Some(at),
    };
    fault(set(Protocol::Pop3, until(now)).await, "until");
    fault(
        set(Protocol::Pop3, until(now - TimeDelta::days(1))).await,
        "until",
    );
    let off_until = SwitchValue {
        on: false,
        until: Some(now + TimeDelta::days(1)),
    };
    fault(set(Protocol::Pop3, off_until).await, "until");
    assert_eq!(hosting.everything().await, before);
    set(Protocol::Pop3, OFF).await.unwrap();
    let change = MailboxChange {
        plan: Some("small".to_owned()),
        ..MailboxChange::default()
    };
    let work = hosting.work::<EditMailboxes>("acme").await;
    mailboxes::update(work, "ann@acme.test", change, None)
        .await
        .unwrap();
    let sentence = fault(set(Protocol::Pop3, ON).await, "on");
    assert!(sentence.contains("plan small"), "{sentence}");
    set(Protocol::Smtp, OFF).await.unwrap();
}

#[tokio::test]
async fn a_switch_granted_for_a_while_is_due_when_it_ends() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("acme", "ann@acme.test", Kind::Exchange)
        .await;
    let end = hosting.world.clock.now() + TimeDelta::days(14);
    let value = SwitchValue {
        on: true,
        until: Some(end),
    };
    let work = hosting.work::<EditMailboxes>("acme").await;
    let mailbox = mailboxes::set_switch(work, "ann@acme.test", Protocol::Pop3, value, None).await;
    let mailbox = mailbox.unwrap();
    assert!(effective(&mailbox.levels, end - TimeDelta::seconds(1)).has(Protocol::Pop3));
    assert!(!effective(&mailbox.levels, end).has(Protocol::Pop3));
    assert_eq!(
        hosting
            .count("mailboxes WHERE next_end_at IS NOT NULL")
            .await,
        1
    );
    let work = hosting.work::<EditMailboxes>("acme").await;
    mailboxes::set_switch(work, "ann@acme.test", Protocol::Pop3, OFF, None)
        .await
        .unwrap();
    assert_eq!(
        hosting
            .count("mailboxes WHERE next_end_at IS NOT NULL")
            .await,
        0
    );
}

#[tokio::test]
async fn suspending_and_restoring_leaves_every_other_level_as_it_was() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("acme", "ann@acme.test", Kind::Exchange)
        .await;
    let work = hosting.work::<EditMailboxes>("acme").await;
    let value = SwitchValue {
        on: true,
        until: Some(hosting.world.clock.now() + TimeDelta::days(3)),
    };
    mailboxes::set_switch(work, "ann@acme.test", Protocol::Pop3, value, None)
        .await
        .unwrap();
    let before = hosting.see("acme", "ann@acme.test").await;
    let work = hosting.work::<SuspendMailboxes>("acme").await;
    let suspended = mailboxes::suspend(work, "ann@acme.test", "unpaid")
        .await
        .unwrap();
    let now = hosting.world.clock.now();
    assert_eq!(suspended.suspended.as_deref(), Some("unpaid"));
    assert!(
        suspended.receives,
        "nothing bounces because of an unpaid bill"
    );
    assert!(effective(&suspended.levels, now).is_empty());
    assert_eq!(
        why_closed(&suspended.levels, Protocol::Imap, now),
        Some(Why::Suspension)
    );
    // A switch set meanwhile is kept.
    let work = hosting.work::<EditMailboxes>("acme").await;
    mailboxes::set_switch(work, "ann@acme.test", Protocol::Imap, OFF, None)
        .await
        .unwrap();
    let work = hosting.work::<SuspendMailboxes>("acme").await;
    let again = mailboxes::suspend(work, "ann@acme.test", "still unpaid")
        .await
        .unwrap();
    assert_eq!(again.suspended.as_deref(), Some("still unpaid"));
    let work = hosting.work::<SuspendMailboxes>("acme").await;
    let restored = mailboxes::restore(work, "ann@acme.test").await.unwrap();
    let mut expected = before.levels.clone();
    expected.switches.set(Protocol::Imap, OFF);
    assert_eq!(restored.levels, expected);
    assert_eq!(hosting.audit("mailbox.suspended").await.len(), 2);
    assert_eq!(hosting.audit("mailbox.restored").await.len(), 1);
}

#[tokio::test]
async fn a_suspension_anywhere_above_closes_a_mailbox_and_one_beside_it_does_not() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    let now = hosting.world.clock.now();
    for (slug, why) in [
        ("globex", None),
        ("harbour", None),
        ("oz", None),
        ("acme", Some(Why::Tenant)),
        ("quayside", Some(Why::Tenant)),
        ("platform", Some(Why::Tenant)),
    ] {
        let at = now.to_rfc3339();
        let of = format!("WHERE slug = '{slug}'");
        hosting
            .sql(&format!("UPDATE tenants SET suspended_at = '{at}' {of}"))
            .await;
        let mailbox = hosting.see("acme", "ann@acme.test").await;
        assert_eq!(
            why_closed(&mailbox.levels, Protocol::Imap, now),
            why,
            "{slug}"
        );
        hosting
            .sql(&format!("UPDATE tenants SET suspended_at = NULL {of}"))
            .await;
    }
    let mailbox = hosting.see("acme", "ann@acme.test").await;
    assert_eq!(effective(&mailbox.levels, now), POP_IMAP);
}

#[tokio::test]
async fn somebody_elses_mailbox_is_not_there_by_whatever_name() {
    let hosting = Hosting::new().await;
    let theirs = hosting
        .mailbox("globex", "zoe@globex.test", Kind::PopImap)
        .await;
    let before = hosting.everything().await;
    for name in [
        theirs.id.to_string(),
        "zoe@globex.test".to_owned(),
        "nobody@acme.test".to_owned(),
    ] {
        let work = hosting.work::<ViewMailboxes>("acme").await;
        assert!(is_missing(&mailboxes::find(&work, &name).await));
        assert!(is_missing(&mailboxes::client_settings(&work, &name).await));
        let work = hosting.work::<EditMailboxes>("acme").await;
        let change = MailboxChange {
            receives: Some(false),
            ..MailboxChange::default()
        };
        assert!(is_missing(
            &mailboxes::update(work, &name, change, None).await
        ));
        let work = hosting.work::<EditMailboxes>("acme").await;
        let switched = mailboxes::set_switch(work, &name, Protocol::Imap, OFF, None).await;
        assert!(is_missing(&switched));
        let work = hosting.work::<SuspendMailboxes>("acme").await;
        assert!(is_missing(&mailboxes::suspend(work, &name, "unpaid").await));
        let work = hosting.work::<CheckMailboxes>("acme").await;
        assert!(is_missing(&mailboxes::request_check(work, &name).await));
    }
    assert_eq!(hosting.everything().await, before);
    // Those above see it.
    assert_eq!(
        hosting.see("quayside", "ZOE@globex.test").await.id,
        theirs.id
    );
}

#[tokio::test]
async fn a_change_of_what_somebody_changed_meanwhile_is_refused() {
    let hosting = Hosting::new().await;
    let read = hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    hosting.world.clock.advance(TimeDelta::seconds(1));
    let rename = async |name: &str, expected: &str| {
        let work = hosting.work::<EditMailboxes>("acme").await;
        let change = MailboxChange {
            display_name: Some(name.to_owned()),
            ..MailboxChange::default()
        };
        mailboxes::update(work, "ann@acme.test", change, Some(expected)).await
    };
    let renamed = rename("One", &read.version()).await.unwrap();
    assert_ne!(renamed.version(), read.version());
    let before = hosting.everything().await;
    for stale in [
        read.version(),
        read.asked_version(),
        "x".to_owned(),
        String::new(),
    ] {
        assert!(matches!(rename("Two", &stale).await, Err(AppError::Stale)));
    }
    assert_eq!(hosting.everything().await, before);
    // Mail that arrives changes what is shown, but not what a form was filled in for.
    hosting
        .set("ann@acme.test", "used_bytes = 1, messages = 1")
        .await;
    assert!(matches!(
        rename("Two", &renamed.version()).await,
        Err(AppError::Stale)
    ));
    rename("Two", &renamed.asked_version()).await.unwrap();
}

#[tokio::test]
async fn what_a_conversion_holds_is_not_changed_under_it() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    hosting
        .set(
            "ann@acme.test",
            "converting_item = id, state = 'converting'",
        )
        .await;
    let before = hosting.everything().await;
    let work = hosting.work::<EditMailboxes>("acme").await;
    let switched = mailboxes::set_switch(work, "ann@acme.test", Protocol::Imap, OFF, None).await;
    assert_eq!(conflict(switched).0, "converting");
    let work = hosting.work::<EditMailboxes>("acme").await;
    let change = MailboxChange {
        receives: Some(false),
        ..MailboxChange::default()
    };
    let changed = mailboxes::update(work, "ann@acme.test", change, None).await;
    assert_eq!(conflict(changed).0, "converting");
    let work = hosting.work("acme").await;
    assert_eq!(
        conflict(mailboxes::retain(work, "ann@acme.test").await).0,
        "converting"
    );
    let work = hosting.work("acme").await;
    assert_eq!(
        conflict(mailboxes::purge(work, "ann@acme.test").await).0,
        "converting"
    );
    assert_eq!(hosting.everything().await, before);
    // Suspending is another level: it goes together.
    let work = hosting.work::<SuspendMailboxes>("acme").await;
    let suspended = mailboxes::suspend(work, "ann@acme.test", "unpaid")
        .await
        .unwrap();
    assert_eq!(suspended.state, MailboxState::Converting);
}

#[tokio::test]
async fn clients_are_told_only_of_what_is_open() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    let work = hosting.work::<EditMailboxes>("acme").await;
    mailboxes::set_switch(work, "ann@acme.test", Protocol::Pop3, OFF, None)
        .await
        .unwrap();
    let work = hosting.work::<ViewMailboxes>("acme").await;
    let (_, listeners) = mailboxes::client_settings(&work, "ann@acme.test")
        .await
        .unwrap();
    let protocols: Protocols = listeners.iter().map(|one| one.protocol).collect();
    assert_eq!(protocols, Protocols::of(&[Protocol::Imap, Protocol::Smtp]));
}

#[tokio::test]
async fn a_check_is_asked_for_and_belongs_to_its_mailbox() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    hosting
        .mailbox("acme", "bob@acme.test", Kind::PopImap)
        .await;
    let work = hosting.work::<CheckMailboxes>("acme").await;
    let check = mailboxes::request_check(work, "ann@acme.test")
        .await
        .unwrap();
    let work = hosting.work::<ViewMailboxes>("acme").await;
    assert!(
        !mailboxes::find_check(&work, "ann@acme.test", check.id)
            .await
            .unwrap()
            .done
    );
    assert!(is_missing(
        &mailboxes::find_check(&work, "bob@acme.test", check.id).await
    ));
    assert_eq!(
        hosting.count("mailbox_checks WHERE state = 'asked'").await,
        1
    );
    hosting.world.clock.advance(TimeDelta::hours(25));
    let work = hosting.work::<CheckMailboxes>("acme").await;
    mailboxes::request_check(work, "ann@acme.test")
        .await
        .unwrap();
    assert_eq!(hosting.count("mailbox_checks").await, 1, "old ones go");
}
