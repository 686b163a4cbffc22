//! Servers that are silent, cannot, or refuse, at every step.
use chrono::TimeDelta;
use pilothouse::backends::memory::{Call, Fault};
use pilothouse::domain::{ItemState, Kind, MailboxState, Place, Protocol};
use pilothouse::engine::conversion;

use crate::stage::{Stage, address};
use crate::theatre::{advanced, carry_on, furnished, item, let_time_pass, mail, start};

#[tokio::test]
async fn a_silent_server_is_waited_for_at_every_step_and_the_item_says_so() {
    let stage = Stage::new().await;
    // The first step asks the server nothing.
    for steps in 1..8 {
        let local = format!("ann{steps}");
        furnished(&stage, &local, Kind::PopImap).await;
        let before = mail(&stage, &local).await;
        let started = start(&stage, &[&local], Kind::Exchange).await;
        let mut job = advanced(&stage, steps).await;
        stage.server.go_down();
        assert!(!conversion::advance(&stage.context, &mut job).await.unwrap());
        let waits = item(&stage, &started).await;
        let why = waits.waiting_for.unwrap();
        assert!(
            why.starts_with("mail-1 does not answer. Next try in "),
            "{why}"
        );
        let_time_pass(&stage, &stage.context).await;
        assert!(!item(&stage, &started).await.state.is_over(), "it gave up");
        stage.server.come_back();
        let_time_pass(&stage, &stage.context).await;
        let done = item(&stage, &started).await;
        assert_eq!(
            (done.state, done.waiting_for),
            (ItemState::Done, None),
            "{steps}"
        );
        assert_eq!(mail(&stage, &local).await, before);
    }
}

#[tokio::test]
async fn a_server_that_cannot_for_a_minute_while_the_doors_are_shut_gets_the_mailbox_back() {
    let stage = Stage::new().await;
    let before = furnished(&stage, "ann", Kind::PopImap).await;
    let started = start(&stage, &["ann"], Kind::Exchange).await;
    let busy = Fault::Busy("locked".to_owned());
    let mut job = conversion::claim(&stage.context)
        .await
        .unwrap()
        .pop()
        .unwrap();
    for _ in 0..3 {
        conversion::advance(&stage.context, &mut job).await.unwrap();
    }
    assert_eq!(job.place, Place::Mark);
    stage.server.fail_next(Call::Snapshot, 100, &busy);
    conversion::advance(&stage.context, &mut job).await.unwrap();
    stage.world.clock.advance(TimeDelta::seconds(30));
    carry_on(&stage.context).await;
    assert!(
        !item(&stage, &started).await.state.is_over(),
        "half a minute is not enough"
    );
    stage.world.clock.advance(TimeDelta::seconds(61));
    carry_on(&stage.context).await;
    let failed = item(&stage, &started).await;
    assert_eq!(failed.state, ItemState::Failed);
    assert!(
        failed
            .error
            .unwrap()
            .contains("could not go on for a minute")
    );
    let after = stage.see("ann").await;
    assert_eq!(
        (after.kind, after.state),
        (Kind::PopImap, MailboxState::Ready)
    );
    assert_eq!(after.levels, before.levels);
    stage
        .server
        .sign_in(&address("ann"), Protocol::Imap)
        .unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_while_the_mailbox_is_in_use_is_waited_for() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    let started = start(&stage, &["ann"], Kind::Exchange).await;
    stage
        .server
        .fail_next(Call::Snapshot, 6, &Fault::Busy("locked".to_owned()));
    carry_on(&stage.context).await;
    stage
        .server
        .sign_in(&address("ann"), Protocol::Imap)
        .unwrap();
    let_time_pass(&stage, &stage.context).await;
    assert_eq!(item(&stage, &started).await.state, ItemState::Done);
}

#[tokio::test]
async fn trouble_while_it_was_in_use_does_not_count_behind_shut_doors() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    let started = start(&stage, &["ann"], Kind::Exchange).await;
    let busy = Fault::Busy("locked".to_owned());
    stage.server.fail_next(Call::Snapshot, 1, &busy);
    carry_on(&stage.context).await;
    stage.world.clock.advance(TimeDelta::seconds(90));
    let mut jobs = conversion::claim(&stage.context).await.unwrap();
    let mut job = jobs.pop().unwrap();
    while job.place != Place::Mark {
        assert!(conversion::advance(&stage.context, &mut job).await.unwrap());
    }
    stage.server.fail_next(Call::Snapshot, 1, &busy);
    conversion::advance(&stage.context, &mut job).await.unwrap();
    assert!(!item(&stage, &started).await.state.is_over(), "it gave up");
    let_time_pass(&stage, &stage.context).await;
    assert_eq!(item(&stage, &started).await.state, ItemState::Done);
}

#[tokio::test]
async fn a_refusal_at_any_reading_leaves_the_mailbox_as_it_was() {
    for reading in 0..4 {
        let stage = Stage::new().await;
        let before = furnished(&stage, "ann", Kind::PopImap).await;
        for nth in 0..=reading {
            stage.server.before_next(Call::Snapshot, move |server| {
                if nth == reading {
                    let refusal = Fault::Refuse("no such mailbox".to_owned());
                    server.fail_next(Call::Snapshot, 1, &refusal);
                }
            });
        }
        let started = start(&stage, &["ann"], Kind::Exchange).await;
        carry_on(&stage.context).await;
        // The hook of a call comes before its own fault is drawn, so the refusal meets the next.
        let failed = item(&stage, &started).await;
        if reading == 3 {
            assert_eq!(failed.state, ItemState::Done);
            continue;
        }
        assert_eq!(failed.state, ItemState::Failed, "reading {reading}");
        assert!(
            failed
                .error
                .unwrap()
                .starts_with("mail-1 refuses: no such mailbox.")
        );
        let after = stage.see("ann").await;
        assert_eq!((after.kind, after.levels), (Kind::PopImap, before.levels));
        stage
            .server
            .sign_in(&address("ann"), Protocol::Pop3)
            .unwrap();
    }
}

#[tokio::test]
async fn a_refusal_to_open_the_new_doors_switches_back() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    let started = start(&stage, &["ann"], Kind::Exchange).await;
    let mut job = conversion::claim(&stage.context)
        .await
        .unwrap()
        .pop()
        .unwrap();
    while job.place != Place::Open {
        conversion::advance(&stage.context, &mut job).await.unwrap();
    }
    stage
        .server
        .fail_next(Call::Apply, 1, &Fault::Refuse("over licence".to_owned()));
    while conversion::advance(&stage.context, &mut job).await.unwrap() {}
    assert_eq!(item(&stage, &started).await.state, ItemState::Failed);
    assert_eq!(stage.see("ann").await.state, MailboxState::Ready);
    stage
        .server
        .sign_in(&address("ann"), Protocol::Pop3)
        .unwrap();
    stage
        .server
        .sign_in(&address("ann"), Protocol::Activesync)
        .unwrap_err();
}
