//! Calendars and contacts of a mailbox that moves between two servers that have them.
use std::sync::Arc;

use pilothouse::app::conversions::NewBatch;
use pilothouse::backends::MailServer as _;
use pilothouse::backends::groupware::{Groupware, Item};
use pilothouse::backends::memory::{Call, Fault, MemoryServer};
use pilothouse::domain::filters::Filters;
use pilothouse::domain::groupware::{Collection, CollectionKind, Inventory};
use pilothouse::domain::{Batch, ItemState, Kind, Place};

use crate::moves::{Pair, until};
use crate::stage::address;
use crate::theatre::{batch_of, carry_on, furnished, item, let_time_pass, try_start};

fn calendars(server: &MemoryServer, local: &str) -> Arc<dyn Groupware> {
    server.groupware(&address(local)).unwrap()
}

async fn seen(server: &MemoryServer, local: &str) -> Inventory {
    let calendars = calendars(server, local);
    // A fault that nobody met meets the first look.
    match calendars.inventory().await {
        Ok(inventory) => inventory,
        Err(_) => calendars.inventory().await.unwrap(),
    }
}

/// An Exchange mailbox with one calendar of three events.
async fn planned(pair: &Pair, local: &str) -> Inventory {
    furnished(&pair.stage, local, Kind::Exchange).await;
    let calendars = calendars(pair.old(), local);
    let work = Collection {
        path: "Calendar/work".to_owned(),
        kind: CollectionKind::Calendar,
        name: "Work".to_owned(),
        color: None,
        order: None,
    };
    calendars.put_collection(&work).await.unwrap();
    let event = |n: usize| Item {
        name: format!("{n}.ics"),
        removed: false,
        content: format!("BEGIN:VEVENT {n}"),
        beside: serde_json::Value::Null,
    };
    let events = [event(1), event(2), event(3)];
    calendars.put("Calendar/work", &events).await.unwrap();
    seen(pair.old(), local).await
}

async fn drain(pair: &Pair, local: &str) -> Batch {
    let drain = NewBatch {
        server: Some("mail-2".to_owned()),
        ..batch_of(&[local], Kind::Exchange)
    };
    try_start(&pair.stage, drain).await.unwrap()
}

#[tokio::test]
async fn they_come_along_with_what_was_written_between_any_two_steps_and_the_receipt_counts_them() {
    for (n, place) in [
        Place::Copy,
        Place::Survey,
        Place::Mark,
        Place::Switch,
        Place::Compare,
    ]
    .into_iter()
    .enumerate()
    {
        let pair = Pair::alike().await;
        planned(&pair, "ann").await;
        let started = drain(&pair, "ann").await;
        until(&pair, &started, place).await;
        let late = "BEGIN:VEVENT late";
        assert!(
            pair.old()
                .scribble(&address("ann"), "Calendar/work", "late.ics", late)
        );
        carry_on(&pair.stage.context).await;
        let item = item(&pair.stage, &started).await;
        assert_eq!(item.state, ItemState::Done, "{place:?} {item:?}");
        assert_eq!(seen(&pair.new, "ann").await, seen(pair.old(), "ann").await);
        let receipt = item.receipt.unwrap();
        let (before, after) = (
            receipt.before.groupware.unwrap(),
            receipt.after.groupware.unwrap(),
        );
        // Whatever comes after the doors were shut has arrived meanwhile.
        assert_eq!(before.events, if n < 3 { 4 } else { 3 }, "{place:?}");
        assert_eq!(after.events, 4);
    }
}

#[tokio::test]
async fn an_event_that_differs_is_no_move() {
    let pair = Pair::alike().await;
    let before = planned(&pair, "ann").await;
    let started = drain(&pair, "ann").await;
    until(&pair, &started, Place::Compare).await;
    let other = "BEGIN:VEVENT other";
    assert!(
        pair.new
            .scribble(&address("ann"), "Calendar/work", "2.ics", other)
    );
    let_time_pass(&pair.stage, &pair.stage.context).await;
    let item = item(&pair.stage, &started).await;
    assert_eq!(item.state, ItemState::Failed, "{item:?}");
    let why = item.error.unwrap();
    assert!(
        why.contains("2.ics in Calendar Work has other text than before."),
        "{why}"
    );
    assert_eq!(pair.stage.see("ann").await.server_name, "mail-1");
    assert_eq!(seen(pair.old(), "ann").await, before);
}

#[tokio::test]
async fn whatever_is_lost_on_the_way_they_are_there_once() {
    for call in [Call::Groupware, Call::GroupwareChange] {
        for fault in [Fault::LoseRequest, Fault::LoseAnswer] {
            for nth in 0..12 {
                let pair = Pair::alike().await;
                let before = planned(&pair, "ann").await;
                let started = drain(&pair, "ann").await;
                for _ in 0..nth {
                    pair.new.before_next(call, |_| {});
                }
                let fault = fault.clone();
                pair.new
                    .before_next(call, move |server| server.fail_next(call, 1, &fault));
                let_time_pass(&pair.stage, &pair.stage.context).await;
                let item = item(&pair.stage, &started).await;
                assert_eq!(item.state, ItemState::Done, "{call:?} {nth} {item:?}");
                assert_eq!(seen(&pair.new, "ann").await, before);
            }
        }
    }
}

#[tokio::test]
async fn a_mailbox_that_never_used_them_takes_none_away_that_it_left_long_ago() {
    let pair = Pair::alike().await;
    let left = planned(&pair, "ann").await;
    let started = drain(&pair, "ann").await;
    carry_on(&pair.stage.context).await;
    assert_eq!(item(&pair.stage, &started).await.state, ItemState::Done);
    let there = calendars(&pair.new, "ann");
    there.remove_collection("Calendar/work").await.unwrap();
    let back = NewBatch {
        server: Some("mail-1".to_owned()),
        ..batch_of(&["ann"], Kind::Exchange)
    };
    let back = try_start(&pair.stage, back).await.unwrap();
    carry_on(&pair.stage.context).await;
    assert_eq!(item(&pair.stage, &back).await.state, ItemState::Done);
    assert_eq!(seen(pair.old(), "ann").await, left);
}

fn filters(active: Option<&str>) -> Filters {
    let scripts = [("Sorted", "keep;"), ("away", "stop;")];
    Filters {
        scripts: scripts
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        active: active.map(str::to_owned),
    }
}

#[tokio::test]
async fn filters_come_along_and_one_that_differs_is_no_move() {
    let pair = Pair::new().await;
    let (ann, server) = (address("ann"), |name: &MemoryServer| name.clone());
    furnished(&pair.stage, "ann", Kind::PopImap).await;
    let (old, new) = (server(pair.old()), server(&pair.new));
    old.put_filters(&ann, &filters(Some("Sorted")))
        .await
        .unwrap();
    let started = crate::theatre::start(&pair.stage, &["ann"], Kind::Exchange).await;
    until(&pair, &started, Place::Survey).await;
    old.put_filters(&ann, &filters(Some("away"))).await.unwrap();
    carry_on(&pair.stage.context).await;
    let receipt = item(&pair.stage, &started).await.receipt.unwrap();
    assert!(receipt.identical, "{receipt:?}");
    assert_eq!(receipt.before.filters, Some(2));
    let there = new.filters(&ann).await.unwrap().unwrap();
    assert_eq!(there, filters(Some("away")));

    furnished(&pair.stage, "bob", Kind::PopImap).await;
    let bob = address("bob");
    old.put_filters(&bob, &filters(Some("Sorted")))
        .await
        .unwrap();
    let started = crate::theatre::start(&pair.stage, &["bob"], Kind::Exchange).await;
    until(&pair, &started, Place::Compare).await;
    new.put_filters(&bob, &filters(None)).await.unwrap();
    let_time_pass(&pair.stage, &pair.stage.context).await;
    let item = item(&pair.stage, &started).await;
    assert_eq!(item.state, ItemState::Failed, "{item:?}");
    let why = item.error.unwrap();
    assert!(
        why.contains("The filter in force is none, and was Sorted."),
        "{why}"
    );
}
