//! Conversions where seats are few: who is promised one before, who gets it at the switch, and that
//! the way back is never refused.
use chrono::TimeDelta;
use pilothouse::app::drafts::{self, Chosen, NewDraft, Terms};
use pilothouse::app::reversals::{self, NewReversal};
use pilothouse::app::{AppError, conversions, mailboxes, seats};
use pilothouse::authz::{
    ConvertMailboxes, ManageSeats, RemoveMailboxes, ViewConversions, ViewSeats,
};
use pilothouse::domain::selection::{Choice, Group, Verdict};
use pilothouse::domain::{
    Batch, BatchState, ItemState, Kind, MailboxFilter, MailboxState, PageRequest, Seats,
};
use pilothouse::engine::conversion;
use pilothouse::engine::reconciler::bring;

use crate::drafts::{look, tally};
use crate::stage::{Stage, address};
use crate::support::database::exec;
use crate::theatre::{
    advanced, another, batch, batch_of, carry_on, furnished, item, items, mail, start, try_start,
};

async fn give(stage: &Stage, tenant: &str, plan: &str, limit: impl Into<Option<u64>>) {
    let work = stage.work::<ManageSeats>(tenant).await;
    seats::set(work, plan, limit.into(), None).await.unwrap();
}

async fn stands(stage: &Stage, plan: &str) -> Seats {
    let work = stage.work::<ViewSeats>("acme").await;
    seats::find(&work, plan).await.unwrap().seats
}

async fn crowd(stage: &Stage, count: usize) -> Vec<String> {
    let mut locals = vec![];
    for n in 0..count {
        let local = format!("user{n}");
        furnished(stage, &local, Kind::PopImap).await;
        locals.push(local);
    }
    locals
}

fn by_str(locals: &[String]) -> Vec<&str> {
    locals.iter().map(String::as_str).collect()
}

/// The first blocker of each.
async fn codes(stage: &Stage, locals: &[&str], to: Kind) -> Vec<String> {
    let named = batch_of(locals, to).mailboxes;
    let work = stage.work::<ViewConversions>("acme").await;
    let checks = conversions::pre_check(&work, to, &named, &[])
        .await
        .unwrap();
    let first = |check: pilothouse::domain::PreCheck| {
        check
            .blockers
            .first()
            .map_or(String::new(), |b| b.code.clone())
    };
    checks.into_iter().map(first).collect()
}

fn faults(refused: Result<Batch, AppError>) -> Vec<(String, String)> {
    match refused {
        Err(AppError::Invalid(faults)) => {
            let each = |fault: pilothouse::domain::FieldError| (fault.pointer, fault.detail);
            faults.errors.into_iter().map(each).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn rows_of_one_request_compete_in_their_order() {
    let stage = Stage::new().await;
    let locals = crowd(&stage, 4).await;
    let names = by_str(&locals);
    assert_eq!(codes(&stage, &names, Kind::Exchange).await, [""; 4]);
    give(&stage, "acme", "exchange", 2).await;
    let seen = codes(&stage, &names, Kind::Exchange).await;
    assert_eq!(seen, ["", "", "no_seat", "no_seat"]);
    // What cannot be converted anyway takes none from the others; one named twice takes one.
    stage
        .sql("UPDATE mailboxes SET state = 'failed' WHERE address = 'user0@acme.test'")
        .await;
    let again = [names[0], names[1], names[1], names[2], names[3]];
    let seen = codes(&stage, &again, Kind::Exchange).await;
    assert_eq!(seen, ["not_ready", "", "", "", "no_seat"]);
    stage.sql("UPDATE mailboxes SET state = 'ready'").await;
    let refused = faults(try_start(&stage, batch_of(&names, Kind::Exchange)).await);
    let pointers: Vec<_> = refused
        .iter()
        .map(|(pointer, _)| pointer.as_str())
        .collect();
    assert_eq!(pointers, ["/mailboxes/2", "/mailboxes/3"]);
    assert_eq!(
        refused[0].1,
        "2 seats of Exchange are left for Acme, and those before user2@acme.test take them. To \
         convert user2@acme.test, take a mailbox of Exchange away first, or ask whoever gives Acme \
         its seats for more."
    );
    start(&stage, &names[..2], Kind::Exchange).await;
    carry_on(&stage.context).await;
    assert_eq!(stands(&stage, "exchange").await.left, Some(0));
    assert_eq!(stands(&stage, "basic").await.used, 2);
    let work = stage.work::<ViewConversions>("acme").await;
    let named = batch_of(&names[2..3], Kind::Exchange).mailboxes;
    let check = conversions::pre_check(&work, Kind::Exchange, &named, &[]).await;
    let why = check.unwrap()[0].why_not().unwrap();
    assert!(
        why.starts_with("Acme has 2 seats of Exchange, and all are taken."),
        "{why}"
    );
}

async fn draft(stage: &Stage, chosen: Chosen<'_>) -> Batch {
    let new = NewDraft {
        to: Kind::Exchange,
        chosen,
        terms: Terms::default(),
        server: None,
    };
    drafts::create(stage.work::<ConvertMailboxes>("acme").await, new)
        .await
        .unwrap()
}

async fn left_out(stage: &Stage, batch: &Batch) -> Vec<Choice> {
    let work = stage.work::<ViewConversions>("acme").await;
    let group = Group::Blocker("no_seat".to_owned());
    let page = PageRequest {
        limit: 200,
        after: None,
    };
    let found = drafts::choices(&work, batch.id, Some(&group), &page).await;
    found.unwrap().items
}

#[tokio::test]
async fn a_draft_with_too_few_seats_leaves_out_the_last_ones() {
    let stage = Stage::new().await;
    crowd(&stage, 8).await;
    give(&stage, "acme", "exchange", 5).await;
    let filter = MailboxFilter {
        kind: Some(Kind::PopImap),
        ..MailboxFilter::default()
    };
    let drafted = draft(&stage, Chosen::Matching(filter)).await;
    look(&stage.context).await;
    let seen = tally(&stage, &drafted).await;
    assert_eq!((seen.ready, seen.blocked), (5, 3));
    assert_eq!(seen.blockers, [("no_seat".to_owned(), 3)]);
    let out = left_out(&stage, &drafted).await;
    let addresses: Vec<_> = out.iter().map(|row| row.address.as_str()).collect();
    assert_eq!(
        addresses,
        ["user5@acme.test", "user6@acme.test", "user7@acme.test"]
    );
    assert!(
        out[0].why.contains("5 seats of Exchange are left"),
        "{}",
        out[0].why
    );
    // Looked at again when there are more, and when there are fewer.
    for (limit, ready) in [(Some(7), 7), (Some(1), 1), (None, 8), (Some(5), 5)] {
        give(&stage, "acme", "exchange", limit).await;
        let work = stage.work::<ConvertMailboxes>("acme").await;
        drafts::look_again(work, drafted.id).await.unwrap();
        look(&stage.context).await;
        assert_eq!(tally(&stage, &drafted).await.ready, ready, "{limit:?}");
    }
    let work = stage.work::<ConvertMailboxes>("acme").await;
    drafts::confirm(work, drafted.id, None).await.unwrap();
    carry_on(&stage.context).await;
    let over = batch(&stage, &drafted).await;
    assert_eq!((over.counts.done, over.counts.failed), (5, 0));
    assert_eq!(stands(&stage, "exchange").await.left, Some(0));
}

#[tokio::test]
async fn a_list_keeps_its_order_and_a_row_that_names_one_again_is_promised_nothing() {
    let stage = Stage::new().await;
    crowd(&stage, 3).await;
    give(&stage, "quayside", "exchange", 2).await;
    let names: Vec<String> = ["user2", "user2", "nobody", "user1", "user0"]
        .map(|local| format!("{local}@acme.test"))
        .to_vec();
    let drafted = draft(&stage, Chosen::Named(&names)).await;
    look(&stage.context).await;
    let out = left_out(&stage, &drafted).await;
    let addresses: Vec<_> = out.iter().map(|row| row.address.as_str()).collect();
    assert_eq!(addresses, ["user0@acme.test"]);
    assert_eq!(tally(&stage, &drafted).await.ready, 2);
}

#[tokio::test]
async fn a_look_that_goes_on_in_another_process_knows_what_was_promised() {
    let stage = Stage::new().await;
    crowd(&stage, 4).await;
    give(&stage, "acme", "exchange", 2).await;
    let names: Vec<String> = (0..4).map(|n| format!("user{n}@acme.test")).collect();
    let drafted = draft(&stage, Chosen::Named(&names)).await;
    look(&stage.context).await;
    // As after a kill between two chunks: the first two rows were looked at, the others were not.
    let conn = stage.world.database.back_door().await;
    for sql in [
        "UPDATE conversion_choices SET verdict = 'waits', seat_of = NULL \
         WHERE address IN ('user2@acme.test', 'user3@acme.test')",
        "UPDATE conversion_selections SET checked = 2, checked_at = NULL, numbers = NULL, \
         lease_until = NULL",
    ] {
        exec(&conn, sql).await.unwrap();
    }
    stage.world.clock.advance(TimeDelta::minutes(10));
    look(&another(&stage, "panel-2").await).await;
    let seen = tally(&stage, &drafted).await;
    assert_eq!((seen.ready, seen.blocked), (2, 2));
    assert!(
        left_out(&stage, &drafted)
            .await
            .iter()
            .all(|row| row.verdict == Verdict::Blocked)
    );
}

/// Whether the doors have been shut on the way.
async fn had_doors_shut(stage: &Stage, local: &str) -> bool {
    stage.see(local).await.asked_generation > 1
}

#[tokio::test]
async fn a_seat_that_is_lost_on_the_way_ends_it_before_anything_changed() {
    let stage = Stage::new().await;
    // At the check; after the survey, at the door; behind shut doors, at the switch.
    for (steps, shut) in [(0, false), (1, false), (2, false), (3, true), (4, true)] {
        let local = format!("ann{steps}");
        let before = furnished(&stage, &local, Kind::PopImap).await;
        let had = mail(&stage, &local).await;
        give(&stage, "acme", "exchange", None).await;
        let started = start(&stage, &[&local], Kind::Exchange).await;
        let mut job = advanced(&stage, steps).await;
        give(&stage, "acme", "exchange", 0).await;
        while conversion::advance(&stage.context, &mut job).await.unwrap() {}
        let item = item(&stage, &started).await;
        assert_eq!(item.state, ItemState::Failed, "after {steps} steps");
        let why = item.error.unwrap();
        assert!(why.starts_with("Acme has no seat of Exchange."), "{why}");
        bring(&stage.context, before.id).await.unwrap();
        let after = stage.see(&local).await;
        assert_eq!(
            (after.kind, after.state),
            (Kind::PopImap, MailboxState::Ready)
        );
        assert_eq!((after.plan, &after.levels), (before.plan, &before.levels));
        assert_eq!(mail(&stage, &local).await, had);
        assert_eq!(
            had_doors_shut(&stage, &local).await,
            shut,
            "after {steps} steps"
        );
        // With a seat it can be tried again.
        give(&stage, "acme", "exchange", None).await;
        let work = stage.work::<ConvertMailboxes>("acme").await;
        conversions::retry_failed(work, started.id).await.unwrap();
        carry_on(&stage.context).await;
        let over = batch(&stage, &started).await;
        assert_eq!((over.state, over.counts.done), (BatchState::Done, 1));
        let work = stage.work::<RemoveMailboxes>("acme").await;
        mailboxes::retain(work, address(&local).as_str())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn of_many_that_switch_at_once_as_many_do_as_there_are_seats() {
    let stage = Stage::new().await;
    let locals = crowd(&stage, 6).await;
    let started = start(&stage, &by_str(&locals), Kind::Exchange).await;
    let mut jobs = vec![];
    loop {
        let more = conversion::claim(&stage.context).await.unwrap();
        if more.is_empty() {
            break;
        }
        jobs.extend(more);
    }
    // Every one of them stands right before its switch.
    for job in &mut jobs {
        for _ in 0..4 {
            assert!(conversion::advance(&stage.context, job).await.unwrap());
        }
    }
    let ready = jobs.len();
    assert!(ready > 1, "only {ready}");
    give(&stage, "acme", "exchange", 1).await;
    let context = &stage.context;
    let drive =
        |mut job| async move { while conversion::advance(context, &mut job).await.unwrap() {} };
    futures_util::future::join_all(jobs.into_iter().map(drive)).await;
    carry_on(context).await;
    let ended = items(&stage, &started).await;
    let done = ended.iter().filter(|item| item.state == ItemState::Done);
    assert_eq!(done.count(), 1);
    let seats = stands(&stage, "exchange").await;
    assert_eq!((seats.used, seats.left), (1, Some(0)));
    assert!(ended.iter().all(|item| item.state.as_str() != "queued"));
}

#[tokio::test]
async fn the_way_back_is_never_refused() {
    let stage = Stage::new().await;
    let before = furnished(&stage, "ann", Kind::PopImap).await;
    let started = start(&stage, &["ann"], Kind::Exchange).await;
    let mut job = conversion::claim(&stage.context)
        .await
        .unwrap()
        .pop()
        .unwrap();
    for _ in 0..5 {
        assert!(conversion::advance(&stage.context, &mut job).await.unwrap());
    }
    assert_eq!(stage.see("ann").await.kind, Kind::Exchange);
    // Its old seat is gone, and what it holds is not what it was.
    give(&stage, "acme", "basic", 0).await;
    assert!(stage.server.expunge(&address("ann"), "Sent", 2));
    while conversion::advance(&stage.context, &mut job).await.unwrap() {}
    assert_eq!(item(&stage, &started).await.state, ItemState::Failed);
    let after = stage.see("ann").await;
    assert_eq!((after.kind, after.plan), (Kind::PopImap, before.plan));
    let seats = stands(&stage, "basic").await;
    assert_eq!((seats.limit, seats.used, seats.left), (Some(0), 1, Some(0)));
    // The limit can still be lowered elsewhere, raised, and taken away here.
    give(&stage, "acme", "basic", 1).await;
    give(&stage, "acme", "basic", None).await;
}

#[tokio::test]
async fn undoing_needs_a_seat_of_the_old_plan() {
    let stage = Stage::new().await;
    let locals = crowd(&stage, 3).await;
    let started = start(&stage, &by_str(&locals), Kind::Exchange).await;
    carry_on(&stage.context).await;
    give(&stage, "acme", "basic", 2).await;
    let names = || batch_of(&by_str(&locals), Kind::PopImap).mailboxes;
    let undo = |chosen| async {
        let new = NewReversal {
            batch: started.id,
            chosen,
            notify_users: None,
        };
        reversals::start(stage.work::<ConvertMailboxes>("acme").await, new).await
    };
    let work = stage.work::<ViewConversions>("acme").await;
    let chosen = reversals::Chosen::All;
    let preview = reversals::pre_check(&work, started.id, &chosen, 10).await;
    let preview = preview.unwrap().of;
    let blocked = preview.iter().filter(|check| !check.blockers.is_empty());
    assert_eq!(blocked.count(), 1);
    drop(work);
    let refused = faults(undo(reversals::Chosen::Named(names())).await);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].0, "/mailboxes/2");
    // Of everything, what finds no seat fails with the reason and can be tried again.
    let back = undo(reversals::Chosen::All).await.unwrap();
    carry_on(&stage.context).await;
    let over = batch(&stage, &back).await;
    assert_eq!((over.counts.done, over.counts.failed), (2, 1));
    let failed = items(&stage, &back).await.remove(0);
    assert!(failed.error.unwrap().contains("seats of Basic"));
}
