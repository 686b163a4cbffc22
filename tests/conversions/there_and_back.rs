//! The plain case, both ways, and what a mailbox finds when it comes back to a kind.
use chrono::TimeDelta;
use pilothouse::app::audit;
use pilothouse::app::mailboxes::set_switch;
use pilothouse::authz::{EditMailboxes, ViewAudit};
use pilothouse::domain::conversion::KeepOpen;
use pilothouse::domain::effective::SwitchValue;
use pilothouse::domain::{
    BatchState, ItemState, Kind, MailboxState, PageRequest, Place, Protocol, Protocols, effective,
};
use pilothouse::engine::reconciler::bring;

use crate::stage::{Stage, address};
use crate::theatre::{batch, batch_of, carry_on, furnished, item, mail, start, try_start};

fn open(stage: &Stage, local: &str) -> Protocols {
    stage.server.account(&address(local)).unwrap().open
}

#[tokio::test]
async fn a_mailbox_goes_there_and_back_and_nothing_in_it_changes() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    let (before, was_open) = (mail(&stage, "ann").await, open(&stage, "ann"));
    for to in [Kind::Exchange, Kind::PopImap] {
        let started = start(&stage, &["ann"], to).await;
        assert_eq!(started.state, BatchState::Running);
        carry_on(&stage.context).await;
        let item = item(&stage, &started).await;
        assert_eq!((item.state, item.place), (ItemState::Done, Place::Over));
        let receipt = item.receipt.unwrap();
        assert!(receipt.identical);
        assert_eq!((receipt.from, receipt.to), (to.other(), to));
        assert_eq!(
            (receipt.before.messages, receipt.arrived_meanwhile),
            (12, 0)
        );
        assert_eq!(receipt.before, receipt.after);
        assert_eq!(receipt.read_again.unwrap().unchanged, 12);
        assert!(item.undo_until > Some(stage.world.clock.now() + TimeDelta::days(29)));
        let mailbox = stage.see("ann").await;
        assert_eq!((mailbox.kind, mailbox.state), (to, MailboxState::Ready));
        assert_eq!(
            open(&stage, "ann"),
            effective(&mailbox.levels, stage.world.clock.now())
        );
        let over = batch(&stage, &started).await;
        assert_eq!((over.state, over.counts.done), (BatchState::Done, 1));
        assert!(over.finished_at.is_some());
        assert_eq!(mail(&stage, "ann").await, before);
    }
    assert_eq!(open(&stage, "ann"), was_open);
}

#[tokio::test]
async fn exchange_opens_what_it_is_for_and_closes_pop3_and_smtp() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    let ann = address("ann");
    stage.server.sign_in(&ann, Protocol::Pop3).unwrap();
    start(&stage, &["ann"], Kind::Exchange).await;
    carry_on(&stage.context).await;
    assert!(stage.server.sessions(&ann).is_empty(), "a session lives on");
    for protocol in [
        Protocol::Activesync,
        Protocol::Dav,
        Protocol::Webmail,
        Protocol::Imap,
    ] {
        stage.server.sign_in(&ann, protocol).unwrap();
    }
    for protocol in [Protocol::Pop3, Protocol::Smtp] {
        let why = stage.server.sign_in(&ann, protocol).unwrap_err();
        assert!(why.contains("This is an Exchange mailbox"), "{why}");
    }
}

#[tokio::test]
async fn a_door_that_an_admin_had_closed_stays_closed_after_the_way_there_and_back() {
    let stage = Stage::new().await;
    let ann = furnished(&stage, "ann", Kind::PopImap).await;
    let work = stage.work::<EditMailboxes>("acme").await;
    let off = SwitchValue::default();
    set_switch(work, "ann@acme.test", Protocol::Pop3, off, None)
        .await
        .unwrap();
    bring(&stage.context, ann.id).await.unwrap();
    for to in [Kind::Exchange, Kind::PopImap] {
        start(&stage, &["ann"], to).await;
        carry_on(&stage.context).await;
    }
    let imap_and_smtp = Protocols::of(&[Protocol::Imap, Protocol::Smtp]);
    assert_eq!(open(&stage, "ann"), imap_and_smtp);
    let ann = stage.see("ann").await;
    assert_eq!(ann.levels.switches.get(Protocol::Pop3), off);
}

#[tokio::test]
async fn a_protocol_can_stay_open_for_a_while() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    let until = stage.world.clock.now() + TimeDelta::days(14);
    let mut new = batch_of(&["ann"], Kind::Exchange);
    new.keep_open = vec![KeepOpen {
        protocol: Protocol::Pop3,
        until,
    }];
    try_start(&stage, new).await.unwrap();
    carry_on(&stage.context).await;
    stage
        .server
        .sign_in(&address("ann"), Protocol::Pop3)
        .unwrap();
    let value = stage.see("ann").await.levels.switches.get(Protocol::Pop3);
    assert_eq!((value.on, value.until), (true, Some(until)));
}

#[tokio::test]
async fn a_suspended_mailbox_is_converted_and_stays_shut() {
    let stage = Stage::new().await;
    let ann = furnished(&stage, "ann", Kind::PopImap).await;
    let work = stage.work("acme").await;
    pilothouse::app::mailboxes::suspend(work, "ann@acme.test", "unpaid")
        .await
        .unwrap();
    bring(&stage.context, ann.id).await.unwrap();
    let started = start(&stage, &["ann"], Kind::Exchange).await;
    carry_on(&stage.context).await;
    assert_eq!(item(&stage, &started).await.state, ItemState::Done);
    assert!(open(&stage, "ann").is_empty());
    assert_eq!(stage.see("ann").await.state, MailboxState::Suspended);
}

#[tokio::test]
async fn the_log_of_the_customer_says_who_started_it_and_what_was_done() {
    let stage = Stage::new().await;
    let ann = furnished(&stage, "ann", Kind::PopImap).await;
    start(&stage, &["ann"], Kind::Exchange).await;
    carry_on(&stage.context).await;
    let work = stage.work::<ViewAudit>("acme").await;
    let entries = audit::list(&work, Some(ann.id.0), &PageRequest::first())
        .await
        .unwrap()
        .items;
    let actions: Vec<_> = entries.iter().map(|e| e.action.as_str()).collect();
    assert_eq!(actions[..2], ["mailbox.converted", "mailbox.switched_over"]);
    for entry in &entries[..2] {
        assert_eq!(
            (entry.actor_kind.as_str(), entry.actor.as_str()),
            ("system", "conversion")
        );
        let started_by = &entry.after.as_ref().unwrap()["started_by"];
        assert_eq!(started_by, "owner@platform.test");
    }
}
