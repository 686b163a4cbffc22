//! Undoing: a mailbox finds everything as it was, and the batch that is undone says so.
use chrono::TimeDelta;
use pilothouse::app::AppError;
use pilothouse::app::mailboxes::set_switch;
use pilothouse::app::reversals::{self, Chosen, NewReversal};
use pilothouse::authz::{ConvertMailboxes, EditMailboxes, ViewConversions};
use pilothouse::domain::effective::SwitchValue;
use pilothouse::domain::{Batch, BatchState, ItemState, Kind, Protocol};
use pilothouse::engine::reconciler::bring;

use crate::stage::{Stage, address};
use crate::theatre::{batch, carry_on, furnished, item, items, mail, start};

async fn undo(stage: &Stage, of: &Batch, chosen: Chosen) -> Result<Batch, AppError> {
    let new = NewReversal {
        batch: of.id,
        chosen,
        notify_users: None,
    };
    reversals::start(stage.work::<ConvertMailboxes>("acme").await, new).await
}

fn only(local: &str) -> Chosen {
    Chosen::Named(vec![format!("{local}@acme.test")])
}

fn conflict(refused: Result<Batch, AppError>) -> &'static str {
    match refused {
        Err(AppError::Conflict { kind, .. }) => kind,
        other => panic!("{other:?}"),
    }
}

fn faults(refused: Result<Batch, AppError>) -> Vec<(String, String)> {
    match refused {
        Err(AppError::Invalid(faults)) => faults
            .errors
            .into_iter()
            .map(|fault| (fault.pointer, fault.detail))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_mailbox_has_its_switches_and_its_mail_back_and_the_counts_say_so() {
    let stage = Stage::new().await;
    let ann = furnished(&stage, "ann", Kind::PopImap).await;
    furnished(&stage, "bob", Kind::PopImap).await;
    let work = stage.work::<EditMailboxes>("acme").await;
    let off = SwitchValue::default();
    set_switch(work, "ann@acme.test", Protocol::Pop3, off, None)
        .await
        .unwrap();
    bring(&stage.context, ann.id).await.unwrap();
    let was = stage.see("ann").await;
    let (mail_was, open_was) = (
        mail(&stage, "ann").await,
        stage.server.account(&address("ann")).unwrap().open,
    );
    let there = start(&stage, &["ann", "bob"], Kind::Exchange).await;
    carry_on(&stage.context).await;

    let back = undo(&stage, &there, only("ann")).await.unwrap();
    assert_eq!(
        (back.reverses, back.to, back.counts.total),
        (Some(there.id), Kind::PopImap, 1)
    );
    assert_eq!(
        batch(&stage, &there).await.counts.undone,
        0,
        "not before it is done"
    );
    carry_on(&stage.context).await;
    let receipt = item(&stage, &back).await.receipt.unwrap();
    assert!(receipt.identical);

    let (now, counts) = (stage.see("ann").await, batch(&stage, &there).await.counts);
    assert_eq!((counts.done, counts.undone), (1, 1));
    assert_eq!(
        (now.kind, now.plan, now.quota_bytes, now.levels.switches),
        (was.kind, was.plan, was.quota_bytes, was.levels.switches)
    );
    assert_eq!(
        stage.server.account(&address("ann")).unwrap().open,
        open_was
    );
    assert_eq!(mail(&stage, "ann").await, mail_was);
    assert_eq!(stage.see("bob").await.kind, Kind::Exchange);

    let rest = undo(&stage, &there, Chosen::All).await.unwrap();
    assert_eq!(rest.counts.total, 1, "what is undone already is not in it");
    carry_on(&stage.context).await;
    let over = batch(&stage, &there).await;
    assert_eq!((over.state, over.counts.undone), (BatchState::Done, 2));
    assert_eq!(
        conflict(undo(&stage, &there, Chosen::All).await),
        "nothing-to-undo"
    );
}

#[tokio::test]
async fn it_can_be_undone_until_the_time_kept_is_over_and_not_after() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    let there = start(&stage, &["ann"], Kind::Exchange).await;
    carry_on(&stage.context).await;
    let until = item(&stage, &there).await.undo_until.unwrap();
    stage
        .world
        .clock
        .advance(until - stage.world.clock.now() - TimeDelta::seconds(1));
    let work = stage.work::<ViewConversions>("acme").await;
    assert_eq!(reversals::count(&work, there.id).await.unwrap(), 1);
    drop(work);
    stage.world.clock.advance(TimeDelta::seconds(1));
    let said = faults(undo(&stage, &there, only("ann")).await);
    assert_eq!(said[0].0, "/mailboxes/0");
    assert!(
        said[0]
            .1
            .contains("The time to undo ann@acme.test ended on"),
        "{}",
        said[0].1
    );
    assert_eq!(
        conflict(undo(&stage, &there, Chosen::All).await),
        "nothing-to-undo"
    );
}

#[tokio::test]
async fn if_one_that_is_named_cannot_be_undone_none_is() {
    let stage = Stage::new().await;
    for local in ["ann", "bob"] {
        furnished(&stage, local, Kind::PopImap).await;
    }
    let there = start(&stage, &["ann", "bob"], Kind::Exchange).await;
    let early = faults(undo(&stage, &there, only("ann")).await);
    assert!(early[0].1.contains("still being converted"), "{early:?}");
    carry_on(&stage.context).await;
    let again = start(&stage, &["bob"], Kind::PopImap).await;
    carry_on(&stage.context).await;
    let names = ["ann", "bob", "nobody"].map(|local| format!("{local}@acme.test"));
    let said = faults(undo(&stage, &there, Chosen::Named(names.to_vec())).await);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].1.contains("converted again since"), "{said:?}");
    assert!(said[1].1.contains("not one of the mailboxes"), "{said:?}");
    assert_eq!(stage.see("ann").await.kind, Kind::Exchange);

    // The later conversion is undone first; then nothing is left of the earlier one for bob.
    undo(&stage, &again, only("bob")).await.unwrap();
    carry_on(&stage.context).await;
    assert_eq!(item(&stage, &again).await.state, ItemState::Undone);
    assert_eq!(stage.see("bob").await.kind, Kind::Exchange);
}

#[tokio::test]
async fn of_everything_what_something_stands_in_the_way_of_fails_with_the_reason() {
    let stage = Stage::new().await;
    for local in ["ann", "bob"] {
        furnished(&stage, local, Kind::PopImap).await;
    }
    let there = start(&stage, &["ann", "bob"], Kind::Exchange).await;
    carry_on(&stage.context).await;
    pilothouse::app::mailboxes::retain(stage.work("acme").await, "bob@acme.test")
        .await
        .unwrap();
    let back = undo(&stage, &there, Chosen::All).await.unwrap();
    assert_eq!(back.counts.total, 2);
    carry_on(&stage.context).await;
    let rows = items(&stage, &back).await;
    assert_eq!(
        (rows[0].state, rows[1].state),
        (ItemState::Failed, ItemState::Done)
    );
    assert!(
        rows[0]
            .error
            .as_ref()
            .unwrap()
            .contains("Bring it back first"),
        "{rows:?}"
    );
    let counts = batch(&stage, &there).await.counts;
    assert_eq!((counts.done, counts.undone), (1, 1));
}
