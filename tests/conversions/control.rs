//! Holding, letting go on, calling off, and starting later.
use chrono::TimeDelta;
use pilothouse::app::{AppError, conversions};
use pilothouse::domain::{BatchState, ItemState, Kind, MailboxState, Protocol};
use pilothouse::engine::conversion;
use pilothouse::engine::reconciler::bring;

use crate::stage::{Stage, address};
use crate::theatre::{
    advanced, batch, batch_of, carry_on, furnished, item, items, mail, start, try_start,
};

#[tokio::test]
async fn a_batch_called_off_before_the_switch_leaves_everything_as_it_was() {
    let stage = Stage::new().await;
    // Check, survey, shut, mark, and at the place of the switch.
    for steps in 0..=4 {
        let local = format!("ann{steps}");
        let before = furnished(&stage, &local, Kind::PopImap).await;
        let had = mail(&stage, &local).await;
        let started = start(&stage, &[&local], Kind::Exchange).await;
        let mut job = advanced(&stage, steps).await;
        let work = stage.work("acme").await;
        let off = conversions::cancel(work, started.id).await.unwrap();
        assert_eq!(
            (off.state, off.counts.cancelled),
            (BatchState::Cancelled, 1)
        );
        assert!(off.finished_at.is_some());
        // The step under way finds out when it wants to save.
        assert!(!conversion::advance(&stage.context, &mut job).await.unwrap());
        bring(&stage.context, before.id).await.unwrap();
        let after = stage.see(&local).await;
        assert_eq!(
            (after.kind, after.state),
            (Kind::PopImap, MailboxState::Ready)
        );
        assert_eq!(after.levels, before.levels, "after {steps} steps");
        assert_eq!(item(&stage, &started).await.state, ItemState::Cancelled);
        assert_eq!(mail(&stage, &local).await, had);
        stage
            .server
            .sign_in(&address(&local), Protocol::Imap)
            .unwrap();
    }
}

#[tokio::test]
async fn what_has_switched_cannot_be_called_off_and_finishes() {
    let stage = Stage::new().await;
    for steps in 5..=7 {
        let local = format!("ann{steps}");
        furnished(&stage, &local, Kind::PopImap).await;
        let started = start(&stage, &[&local], Kind::Exchange).await;
        let mut job = advanced(&stage, steps).await;
        let refused = conversions::cancel(stage.work("acme").await, started.id).await;
        let AppError::Conflict { kind, .. } = refused.unwrap_err() else {
            panic!()
        };
        assert_eq!(kind, "all-switched");
        while conversion::advance(&stage.context, &mut job).await.unwrap() {}
        assert_eq!(item(&stage, &started).await.state, ItemState::Done);
    }
}

#[tokio::test]
async fn calling_off_half_a_batch_lets_the_switched_half_finish() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    furnished(&stage, "bob", Kind::PopImap).await;
    let started = start(&stage, &["ann", "bob"], Kind::Exchange).await;
    let mut jobs = conversion::claim(&stage.context).await.unwrap();
    for _ in 0..5 {
        conversion::advance(&stage.context, &mut jobs[0])
            .await
            .unwrap();
    }
    conversions::cancel(stage.work("acme").await, started.id)
        .await
        .unwrap();
    drop(jobs);
    stage.world.clock.advance(TimeDelta::seconds(61));
    carry_on(&stage.context).await;
    let states: Vec<_> = items(&stage, &started)
        .await
        .iter()
        .map(|i| i.state)
        .collect();
    assert_eq!(states, [ItemState::Done, ItemState::Cancelled]);
    let over = batch(&stage, &started).await;
    assert_eq!(over.state, BatchState::Cancelled);
    assert!(over.finished_at.is_some());
}

#[tokio::test]
async fn a_held_batch_begins_nothing_and_finishes_what_has_its_doors_shut() {
    let stage = Stage::new().await;
    for (steps, finishes) in [
        (0, false),
        (1, false),
        (2, false),
        (3, true),
        (5, true),
        (6, true),
    ] {
        let local = format!("ann{steps}");
        furnished(&stage, &local, Kind::PopImap).await;
        let started = start(&stage, &[&local], Kind::Exchange).await;
        let mut job = conversion::claim(&stage.context)
            .await
            .unwrap()
            .pop()
            .unwrap();
        for _ in 0..steps {
            conversion::advance(&stage.context, &mut job).await.unwrap();
        }
        conversions::pause(stage.work("acme").await, started.id)
            .await
            .unwrap();
        while conversion::advance(&stage.context, &mut job).await.unwrap() {}
        carry_on(&stage.context).await;
        let is_over = item(&stage, &started).await.state == ItemState::Done;
        assert_eq!(is_over, finishes, "after {steps} steps");
        if finishes {
            continue;
        }
        stage
            .server
            .sign_in(&address(&local), Protocol::Imap)
            .unwrap();
        let again = conversions::resume(stage.work("acme").await, started.id)
            .await
            .unwrap();
        assert_eq!(again.state, BatchState::Running);
        carry_on(&stage.context).await;
        assert_eq!(item(&stage, &started).await.state, ItemState::Done);
    }
}

#[tokio::test]
async fn a_scheduled_batch_waits_for_its_time_also_when_it_was_held() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    let mut new = batch_of(&["ann"], Kind::Exchange);
    new.not_before = Some(stage.world.clock.now() + TimeDelta::hours(8));
    let started = try_start(&stage, new).await.unwrap();
    assert_eq!(started.state, BatchState::Scheduled);
    conversions::pause(stage.work("acme").await, started.id)
        .await
        .unwrap();
    let resumed = conversions::resume(stage.work("acme").await, started.id)
        .await
        .unwrap();
    assert_eq!(resumed.state, BatchState::Scheduled);
    stage.world.clock.advance(TimeDelta::hours(7));
    carry_on(&stage.context).await;
    assert_eq!(item(&stage, &started).await.state, ItemState::Queued);
    assert_eq!(stage.see("ann").await.state, MailboxState::Ready);
    stage.world.clock.advance(TimeDelta::hours(1));
    carry_on(&stage.context).await;
    assert_eq!(item(&stage, &started).await.state, ItemState::Done);
}

#[tokio::test]
async fn a_batch_that_is_over_can_be_neither_held_nor_called_off() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    let started = start(&stage, &["ann"], Kind::Exchange).await;
    carry_on(&stage.context).await;
    let id = started.id;
    let answers = [
        conversions::pause(stage.work("acme").await, id).await,
        conversions::resume(stage.work("acme").await, id).await,
        conversions::cancel(stage.work("acme").await, id).await,
        conversions::retry_failed(stage.work("acme").await, id).await,
    ];
    for answer in answers {
        assert!(
            matches!(answer, Err(AppError::Conflict { .. })),
            "{answer:?}"
        );
    }
}
