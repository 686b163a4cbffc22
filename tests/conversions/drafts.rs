//! Drafts as the engine looks at them: many rows in little memory, killed on the way, confirmed
//! while others take the same mailboxes.
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use pilothouse::app::conversions;
use pilothouse::app::drafts::{self, Chosen, NewDraft, Terms};
use pilothouse::app::overview;
use pilothouse::authz::{ConvertMailboxes, ViewConversions, ViewMailboxes};
use pilothouse::domain::selection::{Choice, Group, Tally, Verdict};
use pilothouse::domain::{Batch, BatchState, Kind, MailboxFilter, MailboxId, PageRequest};
use pilothouse::engine::rhythm::Again;
use pilothouse::engine::{Context, conversion, selection};

use crate::moves::Pair;
use crate::stage::Stage;
use crate::support::database::{exec, rows};
use crate::theatre::{another, batch, carry_on, furnished, start};

async fn draft(stage: &Stage, terms: Terms) -> Batch {
    let filter = MailboxFilter {
        kind: Some(Kind::PopImap),
        ..MailboxFilter::default()
    };
    let new = NewDraft {
        to: Kind::Exchange,
        chosen: Chosen::Matching(filter),
        terms,
        server: None,
    };
    drafts::create(stage.work::<ConvertMailboxes>("acme").await, new)
        .await
        .unwrap()
}

pub async fn look(context: &Context) {
    while selection::step(context.clone()).await.unwrap() == Again::Now {}
}

pub async fn tally(stage: &Stage, batch: &Batch) -> Tally {
    let work = stage.work::<ViewConversions>("acme").await;
    drafts::tally(&work, batch.id).await.unwrap()
}

async fn confirm(stage: &Stage, batch: &Batch) -> Batch {
    let work = stage.work::<ConvertMailboxes>("acme").await;
    drafts::confirm(work, batch.id, None).await.unwrap()
}

async fn choices(stage: &Stage, batch: &Batch, group: Option<Group>) -> Vec<Choice> {
    let mut all = vec![];
    let mut page = PageRequest {
        limit: 200,
        after: None,
    };
    loop {
        let work = stage.work::<ViewConversions>("acme").await;
        let found = drafts::choices(&work, batch.id, group.as_ref(), &page);
        let found = found.await.unwrap();
        all.extend(found.items);
        page.after = found.next;
        if page.after.is_none() {
            return all;
        }
    }
}

/// Copies of a mailbox that is ready, straight into the database.
async fn crowd(stage: &Stage, count: usize) {
    let first = furnished(stage, "user", Kind::PopImap).await;
    let conn = stage.world.database.back_door().await;
    let postgres = stage.world.database.is_postgres();
    let columns = if postgres {
        "SELECT column_name::text AS name FROM information_schema.columns WHERE table_name = 'mailboxes'"
    } else {
        "SELECT name FROM pragma_table_info('mailboxes')"
    };
    let columns: Vec<String> = rows(&conn, columns)
        .await
        .iter()
        .map(|row| row.try_get("", "name").unwrap())
        .filter(|column: &String| !matches!(column.as_str(), "id" | "address" | "user_id"))
        .collect();
    let columns = columns.join(", ");
    for n in 1..count {
        let id = MailboxId::new();
        let id = if postgres {
            format!("'{id}'::uuid")
        } else {
            format!("X'{}'", id.0.simple())
        };
        let sql = format!(
            "INSERT INTO mailboxes (id, address, user_id, {columns}) \
             SELECT {id}, 'user{n}@acme.test', NULL, {columns} FROM mailboxes WHERE address = '{}'",
            first.address
        );
        exec(&conn, &sql).await.unwrap();
    }
}

/// Resident memory in kB (proc(5), `VmRSS`).
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    let kb = line.split_whitespace().nth(1).unwrap();
    kb.parse().unwrap()
}

#[tokio::test]
async fn ten_thousand_rows_take_the_memory_of_a_few_hundred() {
    let stage = Stage::new().await;
    crowd(&stage, 10_000).await;
    // The first look fills the caches of the database's connections.
    draft(&stage, Terms::default()).await;
    look(&stage.context).await;
    let made = draft(&stage, Terms::default()).await;
    let (before, begun) = (resident(), Instant::now());
    look(&stage.context).await;
    let (looked, took) = (resident() - before, begun.elapsed());
    let found = tally(&stage, &made).await;
    assert_eq!((found.ready, found.total()), (10_000, 10_000));
    let begun = Instant::now();
    let running = confirm(&stage, &made).await;
    let (confirmed, clicked) = (resident() - before, begun.elapsed());
    assert_eq!(
        (running.state, running.counts.total),
        (BatchState::Running, 10_000)
    );
    eprintln!(
        "10,000 rows: looked at in {took:?} with {looked} kB more, confirmed in {clicked:?} with \
         {confirmed} kB more"
    );
    // A row is some two kilobytes in memory, with its facts: all of them would be 20 MB and more.
    assert!(looked < 8_000 && confirmed < 12_000, "{looked} {confirmed}");
    let work = stage.work::<ConvertMailboxes>("acme").await;
    let called_off = conversions::cancel(work, made.id).await.unwrap();
    assert_eq!(called_off.counts.cancelled, 10_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_that_is_killed_goes_on_and_finds_each_row_once() {
    let stage = Stage::new().await;
    crowd(&stage, 2_300).await;
    let made = draft(&stage, Terms::default()).await;
    for pause in [5, 60, 150, 300] {
        let context = stage.context.clone();
        let killed = tokio::spawn(async move { look(&context).await });
        tokio::time::sleep(Duration::from_millis(pause)).await;
        killed.abort();
        let _ = killed.await;
        stage.world.clock.advance(TimeDelta::minutes(5));
    }
    let second = another(&stage, "panel-2").await;
    tokio::join!(look(&stage.context), look(&second));
    stage.world.clock.advance(TimeDelta::minutes(5));
    look(&second).await;
    let found = tally(&stage, &made).await;
    assert_eq!((found.ready, found.total()), (2_300, 2_300));
    let mut addresses: Vec<_> = choices(&stage, &made, None).await;
    addresses.sort_by(|a, b| a.address.cmp(&b.address));
    addresses.dedup_by(|a, b| a.address == b.address);
    assert_eq!(addresses.len(), 2_300);
    let seen = batch(&stage, &made).await.selection.unwrap();
    assert_eq!(seen.checked, 2_300);
}

#[tokio::test]
async fn one_mailbox_that_cannot_be_read_is_left_out_and_stops_no_other() {
    let stage = Stage::new().await;
    for local in ["ann", "bob", "cyd"] {
        furnished(&stage, local, Kind::PopImap).await;
    }
    stage
        .sql("UPDATE mailboxes SET switches = '[1]' WHERE address = 'bob@acme.test'")
        .await;
    let made = draft(&stage, Terms::default()).await;
    look(&stage.context).await;
    let found = tally(&stage, &made).await;
    assert_eq!((found.ready, found.blocked), (2, 1));
    let blocked = Group::Verdict(Verdict::Blocked);
    let left_out = choices(&stage, &made, Some(blocked)).await;
    assert_eq!(left_out[0].address, "bob@acme.test");
    assert_eq!(left_out[0].blocker, "unreadable");
    assert!(
        left_out[0].why.contains("cannot be read"),
        "{:?}",
        left_out[0]
    );
    assert_eq!(confirm(&stage, &made).await.counts.total, 2);
}

#[tokio::test]
async fn a_draft_asks_for_a_server_and_each_row_says_where_it_goes() {
    let pair = Pair::new().await;
    let stage = &pair.stage;
    for local in ["ann", "bob"] {
        furnished(stage, local, Kind::PopImap).await;
    }
    let names = ["ann@acme.test".to_owned(), "bob@acme.test".to_owned()];
    let new = |server: &str| NewDraft {
        // The kind that they have: what is asked for is the server.
        to: Kind::PopImap,
        chosen: Chosen::Named(&names),
        terms: Terms::default(),
        server: Some(server.to_owned()),
    };
    let work = stage.work::<ConvertMailboxes>("acme").await;
    let unknown = drafts::create(work, new("mail-9")).await.unwrap_err();
    assert!(
        unknown.to_string().contains("no mail server “mail-9”"),
        "{unknown}"
    );
    let work = stage.work::<ConvertMailboxes>("acme").await;
    let made = drafts::create(work, new("mail-2")).await.unwrap();
    look(&stage.context).await;
    let rows = choices(stage, &made, None).await;
    let places: Vec<_> = rows
        .iter()
        .map(|row| (&*row.server, &*row.goes_to))
        .collect();
    assert_eq!(places, [("mail-1", "mail-2"); 2]);
    confirm(stage, &made).await;
    let work = stage.work::<ViewConversions>("acme").await;
    let page = PageRequest::first();
    let items = conversions::items(&work, made.id, None, &page)
        .await
        .unwrap();
    let goes: Vec<_> = items
        .items
        .iter()
        .map(|item| item.goes_to.as_deref())
        .collect();
    assert_eq!(goes, [Some("mail-2"); 2]);
    drop(work);
    carry_on(&stage.context).await;
    assert_eq!(stage.see("ann").await.server_name, "mail-2");
}

#[tokio::test]
async fn who_used_what_closes_is_counted_and_needs_attention() {
    let stage = Stage::new().await;
    for local in ["ann", "bob", "cyd"] {
        furnished(&stage, local, Kind::PopImap).await;
    }
    let now = stage.world.clock.now();
    let used = |local: &str, days: i64| {
        let at = (now - TimeDelta::days(days)).to_rfc3339();
        format!(
            "UPDATE mailboxes SET last_used = '{{\"pop3\": \"{at}\"}}' WHERE address = '{local}@acme.test'"
        )
    };
    stage.sql(&used("ann", 2)).await;
    stage.sql(&used("bob", 20)).await;
    let made = draft(&stage, Terms::default()).await;
    look(&stage.context).await;
    let found = tally(&stage, &made).await;
    assert_eq!(
        (found.ready, found.attention, found.set_up_again),
        (1, 2, 2)
    );
    let pop3 = pilothouse::domain::Protocol::Pop3;
    let closes = found.closes.iter().find(|closes| closes.protocol == pop3);
    let closes = closes.unwrap();
    assert_eq!((closes.on, closes.used_this_week), (3, 1));
    let week = choices(&stage, &made, Some(Group::Used(pop3))).await;
    assert_eq!(week.len(), 1);
    assert_eq!(week[0].address, "ann@acme.test");
    let again = choices(&stage, &made, Some(Group::SetUpAgain)).await;
    assert_eq!(again.len(), 2);
    let plans = found.plans.first().unwrap();
    let same = choices(&stage, &made, Some(Group::Plan(plans.0.clone()))).await;
    assert_eq!(same.len(), 3);
}

#[tokio::test]
async fn what_another_batch_took_meanwhile_is_left_out() {
    let stage = Stage::new().await;
    for local in ["ann", "bob"] {
        furnished(&stage, local, Kind::PopImap).await;
    }
    let made = draft(&stage, Terms::default()).await;
    look(&stage.context).await;
    let other = start(&stage, &["ann"], Kind::Exchange).await;
    let running = confirm(&stage, &made).await;
    assert_eq!((running.counts.total, running.counts.left_out), (1, 1));
    let found = tally(&stage, &made).await;
    assert_eq!((found.ready, found.blocked), (1, 1));
    let left = choices(&stage, &made, Some(Group::Verdict(Verdict::Blocked))).await;
    assert_eq!(left[0].blocker, "already_converting");
    assert!(left[0].why.starts_with("ann@acme.test is being converted"));
    carry_on(&stage.context).await;
    assert_eq!(batch(&stage, &made).await.state, BatchState::Done);
    assert_eq!(batch(&stage, &other).await.state, BatchState::Done);
}

/// The failures that the first page shows, newest first, and how many it says there are.
async fn failures(stage: &Stage) -> (Vec<String>, u64) {
    let work = stage.work::<ViewMailboxes>("acme").await;
    let shown = overview::show(&work).await.unwrap();
    let each = shown.failed_conversions.iter();
    let locals = each.map(|item| item.address.local().to_owned()).collect();
    (locals, shown.failed_conversions_total)
}

#[tokio::test]
async fn a_failure_is_shown_until_another_try_that_was_not_called_off() {
    let stage = Stage::new().await;
    for local in ["ann", "bob"] {
        furnished(&stage, local, Kind::PopImap).await;
    }
    let both = (vec!["bob".to_owned(), "ann".to_owned()], 2);
    let only_bob = (vec!["bob".to_owned()], 1);
    start(&stage, &["ann", "bob"], Kind::Exchange).await;
    for over in [
        "UPDATE conversion_items SET state = 'failed', place = 'over', finished_at = updated_at",
        "UPDATE conversion_batches SET state = 'done_with_failures'",
    ] {
        stage.sql(over).await;
    }
    assert_eq!(failures(&stage).await, both);
    let again = start(&stage, &["ann"], Kind::Exchange).await;
    assert_eq!(failures(&stage).await, only_bob);
    let work = stage.work::<ConvertMailboxes>("acme").await;
    conversions::cancel(work, again.id).await.unwrap();
    assert_eq!(failures(&stage).await, both);
    let made = draft(&stage, Terms::default()).await;
    look(&stage.context).await;
    confirm(&stage, &made).await;
    assert_eq!(failures(&stage).await, (vec![], 0));
    carry_on(&stage.context).await;
    assert_eq!(batch(&stage, &made).await.counts.done, 2);
    assert_eq!(failures(&stage).await, (vec![], 0));
}

#[tokio::test]
async fn a_draft_that_is_not_through_is_not_confirmed_and_a_discarded_one_leaves_nothing() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    let made = draft(&stage, Terms::default()).await;
    let work = stage.work::<ConvertMailboxes>("acme").await;
    let early = drafts::confirm(work, made.id, None).await.unwrap_err();
    assert!(early.to_string().contains("looked at"), "{early}");
    look(&stage.context).await;
    let work = stage.work::<ConvertMailboxes>("acme").await;
    conversions::cancel(work, made.id).await.unwrap();
    let conn = stage.world.database.back_door().await;
    for table in [
        "conversion_choices",
        "conversion_selections",
        "conversion_batches",
    ] {
        assert!(
            rows(&conn, &format!("SELECT 1 AS n FROM {table}"))
                .await
                .is_empty(),
            "{table}"
        );
    }
    look(&stage.context).await;
    assert_eq!(conversion::claim(&stage.context).await.unwrap().len(), 0);
}

#[tokio::test]
async fn no_more_of_a_batch_at_once_than_it_allows_whatever_the_server_can_bear() {
    let mut stage = Stage::new().await;
    stage.context.pace.conversions_per_server = 8;
    for n in 0..6 {
        furnished(&stage, &format!("ann{n}"), Kind::PopImap).await;
    }
    let terms = Terms {
        at_once: Some(2),
        ..Terms::default()
    };
    let made = draft(&stage, terms).await;
    look(&stage.context).await;
    confirm(&stage, &made).await;
    let second = another(&stage, "panel-2").await;
    let (a, b) = tokio::join!(
        conversion::claim(&stage.context),
        conversion::claim(&second)
    );
    let mut jobs = a.unwrap();
    jobs.extend(b.unwrap());
    assert_eq!(jobs.len(), 2);
    let work = stage.work::<ConvertMailboxes>("acme").await;
    drafts::set_at_once(work, made.id, Some(5)).await.unwrap();
    assert_eq!(conversion::claim(&second).await.unwrap().len(), 3);
}
