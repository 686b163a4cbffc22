//! What the pre-check says, and what a start refuses.
use std::time::Duration;

use chrono::TimeDelta;
use pilothouse::app::{AppError, conversions, mailboxes};
use pilothouse::authz::{Role, ViewConversions};
use pilothouse::backends::MailServer;
use pilothouse::domain::conversion::KeepOpen;
use pilothouse::domain::{Invalid, Kind, PreCheck, Protocol, Way};
use pilothouse::engine::reconciler::bring;
use pilothouse::store::RequestFacts;
use pilothouse::store::engine::usage;

use crate::stage::{Stage, address};
use crate::theatre::{batch_of, carry_on, furnished, item, start, try_start};

async fn checked(stage: &Stage, locals: &[&str], to: Kind, keep: &[KeepOpen]) -> Vec<PreCheck> {
    let named = batch_of(locals, to).mailboxes;
    let work = stage.work::<ViewConversions>("acme").await;
    conversions::pre_check(&work, to, &named, keep)
        .await
        .unwrap()
}

async fn codes(stage: &Stage, local: &str) -> Vec<String> {
    let check = checked(stage, &[local], Kind::Exchange, &[])
        .await
        .remove(0);
    check
        .blockers
        .into_iter()
        .map(|blocker| blocker.code)
        .collect()
}

fn faults(answer: Result<pilothouse::domain::Batch, AppError>) -> Invalid {
    match answer {
        Err(AppError::Invalid(invalid)) => invalid,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn it_says_what_opens_what_closes_and_when_that_was_last_used() {
    let stage = Stage::new().await;
    let ann = furnished(&stage, "ann", Kind::PopImap).await;
    stage
        .server
        .sign_in(&address("ann"), Protocol::Pop3)
        .unwrap();
    let used = stage.world.clock.now();
    let server: std::sync::Arc<dyn MailServer> = std::sync::Arc::new(stage.server.clone());
    let store = &stage.context.store;
    let unread = usage::unread(store, stage.id, Duration::ZERO, 1)
        .await
        .unwrap()
        .remove(0);
    let read = server.usage(&[address("ann")]).await.unwrap().pop();
    usage::record(store, &[(unread, read)]).await.unwrap();
    let check = checked(&stage, &["ann"], Kind::Exchange, &[])
        .await
        .remove(0);
    assert_eq!(check.blockers, vec![]);
    assert_eq!(
        (check.mailbox, check.way),
        (Some(ann.id), Some(Way::InPlace))
    );
    assert_eq!(
        check.opens,
        [Protocol::Activesync, Protocol::Dav, Protocol::Webmail]
    );
    let closes: Vec<_> = check
        .closes
        .iter()
        .map(|c| (c.protocol, c.last_used_at))
        .collect();
    assert_eq!(
        closes,
        [(Protocol::Pop3, Some(used)), (Protocol::Smtp, None)]
    );
    assert_eq!(check.messages, 12);
    assert!(check.plan_to.is_some() && check.plan_to.as_deref() != Some(&check.plan_from));
    let until = used + TimeDelta::days(1);
    let keep = [KeepOpen {
        protocol: Protocol::Pop3,
        until,
    }];
    let check = checked(&stage, &["ann"], Kind::Exchange, &keep)
        .await
        .remove(0);
    let closes: Vec<_> = check.closes.iter().map(|c| c.protocol).collect();
    assert_eq!(closes, [Protocol::Smtp]);
}

#[tokio::test]
async fn everything_that_is_in_the_way_is_named() {
    let stage = Stage::new().await;
    let ann = furnished(&stage, "ann", Kind::PopImap).await;
    assert!(codes(&stage, "ann").await.is_empty());
    assert_eq!(codes(&stage, "nobody").await, ["not_found"]);
    let set = |sql: &'static str| stage.sql(sql);
    set("UPDATE mailboxes SET used_bytes = 900000000000000").await;
    assert_eq!(codes(&stage, "ann").await, ["over_quota"]);
    set("UPDATE mailboxes SET used_bytes = 0, seen_generation = 0, state = 'pending'").await;
    assert_eq!(codes(&stage, "ann").await, ["not_ready"]);
    set("UPDATE mailboxes SET seen_generation = asked_generation, state = 'failed'").await;
    assert_eq!(codes(&stage, "ann").await, ["not_ready"]);
    set("UPDATE mailboxes SET state = 'ready', drift = '[{\"aspect\":\"quota\",\"asked\":\"1\",\"found\":\"2\"}]'").await;
    assert_eq!(codes(&stage, "ann").await, ["drift"]);
    set("UPDATE mailboxes SET drift = NULL").await;
    set("UPDATE domains SET vouched = false").await;
    assert_eq!(codes(&stage, "ann").await, ["domain_unproved"]);
    set("UPDATE domains SET vouched = true").await;
    set("UPDATE plans SET is_default = false WHERE kind = 'exchange'").await;
    assert_eq!(codes(&stage, "ann").await, ["no_plan"]);
    set("UPDATE plans SET is_default = true WHERE kind = 'exchange'").await;
    set("UPDATE mail_servers SET offers = '[\"imap\",\"pop3\",\"smtp\"]'").await;
    assert_eq!(codes(&stage, "ann").await, ["no_server"]);
    let other = pilothouse::backends::memory::MemoryServer::full(stage.world.clock.clone());
    crate::stage::registered(&stage.world, "mail-2", &other).await;
    assert_eq!(codes(&stage, "ann").await, Vec::<String>::new());
    set("UPDATE mail_servers SET offers = '[\"imap\",\"pop3\",\"smtp\",\"activesync\",\"dav\",\"webmail\"]'").await;
    start(&stage, &["ann"], Kind::Exchange).await;
    assert_eq!(codes(&stage, "ann").await, ["already_converting"]);
    carry_on(&stage.context).await;
    assert_eq!(codes(&stage, "ann").await, ["same_kind"]);
    mailboxes::retain(stage.work("acme").await, ann.address.as_str())
        .await
        .unwrap();
    assert_eq!(codes(&stage, "ann").await, ["retained"]);
}

#[tokio::test]
async fn a_start_is_all_or_nothing_with_each_fault_at_its_place() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    furnished(&stage, "eve", Kind::Exchange).await;
    let mut new = batch_of(&["ann", "eve", "nobody", "ann"], Kind::Exchange);
    new.mailboxes.push(stage.see("ann").await.id.to_string());
    let faults = faults(try_start(&stage, new).await);
    let pointers: Vec<_> = faults.errors.iter().map(|f| f.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/mailboxes/1",
            "/mailboxes/2",
            "/mailboxes/3",
            "/mailboxes/4"
        ]
    );
    assert!(faults.of("mailboxes/3").unwrap().contains("named twice"));
    assert_eq!(codes(&stage, "ann").await, [""; 0], "something was started");
}

#[tokio::test]
async fn grants_that_cannot_be_are_faults() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    furnished(&stage, "eve", Kind::Exchange).await;
    let later = stage.world.clock.now() + TimeDelta::days(1);
    let grant = |protocol, until| KeepOpen { protocol, until };
    let mut new = batch_of(&["eve"], Kind::PopImap);
    new.keep_open = vec![grant(Protocol::Webmail, later)];
    assert!(
        faults(try_start(&stage, new).await)
            .of("keep_open/0/protocol")
            .is_some()
    );
    let mut new = batch_of(&["ann"], Kind::Exchange);
    let past = stage.world.clock.now();
    new.keep_open = vec![grant(Protocol::Pop3, past), grant(Protocol::Pop3, later)];
    let both = faults(try_start(&stage, new).await);
    assert!(both.of("keep_open/0/until").is_some());
    assert!(
        both.of("keep_open/1/protocol")
            .unwrap()
            .contains("named twice")
    );
    stage
        .sql("UPDATE plans SET allowed = '[\"imap\",\"activesync\",\"dav\",\"webmail\"]'")
        .await;
    let mut new = batch_of(&["ann"], Kind::Exchange);
    new.keep_open = vec![grant(Protocol::Pop3, later)];
    let narrow = faults(try_start(&stage, new).await);
    assert!(
        narrow
            .of("keep_open/0/protocol")
            .unwrap()
            .contains("does not include POP3")
    );
}

#[tokio::test]
async fn nothing_and_too_much_are_faults() {
    let stage = Stage::new().await;
    let none = faults(try_start(&stage, batch_of(&[], Kind::Exchange)).await);
    assert!(none.of("mailboxes").is_some());
    let mut new = batch_of(&[], Kind::Exchange);
    new.mailboxes = (0..10_001).map(|n| format!("u{n}@acme.test")).collect();
    let many = faults(try_start(&stage, new).await);
    assert!(many.of("mailboxes").unwrap().contains("10000"));
}

#[tokio::test]
async fn a_strangers_mailbox_is_not_there_and_a_resellers_batch_reaches_below() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    let stranger = stage.world.member("globex", Role::Owner);
    let work = stage.world.work(stranger, "globex").await;
    let foreign = conversions::start(work, batch_of(&["ann"], Kind::Exchange)).await;
    assert!(
        faults(foreign)
            .of("mailboxes/0")
            .unwrap()
            .contains("There is no mailbox")
    );
    let reseller = stage.world.member("quayside", Role::Admin);
    let work = stage.world.work(reseller, "quayside").await;
    let started = conversions::start(work, batch_of(&["ann"], Kind::Exchange))
        .await
        .unwrap();
    assert_eq!(started.started_by, "admin@quayside.test");
    carry_on(&stage.context).await;
    let seen = stage.world.member("quayside", Role::Viewer);
    let work = stage.world.work::<ViewConversions>(seen, "quayside").await;
    let batch = conversions::find(&work, started.id).await.unwrap();
    assert_eq!((batch.counts.total, batch.counts.done), (1, 1));
    let own = stage.world.member("acme", Role::Viewer);
    let work = stage.world.work::<ViewConversions>(own, "acme").await;
    assert!(matches!(
        conversions::find(&work, started.id).await,
        Err(AppError::NotFound(_))
    ));
    let ann = stage.see("ann").await;
    assert_eq!(
        conversions::of_mailbox(&work, ann.id).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_dry_run_starts_nothing() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    let facts = RequestFacts {
        dry_run: true,
        ..RequestFacts::default()
    };
    let owner = stage.world.member("acme", Role::Owner);
    let work = stage.world.work_with(owner, "acme", facts).await;
    let would = conversions::start(work, batch_of(&["ann"], Kind::Exchange))
        .await
        .unwrap();
    assert_eq!(would.counts.total, 1);
    assert!(codes(&stage, "ann").await.is_empty());
}

#[tokio::test]
async fn what_got_in_the_way_after_the_click_is_found_at_the_first_step() {
    let stage = Stage::new().await;
    let ann = furnished(&stage, "ann", Kind::PopImap).await;
    let started = start(&stage, &["ann"], Kind::Exchange).await;
    stage.sql("UPDATE domains SET vouched = false").await;
    carry_on(&stage.context).await;
    let failed = item(&stage, &started).await;
    assert!(
        failed
            .error
            .unwrap()
            .contains("acme.test is not proved yet")
    );
    let after = stage.see("ann").await;
    assert_eq!(
        (after.kind, after.asked_generation),
        (Kind::PopImap, ann.asked_generation)
    );
}

#[tokio::test]
async fn a_change_that_is_still_on_its_way_is_waited_for() {
    let stage = Stage::new().await;
    let ann = furnished(&stage, "ann", Kind::PopImap).await;
    let started = start(&stage, &["ann"], Kind::Exchange).await;
    let work = stage.work("acme").await;
    mailboxes::suspend(work, ann.address.as_str(), "unpaid")
        .await
        .unwrap();
    carry_on(&stage.context).await;
    assert!(
        item(&stage, &started)
            .await
            .waiting_for
            .unwrap()
            .contains("still on its way")
    );
    bring(&stage.context, ann.id).await.unwrap();
    stage.world.clock.advance(TimeDelta::seconds(61));
    carry_on(&stage.context).await;
    assert_eq!(
        item(&stage, &started).await.receipt.unwrap().differences,
        [""; 0]
    );
}

#[tokio::test]
async fn while_it_converts_a_mailbox_takes_no_other_change_but_a_suspension() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    start(&stage, &["ann"], Kind::Exchange).await;
    let mut jobs = pilothouse::engine::conversion::claim(&stage.context)
        .await
        .unwrap();
    pilothouse::engine::conversion::advance(&stage.context, &mut jobs[0])
        .await
        .unwrap();
    let value = pilothouse::domain::effective::SwitchValue {
        on: false,
        until: None,
    };
    let work = stage.work("acme").await;
    let answer = mailboxes::set_switch(work, "ann@acme.test", Protocol::Pop3, value, None).await;
    let Err(AppError::Conflict { kind, .. }) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(kind, "converting");
    let work = stage.work("acme").await;
    mailboxes::suspend(work, "ann@acme.test", "unpaid")
        .await
        .unwrap();
    while pilothouse::engine::conversion::advance(&stage.context, &mut jobs[0])
        .await
        .unwrap()
    {}
    let after = stage.see("ann").await;
    assert_eq!(
        (after.kind, after.suspended.as_deref()),
        (Kind::Exchange, Some("unpaid"))
    );
    assert!(
        stage
            .server
            .account(&address("ann"))
            .unwrap()
            .open
            .is_empty()
    );
}
