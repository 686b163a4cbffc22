//! Many at once: limits, several panels, long lists.
use std::sync::Arc;
use std::time::{Duration, Instant};

use pilothouse::app::conversions;
use pilothouse::authz::ViewConversions;
use pilothouse::backends::memory::Call;
use pilothouse::domain::{BatchState, ItemState, Kind, PageRequest};
use pilothouse::engine::conversion;

use crate::stage::{Stage, start as engine};
use crate::theatre::{another, batch, carry_on, furnished, items, mail, start};

/// More than a few pages of them.
const MANY: usize = 400;

#[tokio::test]
async fn no_more_at_once_on_a_server_than_it_can_bear_whoever_carries_them_out() {
    let mut stage = Stage::new().await;
    stage.context.pace.conversions_per_server = 3;
    let locals: Vec<String> = (0..8).map(|n| format!("ann{n}")).collect();
    for local in &locals {
        furnished(&stage, local, Kind::PopImap).await;
    }
    let locals: Vec<&str> = locals.iter().map(String::as_str).collect();
    let started = start(&stage, &locals, Kind::Exchange).await;
    let second = another(&stage, "panel-2").await;
    let (a, b) = tokio::join!(
        conversion::claim(&stage.context),
        conversion::claim(&second)
    );
    let (mut a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a.len() + b.len(), 3);
    assert_eq!(conversion::claim(&second).await.unwrap().len(), 0);
    a.extend(b);
    for mut job in a {
        while conversion::advance(&stage.context, &mut job).await.unwrap() {}
    }
    carry_on(&second).await;
    assert_eq!(batch(&stage, &started).await.counts.done, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_panels_share_a_batch_and_each_mailbox_is_read_as_often_as_it_must() {
    let stage = Stage::new().await;
    let locals: Vec<String> = (0..30).map(|n| format!("ann{n}")).collect();
    let mut before = vec![];
    for local in &locals {
        furnished(&stage, local, Kind::PopImap).await;
        before.push(mail(&stage, local).await);
    }
    let read = stage.server.calls(Call::Snapshot);
    let second = another(&stage, "panel-2").await;
    let names: Vec<&str> = locals.iter().map(String::as_str).collect();
    let panels = [engine(&stage.context), engine(&second)];
    stage.server.be_slow(Duration::from_millis(2));
    let started = start(&stage, &names, Kind::Exchange).await;
    let begun = Instant::now();
    while batch(&stage, &started).await.state == BatchState::Running {
        assert!(begun.elapsed() < Duration::from_mins(1));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for panel in panels {
        panel.stop().await;
    }
    let over = batch(&stage, &started).await;
    assert_eq!((over.state, over.counts.done), (BatchState::Done, 30));
    assert_eq!(stage.server.calls(Call::Snapshot) - read, 4 * 30);
    for (local, before) in locals.iter().zip(before) {
        assert_eq!(mail(&stage, local).await, before);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_mailboxes_are_converted() {
    let mut stage = Stage::new().await;
    stage.context.pace.conversions_per_server = 4;
    let mut locals = vec![];
    for n in 0..MANY {
        locals.push(format!("u{n:04}"));
        stage.add(&locals[n], Kind::PopImap).await;
    }
    let shared = Arc::new(stage);
    let stage = &*shared;
    let running = engine(&stage.context);
    for local in &locals {
        stage
            .until_state(local, pilothouse::domain::MailboxState::Ready)
            .await;
    }
    let begun = Instant::now();
    let names: Vec<&str> = locals.iter().map(String::as_str).collect();
    let started = start(stage, &names, Kind::Exchange).await;
    let click = begun.elapsed();
    while batch(stage, &started).await.state == BatchState::Running {
        assert!(begun.elapsed() < Duration::from_mins(8));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    eprintln!(
        "{MANY} mailboxes: started in {click:?}, converted in {:?}",
        begun.elapsed()
    );
    running.stop().await;
    let over = batch(stage, &started).await;
    assert_eq!(
        (over.state, over.counts.done),
        (BatchState::Done, MANY as u64)
    );
    every_page_once(stage, &started).await;
}

async fn every_page_once(stage: &Stage, started: &pilothouse::domain::Batch) {
    let mut page = PageRequest {
        limit: 90,
        after: None,
    };
    let mut seen = std::collections::BTreeSet::new();
    loop {
        let work = stage.work::<ViewConversions>("acme").await;
        let state = Some(ItemState::Done);
        let rows = conversions::items(&work, started.id, state, &page)
            .await
            .unwrap();
        assert_eq!(rows.total, MANY as u64);
        for item in rows.items {
            assert!(seen.insert(item.address), "twice");
        }
        page.after = rows.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), MANY);
}

#[tokio::test]
async fn what_failed_stands_first_and_pages_follow_one_another() {
    let stage = Stage::new().await;
    for local in ["ann", "bob", "cyd", "dan"] {
        furnished(&stage, local, Kind::PopImap).await;
    }
    let started = start(&stage, &["dan", "cyd", "bob", "ann"], Kind::Exchange).await;
    let sql =
        "UPDATE conversion_items SET state = 'failed', place = 'over' WHERE address LIKE 'cyd%'";
    stage.sql(sql).await;
    let addresses = |items: Vec<pilothouse::domain::Item>| -> Vec<String> {
        items
            .iter()
            .map(|item| item.address.local().to_owned())
            .collect()
    };
    let all = addresses(items(&stage, &started).await);
    assert_eq!(all, ["cyd", "ann", "bob", "dan"]);
    let (mut one_by_one, mut page) = (
        vec![],
        PageRequest {
            limit: 1,
            after: None,
        },
    );
    loop {
        let work = stage.work::<ViewConversions>("acme").await;
        let rows = conversions::items(&work, started.id, None, &page)
            .await
            .unwrap();
        one_by_one.extend(addresses(rows.items));
        page.after = rows.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(one_by_one, all);
}
