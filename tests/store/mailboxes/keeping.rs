//! Taking away, bringing back, destroying.
use chrono::TimeDelta;
use pilothouse::app::mailboxes::{self, MailboxChange};
use pilothouse::authz::{EditMailboxes, PurgeMailboxes, RemoveMailboxes, SuspendMailboxes};
use pilothouse::domain::effective::SwitchValue;
use pilothouse::domain::{Kind, MailboxState, Protocol, Why, effective, effective::why_closed};

use crate::hosting::{Hosting, conflict, is_missing};

#[tokio::test]
async fn a_mailbox_that_is_taken_away_is_closed_and_kept_and_comes_back_as_it_was() {
    let hosting = Hosting::new().await;
    let before = hosting
        .mailbox("acme", "ann@acme.test", Kind::Exchange)
        .await;
    let now = hosting.world.clock.now();
    let work = hosting.work::<RemoveMailboxes>("acme").await;
    let kept = mailboxes::retain(work, "ann@acme.test").await.unwrap();
    assert_eq!(kept.state, MailboxState::Retained);
    assert_eq!(kept.retained_at, Some(now));
    assert_eq!(kept.purge_after, Some(now + TimeDelta::days(30)));
    assert_eq!(kept.asked_generation, 2, "the server has to close it");
    assert_eq!(
        why_closed(&kept.levels, Protocol::Imap, now),
        Some(Why::Suspension)
    );
    assert_eq!(kept.user, before.user);
    hosting.settle().await;
    assert_eq!(
        hosting.see("acme", "ann@acme.test").await.state,
        MailboxState::Retained
    );
    let rows = hosting.everything().await;
    let work = hosting.work::<RemoveMailboxes>("acme").await;
    mailboxes::retain(work, "ann@acme.test").await.unwrap();
    assert_eq!(
        hosting.everything().await,
        rows,
        "taking it away again changes nothing"
    );
    let work = hosting.work::<RemoveMailboxes>("acme").await;
    let back = mailboxes::bring_back(work, "ann@acme.test").await.unwrap();
    assert_eq!(back.levels, before.levels);
    assert_eq!((back.retained_at, back.purge_after), (None, None));
    assert_eq!(back.state, MailboxState::Pending);
    assert_eq!(hosting.audit("mailbox.retained").await.len(), 1);
    assert_eq!(hosting.audit("mailbox.brought_back").await.len(), 1);
}

#[tokio::test]
async fn how_long_it_is_kept_is_a_matter_of_its_plan() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    hosting
        .plan(
            "quayside",
            "week",
            Kind::PopImap,
            Kind::PopImap.allows(),
            10 << 30,
        )
        .await;
    let work = hosting.work::<EditMailboxes>("acme").await;
    let change = MailboxChange {
        plan: Some("week".to_owned()),
        ..MailboxChange::default()
    };
    mailboxes::update(work, "ann@acme.test", change, None)
        .await
        .unwrap();
    let work = hosting.work::<RemoveMailboxes>("acme").await;
    let kept = mailboxes::retain(work, "ann@acme.test").await.unwrap();
    assert_eq!(
        kept.purge_after,
        Some(hosting.world.clock.now() + TimeDelta::days(7))
    );
}

#[tokio::test]
async fn a_suspended_mailbox_that_comes_back_is_still_suspended() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    let work = hosting.work::<SuspendMailboxes>("acme").await;
    mailboxes::suspend(work, "ann@acme.test", "unpaid")
        .await
        .unwrap();
    let work = hosting.work::<RemoveMailboxes>("acme").await;
    mailboxes::retain(work, "ann@acme.test").await.unwrap();
    let work = hosting.work::<RemoveMailboxes>("acme").await;
    let back = mailboxes::bring_back(work, "ann@acme.test").await.unwrap();
    assert_eq!(back.suspended.as_deref(), Some("unpaid"));
    assert!(effective(&back.levels, hosting.world.clock.now()).is_empty());
}

#[tokio::test]
async fn a_kept_mailbox_keeps_its_address_and_is_not_changed() {
    let hosting = Hosting::new().await;
    hosting.shared("acme", "info@acme.test").await.unwrap();
    let work = hosting.work::<RemoveMailboxes>("acme").await;
    mailboxes::retain(work, "info@acme.test").await.unwrap();
    let before = hosting.everything().await;
    let (kind, sentence) = conflict(hosting.shared("acme", "info@acme.test").await);
    assert_eq!(kind, "address-taken");
    assert!(sentence.contains("Bring it back"), "{sentence}");
    let user = hosting.add_user("acme", "info@acme.test", None).await;
    assert_eq!(conflict(user).0, "address-taken");
    let work = hosting.work::<EditMailboxes>("acme").await;
    let off = SwitchValue::default();
    let switched = mailboxes::set_switch(work, "info@acme.test", Protocol::Imap, off, None).await;
    assert_eq!(conflict(switched).0, "retained");
    let work = hosting.work::<SuspendMailboxes>("acme").await;
    let suspended = mailboxes::suspend(work, "info@acme.test", "unpaid").await;
    assert_eq!(conflict(suspended).0, "retained");
    assert_eq!(hosting.everything().await, before);
}

#[tokio::test]
async fn destroying_is_asked_for_once_and_cannot_be_taken_back() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    let work = hosting.work::<PurgeMailboxes>("acme").await;
    let gone = mailboxes::purge(work, "ann@acme.test").await.unwrap();
    assert!(gone.purge_asked);
    assert_eq!(
        gone.state,
        MailboxState::Retained,
        "nobody can use it from now on"
    );
    assert!(effective(&gone.levels, hosting.world.clock.now()).is_empty());
    assert_eq!(
        hosting
            .count("mailboxes WHERE next_try_at IS NOT NULL")
            .await,
        1
    );
    let before = hosting.everything().await;
    let work = hosting.work::<PurgeMailboxes>("acme").await;
    mailboxes::purge(work, "ann@acme.test").await.unwrap();
    let work = hosting.work::<RemoveMailboxes>("acme").await;
    let back = mailboxes::bring_back(work, "ann@acme.test").await;
    assert_eq!(conflict(back).0, "purged");
    assert_eq!(hosting.everything().await, before);
}

#[tokio::test]
async fn nobody_takes_away_or_destroys_what_is_somebody_elses() {
    let hosting = Hosting::new().await;
    let theirs = hosting
        .mailbox("globex", "zoe@globex.test", Kind::PopImap)
        .await;
    let before = hosting.everything().await;
    for name in [theirs.id.to_string(), "zoe@globex.test".to_owned()] {
        let work = hosting.work::<RemoveMailboxes>("acme").await;
        assert!(is_missing(&mailboxes::retain(work, &name).await));
        let work = hosting.work::<RemoveMailboxes>("acme").await;
        assert!(is_missing(&mailboxes::bring_back(work, &name).await));
        let work = hosting.work::<PurgeMailboxes>("acme").await;
        assert!(is_missing(&mailboxes::purge(work, &name).await));
    }
    assert_eq!(hosting.everything().await, before);
}
