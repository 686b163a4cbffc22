//! Moves: a mailbox whose server does not offer the kind goes to one that does, stays in use, and
//! loses nothing, whatever happens meanwhile; and goes back when that is undone.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use pilothouse::app::reversals::{self, Chosen, NewReversal};
use pilothouse::authz::ConvertMailboxes;
use pilothouse::backends::memory::{Call, Fault, MemoryServer};
use pilothouse::backends::{Depth, MailServer, ServerError};
use pilothouse::domain::snapshot::Snapshot;
use pilothouse::domain::{Batch, EmailAddress, ItemState, Kind, Place, Protocol, ServerId, Way};
use pilothouse::engine::reconciler::away;
use pilothouse::engine::{Context, conversion, reconciler, routes};

use crate::stage::{Stage, address};
use crate::theatre::{another, batch, carry_on, furnished, item, let_time_pass, start};

/// `mail-1` offers POP/IMAP only, `mail-2` everything.
pub struct Pair {
    pub stage: Stage,
    pub new: MemoryServer,
    pub new_id: ServerId,
}

impl Pair {
    pub async fn new() -> Self {
        let pair = Self::alike().await;
        let stage = &pair.stage;
        let pop_imap = MemoryServer::pop_imap_only(stage.world.clock.clone());
        stage.server.offer(pop_imap.offers());
        stage
            .sql("UPDATE mail_servers SET offers = '[\"imap\",\"pop3\",\"smtp\"]' WHERE name <> 'mail-2'")
            .await;
        pair
    }

    /// Both offer everything.
    pub async fn alike() -> Self {
        let stage = Stage::new().await;
        let new = MemoryServer::full(stage.world.clock.clone());
        let new_id = crate::stage::registered(&stage.world, "mail-2", &new).await;
        stage.context.servers.put(new_id, Arc::new(new.clone()));
        Self { stage, new, new_id }
    }

    pub fn old(&self) -> &MemoryServer {
        &self.stage.server
    }

    /// Mail that reaches a server, and is passed on by it as often as it says.
    fn mail_to(&self, first: &MemoryServer, to: &EmailAddress, body: &str) -> Result<(), String> {
        let mut server = first;
        for _ in 0..2 {
            match server.deliver(to, body.as_bytes()) {
                Ok(_) => return Ok(()),
                Err(ServerError::Refused(why)) if why.ends_with("lives on mail-2") => {
                    server = &self.new;
                }
                Err(ServerError::Refused(why)) if why.ends_with("lives on mail-1") => {
                    server = self.old();
                }
                Err(other) => return Err(other.to_string()),
            }
        }
        // Two servers that each take the other for the home: the mail waits.
        Err("in a circle".to_owned())
    }

    /// Lets the loops do what they do by themselves.
    async fn settle(&self) {
        for _ in 0..3 {
            routes::look(self.stage.context.clone()).await.unwrap();
            for id in [self.stage.id, self.new_id] {
                let context = || self.stage.context.clone();
                reconciler::step(context(), id).await.unwrap();
                routes::step(context(), id).await.unwrap();
                away::step(context(), id).await.unwrap();
            }
        }
    }
}

async fn read(server: &MemoryServer, local: &str) -> Snapshot {
    let told = |_| {};
    server
        .snapshot(&address(local), Depth::Bodies, None, &told)
        .await
        .unwrap()
}

/// How often each message is there, by folder and digest.
fn census(snapshot: &Snapshot) -> BTreeMap<(String, [u8; 32]), usize> {
    let mut all = BTreeMap::new();
    for folder in &snapshot.folders {
        for message in &folder.messages {
            *all.entry((folder.name.clone(), message.sha256))
                .or_default() += 1;
        }
    }
    all
}

async fn is_done(pair: &Pair, started: &Batch) {
    let item = item(&pair.stage, started).await;
    assert_eq!(item.state, ItemState::Done, "{item:?}");
    assert_eq!(item.way, Way::Move);
    let receipt = item.receipt.unwrap();
    assert!(receipt.identical, "{receipt:?}");
    let moved = receipt.moved.unwrap();
    assert_eq!(moved.from_server, "mail-1");
    assert_eq!(moved.to_server, "mail-2");
}

#[tokio::test]
async fn it_lives_on_the_other_server_with_every_message_and_the_old_one_passes_on() {
    let pair = Pair::new().await;
    furnished(&pair.stage, "ann", Kind::PopImap).await;
    pair.old().sign_in(&address("ann"), Protocol::Imap).unwrap();
    let before = read(pair.old(), "ann").await;
    let started = start(&pair.stage, &["ann"], Kind::Exchange).await;
    carry_on(&pair.stage.context).await;
    is_done(&pair, &started).await;
    let ann = pair.stage.see("ann").await;
    assert_eq!(ann.server_name, "mail-2");
    assert_eq!(ann.kind, Kind::Exchange);
    assert_eq!(census(&read(&pair.new, "ann").await), census(&before));
    let address = address("ann");
    let new = pair.new.account(&address).unwrap();
    assert!(new.open.has(Protocol::Activesync) && new.receives);
    let old = pair.old().account(&address).unwrap();
    assert!(old.open.iter().next().is_none() && !old.receives);
    assert_eq!(pair.old().forwarded(&address).as_deref(), Some("mail-2"));
    assert_eq!(pair.new.forwarded(&address), None);
    assert!(pair.old().sessions(&address).is_empty());
    assert_eq!(
        pair.old().sign_in(&address, Protocol::Imap).unwrap_err(),
        "lives on mail-2"
    );
}

/// Carries the item on one step, if it is due.
async fn one_step(context: &Context) -> bool {
    let Some(mut job) = conversion::claim(context).await.unwrap().pop() else {
        return false;
    };
    conversion::advance(context, &mut job).await.unwrap();
    pilothouse::store::engine::conversions::release(&context.store, &job)
        .await
        .unwrap();
    true
}

/// Steps until the one mailbox of a batch stands at `place`.
pub async fn until(pair: &Pair, started: &Batch, place: Place) {
    while item(&pair.stage, started).await.place != place {
        assert!(one_step(&pair.stage.context).await);
    }
}

#[tokio::test]
async fn mail_that_reaches_either_server_at_any_step_is_there_once() {
    let pair = Pair::new().await;
    furnished(&pair.stage, "ann", Kind::PopImap).await;
    let ann = address("ann");
    // Somebody of the domain lives on the new server, which so serves it from the beginning.
    let before = census(&read(pair.old(), "ann").await);
    let started = start(&pair.stage, &["ann"], Kind::Exchange).await;
    let (mut sent, mut n) = (vec![], 0);
    loop {
        for server in [pair.old(), &pair.new] {
            n += 1;
            let body = format!("Subject: {n}\r\n\r\nHello.\r\n");
            match pair.mail_to(server, &ann, &body) {
                Ok(()) => sent.push(body),
                Err(why) => assert!(why.contains("relay access denied"), "{n}: {why}"),
            }
        }
        if !one_step(&pair.stage.context).await {
            break;
        }
    }
    is_done(&pair, &started).await;
    assert!(sent.len() > 20, "{}", sent.len());
    let after = census(&read(&pair.new, "ann").await);
    assert!(after.values().all(|count| *count == 1), "{after:?}");
    assert_eq!(after.len(), before.len() + sent.len());
    assert!(before.keys().all(|one| after.contains_key(one)));
}

#[tokio::test]
async fn what_its_owner_does_while_it_is_copied_comes_along() {
    let pair = Pair::new().await;
    furnished(&pair.stage, "ann", Kind::PopImap).await;
    let ann = address("ann");
    let started = start(&pair.stage, &["ann"], Kind::Exchange).await;
    until(&pair, &started, Place::Shut).await;
    assert!(pair.old().expunge(&ann, "INBOX", 1));
    assert!(pair.old().flag(&ann, "INBOX", 2, &["\\Flagged"]));
    let wanted = read(pair.old(), "ann").await;
    carry_on(&pair.stage.context).await;
    is_done(&pair, &started).await;
    assert_eq!(census(&read(&pair.new, "ann").await), census(&wanted));
    let flagged = |snapshot: &Snapshot| {
        let all = snapshot.folders.iter().flat_map(|f| &f.messages);
        all.filter(|m| m.flags.contains("\\Flagged")).count()
    };
    assert_eq!(flagged(&read(&pair.new, "ann").await), 1);
}

#[tokio::test]
async fn a_copy_that_differs_is_no_move_and_mail_that_came_to_it_is_fetched_home() {
    let pair = Pair::new().await;
    furnished(&pair.stage, "ann", Kind::PopImap).await;
    let ann = address("ann");
    let before = census(&read(pair.old(), "ann").await);
    let started = start(&pair.stage, &["ann"], Kind::Exchange).await;
    until(&pair, &started, Place::Compare).await;
    pair.mail_to(pair.old(), &ann, "late one").unwrap();
    assert!(pair.new.expunge(&ann, "Sent", 1));
    carry_on(&pair.stage.context).await;
    let failed = item(&pair.stage, &started).await;
    assert_eq!(failed.state, ItemState::Failed, "{failed:?}");
    assert!(failed.error.unwrap().contains("did not come along"));
    let home = pair.stage.see("ann").await;
    assert_eq!(
        (home.server_name.as_str(), home.kind),
        ("mail-1", Kind::PopImap)
    );
    let after = census(&read(pair.old(), "ann").await);
    assert_eq!(after.len(), before.len() + 1);
    assert!(before.keys().all(|one| after.contains_key(one)));
    pair.old().sign_in(&ann, Protocol::Imap).unwrap();
    pair.mail_to(&pair.new, &ann, "by the other one").unwrap();
    pair.settle().await;
    assert!(pair.new.account(&ann).is_none());
    assert_eq!(pair.new.forwarded(&ann).as_deref(), Some("mail-1"));
    pair.mail_to(&pair.new, &ann, "by the other one, later")
        .unwrap();
}

#[tokio::test]
async fn called_off_before_the_switch_it_stays_and_the_copy_goes() {
    let pair = Pair::new().await;
    furnished(&pair.stage, "ann", Kind::PopImap).await;
    let ann = address("ann");
    let before = read(pair.old(), "ann").await;
    let started = start(&pair.stage, &["ann"], Kind::Exchange).await;
    until(&pair, &started, Place::Mark).await;
    assert!(pair.new.account(&ann).is_some());
    let work = pair.stage.work::<ConvertMailboxes>("acme").await;
    pilothouse::app::conversions::cancel(work, started.id)
        .await
        .unwrap();
    carry_on(&pair.stage.context).await;
    pair.settle().await;
    assert_eq!(read(pair.old(), "ann").await, before);
    pair.old().sign_in(&ann, Protocol::Imap).unwrap();
    assert!(pair.new.account(&ann).is_none());
}

#[tokio::test]
async fn a_full_server_or_one_that_refuses_leaves_it_where_it_is() {
    let pair = Pair::new().await;
    furnished(&pair.stage, "ann", Kind::PopImap).await;
    let before = read(pair.old(), "ann").await;
    let refuse = Fault::Refuse("no more".to_owned());
    pair.new.fail_next(Call::CopyTo, 1, &refuse);
    let started = start(&pair.stage, &["ann"], Kind::Exchange).await;
    carry_on(&pair.stage.context).await;
    let failed = item(&pair.stage, &started).await;
    assert_eq!(failed.state, ItemState::Failed);
    assert!(failed.error.unwrap().starts_with("mail-2 refuses: no more"));
    pair.settle().await;
    assert_eq!(read(pair.old(), "ann").await, before);
    assert!(pair.new.account(&address("ann")).is_none());
}

#[tokio::test]
async fn a_server_that_goes_silent_is_waited_for_and_named() {
    for (silent, place) in [("mail-2", Place::Copy), ("mail-1", Place::Mark)] {
        let pair = Pair::new().await;
        furnished(&pair.stage, "ann", Kind::PopImap).await;
        let started = start(&pair.stage, &["ann"], Kind::Exchange).await;
        until(&pair, &started, place).await;
        let server = if silent == "mail-1" {
            pair.old()
        } else {
            &pair.new
        };
        server.go_down();
        let_time_pass(&pair.stage, &pair.stage.context).await;
        let waiting = item(&pair.stage, &started).await;
        let said = waiting.waiting_for.unwrap_or_default();
        let wanted = format!("{silent} does not answer.");
        assert!(said.starts_with(&wanted), "{place:?}: {said}");
        server.come_back();
        let_time_pass(&pair.stage, &pair.stage.context).await;
        is_done(&pair, &started).await;
    }
}

#[tokio::test]
async fn a_target_that_goes_silent_behind_shut_doors_keeps_nobody_outside() {
    for place in [Place::Mark, Place::Switch, Place::Compare] {
        let pair = Pair::new().await;
        furnished(&pair.stage, "ann", Kind::PopImap).await;
        let before = census(&read(pair.old(), "ann").await);
        let started = start(&pair.stage, &["ann"], Kind::Exchange).await;
        until(&pair, &started, place).await;
        pair.new.go_down();
        let_time_pass(&pair.stage, &pair.stage.context).await;
        let ann = address("ann");
        pair.old().sign_in(&ann, Protocol::Pop3).unwrap();
        pair.new.come_back();
        let_time_pass(&pair.stage, &pair.stage.context).await;
        let failed = item(&pair.stage, &started).await;
        assert_eq!(failed.state, ItemState::Failed, "{place:?}: {failed:?}");
        let error = failed.error.unwrap();
        assert!(
            error.starts_with("mail-2 did not answer for a minute"),
            "{place:?}: {error}"
        );
        assert_eq!(census(&read(pair.old(), "ann").await), before);
        let again = start(&pair.stage, &["ann"], Kind::Exchange).await;
        let_time_pass(&pair.stage, &pair.stage.context).await;
        is_done(&pair, &again).await;
    }
}

#[tokio::test]
async fn the_server_that_it_left_keeps_nobody_outside() {
    let pair = Pair::new().await;
    furnished(&pair.stage, "ann", Kind::PopImap).await;
    let ann = address("ann");
    let started = start(&pair.stage, &["ann"], Kind::Exchange).await;
    until(&pair, &started, Place::Switch).await;
    pair.old().go_down();
    carry_on(&pair.stage.context).await;
    pair.new.sign_in(&ann, Protocol::Activesync).unwrap();
    assert_eq!(item(&pair.stage, &started).await.place, Place::Settle);
    pair.old().come_back();
    // It has not been told yet, and takes mail for itself.
    pair.old().deliver(&ann, b"to the old one").unwrap();
    let_time_pass(&pair.stage, &pair.stage.context).await;
    is_done(&pair, &started).await;
    let inbox = read(&pair.new, "ann").await;
    let count = census(&inbox).values().sum::<usize>();
    assert_eq!(count, 13);
}

async fn undo(pair: &Pair, of: &Batch) -> Batch {
    let new = NewReversal {
        batch: of.id,
        chosen: Chosen::All,
        notify_users: None,
    };
    let work = pair.stage.work::<ConvertMailboxes>("acme").await;
    reversals::start(work, new).await.unwrap()
}

#[tokio::test]
async fn undone_it_goes_back_to_the_account_it_left_with_what_came_since() {
    let pair = Pair::new().await;
    furnished(&pair.stage, "ann", Kind::PopImap).await;
    let ann = address("ann");
    let before = read(pair.old(), "ann").await;
    let started = start(&pair.stage, &["ann"], Kind::Exchange).await;
    carry_on(&pair.stage.context).await;
    is_done(&pair, &started).await;
    pair.mail_to(pair.old(), &ann, "since the move").unwrap();
    assert!(pair.new.expunge(&ann, "Sent", 1));
    let back = undo(&pair, &started).await;
    while one_step(&pair.stage.context).await {}
    let done = item(&pair.stage, &back).await;
    assert_eq!(done.state, ItemState::Done, "{done:?}");
    assert_eq!(done.way, Way::Move);
    assert_eq!(item(&pair.stage, &started).await.state, ItemState::Undone);
    let home = pair.stage.see("ann").await;
    assert_eq!(
        (home.server_name.as_str(), home.kind),
        ("mail-1", Kind::PopImap)
    );
    let after = read(pair.old(), "ann").await;
    // What was there keeps its numbers; one message was removed, one came.
    for folder in &before.folders {
        let now = after
            .folders
            .iter()
            .find(|f| f.name == folder.name)
            .unwrap();
        assert_eq!(now.uidvalidity, folder.uidvalidity);
        for message in &folder.messages {
            let there = now.messages.contains(message);
            assert_eq!(there, (folder.name.as_str(), message.uid) != ("Sent", 1));
        }
    }
    let count = census(&after).values().sum::<usize>();
    assert_eq!(count, 12);
    pair.settle().await;
    assert_eq!(pair.new.forwarded(&ann).as_deref(), Some("mail-1"));
    pair.mail_to(&pair.new, &ann, "after that").unwrap();
    assert!(pair.new.account(&ann).is_some());
}

#[tokio::test]
async fn what_it_left_is_kept_for_the_retention_time_and_then_removed() {
    let pair = Pair::new().await;
    furnished(&pair.stage, "ann", Kind::PopImap).await;
    let ann = address("ann");
    let started = start(&pair.stage, &["ann"], Kind::Exchange).await;
    carry_on(&pair.stage.context).await;
    is_done(&pair, &started).await;
    pair.stage.world.clock.advance(TimeDelta::days(29));
    pair.settle().await;
    assert!(pair.old().account(&ann).is_some());
    pair.stage.world.clock.advance(TimeDelta::days(2));
    pair.settle().await;
    assert!(pair.old().account(&ann).is_none());
    assert!(pair.new.account(&ann).is_some());
    // Clients that still go to the old server reach it.
    assert_eq!(pair.old().forwarded(&ann).as_deref(), Some("mail-2"));
}

#[tokio::test]
async fn destroyed_it_goes_from_every_server() {
    let pair = Pair::new().await;
    furnished(&pair.stage, "ann", Kind::PopImap).await;
    let ann = address("ann");
    let started = start(&pair.stage, &["ann"], Kind::Exchange).await;
    carry_on(&pair.stage.context).await;
    is_done(&pair, &started).await;
    let mailbox = pair.stage.see("ann").await;
    let gone =
        pilothouse::app::mailboxes::retain(pair.stage.work("acme").await, mailbox.address.as_str());
    gone.await.unwrap();
    pilothouse::app::mailboxes::purge(pair.stage.work("acme").await, mailbox.address.as_str())
        .await
        .unwrap();
    for _ in 0..4 {
        pair.settle().await;
        pair.stage.world.clock.advance(TimeDelta::seconds(61));
    }
    for server in [pair.old(), &pair.new] {
        assert!(server.account(&ann).is_none());
        assert_eq!(server.forwarded(&ann), None);
    }
    let left = pair.stage.sql("DELETE FROM mailboxes").await;
    assert_eq!(left, 0);
}

#[tokio::test]
async fn every_server_of_a_domain_knows_where_each_mailbox_of_it_lives() {
    let pair = Pair::new().await;
    // The first Exchange mailbox of the domain makes the new server serve it, with ann on the old.
    furnished(&pair.stage, "ann", Kind::PopImap).await;
    let bob = pair.stage.add("bob", Kind::Exchange).await;
    let seen = pair.new.clone();
    pair.new.before_next(Call::Apply, move |_| {
        // Before it takes mail for the domain it knows about ann.
        assert_eq!(seen.changes().len(), 0);
        let told = seen.calls(Call::Route);
        assert_eq!(told, 1);
    });
    reconciler::bring(&pair.stage.context, bob.id)
        .await
        .unwrap();
    pair.settle().await;
    assert_eq!(
        pair.new.forwarded(&address("ann")).as_deref(),
        Some("mail-1")
    );
    assert_eq!(
        pair.old().forwarded(&address("bob")).as_deref(),
        Some("mail-2")
    );
    pair.mail_to(&pair.new, &address("ann"), "to ann").unwrap();
    pair.mail_to(pair.old(), &address("bob"), "to bob").unwrap();
}

#[tokio::test]
async fn what_is_told_late_does_not_send_mail_away_again() {
    let pair = Pair::new().await;
    furnished(&pair.stage, "ann", Kind::PopImap).await;
    let ann = address("ann");
    let started = start(&pair.stage, &["ann"], Kind::Exchange).await;
    until(&pair, &started, Place::Switch).await;
    let mailbox = pair.stage.see("ann").await;
    let late = pilothouse::store::engine::routes::asked(&pair.stage.context.store, mailbox.id)
        .await
        .unwrap()
        .unwrap();
    carry_on(&pair.stage.context).await;
    is_done(&pair, &started).await;
    let entrance = pair.old().entrance().unwrap();
    let stale = pilothouse::domain::mailserver::Route {
        mailbox: late.mailbox.id,
        address: ann.clone(),
        generation: late.mailbox.asked_generation,
        onward: Some(pilothouse::domain::mailserver::Onward {
            server: "mail-1".to_owned(),
            entrance,
            receives: true,
            submits: false,
            password_hash: None,
        }),
    };
    pair.new.route(&[stale]).await.unwrap();
    assert_eq!(pair.new.forwarded(&ann), None);
}

#[tokio::test]
async fn a_server_can_be_drained_without_a_change_of_kind() {
    let pair = Pair::new().await;
    furnished(&pair.stage, "ann", Kind::PopImap).await;
    let before = census(&read(pair.old(), "ann").await);
    let third = MemoryServer::pop_imap_only(pair.stage.world.clock.clone());
    let id = crate::stage::registered(&pair.stage.world, "mail-3", &third).await;
    pair.stage.context.servers.put(id, Arc::new(third.clone()));
    let new = pilothouse::app::conversions::NewBatch {
        server: Some("mail-3".to_owned()),
        ..crate::theatre::batch_of(&["ann"], Kind::PopImap)
    };
    let started = crate::theatre::try_start(&pair.stage, new).await.unwrap();
    carry_on(&pair.stage.context).await;
    let done = item(&pair.stage, &started).await;
    assert_eq!(done.state, ItemState::Done, "{done:?}");
    assert_eq!(batch(&pair.stage, &started).await.counts.done, 1);
    assert_eq!(pair.stage.see("ann").await.server_name, "mail-3");
    assert_eq!(census(&read(&third, "ann").await), before);
    third.sign_in(&address("ann"), Protocol::Pop3).unwrap();
}

#[tokio::test]
async fn the_lease_is_renewed_while_the_copying_goes_on() {
    let pair = Pair::new().await;
    furnished(&pair.stage, "ann", Kind::PopImap).await;
    let ann = address("ann");
    for n in 0..150 {
        let letter = format!("letter {n}");
        pair.old().deliver(&ann, letter.as_bytes()).unwrap();
    }
    let started = start(&pair.stage, &["ann"], Kind::Exchange).await;
    let mut context = pair.stage.context.clone();
    // Renewed all the time, by the clock of the machine; by the panel's, it never runs out.
    context.pace.lease = Duration::from_millis(6);
    let begun = Instant::now();
    carry_on(&context).await;
    // SQLite lets one write at a time, and who waits for it waits ten seconds at most.
    assert!(
        begun.elapsed() < Duration::from_secs(9),
        "{:?}",
        begun.elapsed()
    );
    is_done(&pair, &started).await;
}

#[tokio::test]
async fn another_process_goes_on_with_a_move_from_any_place() {
    let places = [
        Place::Prepare,
        Place::Copy,
        Place::Survey,
        Place::Inspect,
        Place::Shut,
        Place::Mark,
        Place::Switch,
        Place::Compare,
        Place::Open,
        Place::Settle,
    ];
    for place in places {
        let pair = Pair::new().await;
        furnished(&pair.stage, "ann", Kind::PopImap).await;
        let before = census(&read(pair.old(), "ann").await);
        let started = start(&pair.stage, &["ann"], Kind::Exchange).await;
        until(&pair, &started, place).await;
        carry_on(&another(&pair.stage, "second").await).await;
        is_done(&pair, &started).await;
        assert_eq!(census(&read(&pair.new, "ann").await), before);
    }
}

#[tokio::test]
async fn a_server_is_told_where_another_one_is_reached_now_without_a_move() {
    let pair = Pair::new().await;
    furnished(&pair.stage, "ann", Kind::PopImap).await;
    start(&pair.stage, &["ann"], Kind::Exchange).await;
    carry_on(&pair.stage.context).await;
    pair.settle().await;
    let told = pair.old().calls(Call::Introduce);
    pair.settle().await;
    assert_eq!(
        pair.old().calls(Call::Introduce),
        told,
        "told what it knows"
    );
    pair.new.move_to("elsewhere.test");
    pair.old()
        .fail_next(Call::Introduce, 1, &Fault::LoseRequest);
    pair.settle().await;
    let onward = pair.old().onward(&address("ann")).unwrap();
    assert_eq!(
        (onward.server.as_str(), onward.entrance.host.as_str()),
        ("mail-2", "elsewhere.test")
    );
    assert_eq!(pair.old().calls(Call::Introduce), told + 2);
}
