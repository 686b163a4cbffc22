//! Moves between two real mail stacks, judged by clients that are none of the panel's, while mail
//! keeps coming to both servers.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use pilothouse::app::conversions::NewBatch;
use pilothouse::app::reversals::{self, Chosen, NewReversal};
use pilothouse::authz::ConvertMailboxes;
use pilothouse::backends;
use pilothouse::domain::{Batch, ItemState, Kind, Place, ServerId, Way};

use crate::awkward;
use crate::clients::activesync::Phone;
use crate::clients::imap::{Folders, Imap};
use crate::clients::pop3::Pop3;
use crate::clients::{Doors, smtp};
use crate::real::{Owner, PASSWORD, Real};
use crate::stage::PATIENCE;
use crate::theatre::{another, batch_of, carry_on, item, try_start};

/// The first server offers POP/IMAP only, as far as the panel knows; the second everything.
pub struct Two {
    pub real: Real,
    pub new: Doors,
    pub new_id: ServerId,
}

#[expect(
    clippy::disallowed_methods,
    reason = "how a test run is told where its stack is"
)]
pub fn second_stack() -> serde_json::Value {
    let path = std::env::var("PILOTHOUSE_TEST_STACK2_INFO").unwrap_or_else(|_| {
        panic!(
            "No second mail stack. Start one and set PILOTHOUSE_TEST_STACK2_INFO=/dir/info.json, \
             or leave the real half out with PILOTHOUSE_TEST_REAL=0."
        )
    });
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

impl Two {
    pub async fn new() -> Option<Self> {
        let two = Self::alike().await?;
        let stage = &two.real.stage;
        stage
            .sql("UPDATE mail_servers SET offers = '[\"imap\",\"pop3\",\"smtp\"]' WHERE name <> 'mail-2'")
            .await;
        Some(two)
    }

    /// Both offer everything.
    pub async fn alike() -> Option<Self> {
        let real = Real::new().await?;
        let stage = &real.stage;
        let info = second_stack();
        let new = serde_json::from_value(info.clone()).unwrap();
        let (settings, secrets) = backends::dovecot_sogo::split_stack_info(info).unwrap();
        let server = backends::adapter("dovecot_sogo", settings, secrets).unwrap();
        let described = backends::memory::MemoryServer::full(stage.world.clock.clone());
        let id: ServerId = crate::stage::registered(&stage.world, "mail-2", &described).await;
        stage.context.servers.put(id, server);
        Some(Self {
            real,
            new,
            new_id: id,
        })
    }

    pub async fn until_over(&self, started: &Batch) {
        let begun = Instant::now();
        loop {
            let item = item(&self.real.stage, started).await;
            if item.state.is_over() {
                assert_eq!(item.state, ItemState::Done, "{item:?}");
                assert_eq!(item.way, Way::Move);
                return;
            }
            assert!(begun.elapsed() < 2 * PATIENCE, "{item:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn everything(doors: &Doors, owner: &Owner) -> Folders {
    let mut imap = Imap::login(doors, &owner.address, PASSWORD).await.unwrap();
    imap.read_all().await.unwrap()
}

/// How often each message is there: by folder, digest and date.
fn census(folders: &Folders) -> BTreeMap<(String, Vec<u8>, i64), usize> {
    let mut all = BTreeMap::new();
    for (name, folder) in folders {
        for mark in folder.messages.values() {
            let key = (name.clone(), mark.sha256.clone(), mark.date);
            *all.entry(key).or_default() += 1;
        }
    }
    all
}

/// Numbered messages to one server until told to stop; says which it took.
async fn keep_posting(
    doors: Doors,
    to: String,
    name: &'static str,
    stop: Arc<AtomicBool>,
) -> Vec<String> {
    let mut taken = vec![];
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let subject = format!("{name}-{n}");
        let message = format!("From: x@elsewhere.test\r\nSubject: {subject}\r\n\r\nHello.\r\n");
        let sent = smtp::deliver(&doors, "x@elsewhere.test", &to, message.as_bytes()).await;
        match sent {
            Ok(()) => taken.push(subject),
            // Before it serves the domain, or knows this mailbox in it; never after.
            Err(why) => assert!(
                taken.is_empty() && (why.contains("Relay access") || why.contains("5.1.1")),
                "{subject}: {why}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    taken
}

/// The numbered messages in the inbox, in order.
async fn numbered(doors: &Doors, owner: &Owner) -> Vec<String> {
    let mut imap = Imap::login(doors, &owner.address, PASSWORD).await.unwrap();
    let mut found = vec![];
    for whole in imap.read_whole("INBOX").await.unwrap() {
        let text = String::from_utf8_lossy(&whole.bytes).into_owned();
        let subject = text.lines().find_map(|line| line.strip_prefix("Subject: "));
        let subject = subject.unwrap_or_default().to_owned();
        if subject.starts_with("old-") || subject.starts_with("new-") {
            found.push(subject);
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_awkward_messages_move_in_use_and_go_back_while_mail_comes_to_both_servers() {
    let Some(two) = Two::new().await else {
        return;
    };
    let (stage, old, new) = (&two.real.stage, &two.real.doors, &two.new);
    let owner = two.real.owner(Kind::PopImap).await;
    awkward::fill(&mut two.real.imap(&owner).await.unwrap(), 300).await;
    let before = census(&everything(old, &owner).await);
    let stop = Arc::new(AtomicBool::new(false));
    let post = |doors: &Doors, name| {
        let (doors, to, stop) = (doors.clone(), owner.address.clone(), stop.clone());
        tokio::spawn(keep_posting(doors, to, name, stop))
    };
    let senders = [post(old, "old"), post(new, "new")];
    let _engine = stage.start();
    let _flow = stage.flow(1);

    let begun = Instant::now();
    let started = try_start(stage, batch_of(&[&owner.local], Kind::Exchange))
        .await
        .unwrap();
    two.until_over(&started).await;
    eprintln!("300 messages moved in {:?}", begun.elapsed());
    let receipt = item(stage, &started).await.receipt.unwrap();
    assert!(receipt.identical, "{receipt:?}");
    assert!(receipt.moved.as_ref().unwrap().keeps_numbers, "{receipt:?}");
    assert_eq!(stage.see(&owner.local).await.server_name, "mail-2");
    let moved = census(&everything(new, &owner).await);
    assert!(
        before
            .iter()
            .all(|(one, count)| moved.get(one) == Some(count))
    );
    // Whoever still goes to the old server gets the mailbox all the same.
    assert!(census(&everything(old, &owner).await).len() >= moved.len());
    let phone = Phone::new(new, &owner.address, PASSWORD, "PHONE1");
    assert_eq!(phone.options().await, Ok(200));
    let refused = Pop3::login(old, &owner.address, PASSWORD)
        .await
        .err()
        .unwrap();
    assert!(refused.contains("POP3 access is turned off"), "{refused}");
    let wrong = Imap::login(old, &owner.address, "wrong")
        .await
        .err()
        .unwrap();
    assert!(wrong.contains("AUTHENTICATIONFAILED"), "{wrong}");

    let begun = Instant::now();
    let undo = NewReversal {
        batch: started.id,
        chosen: Chosen::All,
        notify_users: None,
    };
    let work = stage.work::<ConvertMailboxes>("acme").await;
    let back = reversals::start(work, undo).await.unwrap();
    two.until_over(&back).await;
    eprintln!("and back in {:?}", begun.elapsed());
    assert_eq!(stage.see(&owner.local).await.server_name, "mail-1");
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.store(true, Ordering::Relaxed);
    let mut sent = vec![];
    for sender in senders {
        sent.extend(sender.await.unwrap());
    }
    sent.sort();
    assert!(sent.len() > 20, "{}", sent.len());
    // What was queued during a switch is tried again within half a minute or so.
    let begun = Instant::now();
    let mut there = numbered(old, &owner).await;
    while there != sent && begun.elapsed() < Duration::from_secs(90) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        there = numbered(old, &owner).await;
    }
    assert_eq!(there, sent);
    eprintln!(
        "{} numbered messages, each once, the last {:?} after",
        sent.len(),
        begun.elapsed()
    );
    let after = census(&everything(old, &owner).await);
    assert!(
        before
            .iter()
            .all(|(one, count)| after.get(one) == Some(count))
    );
    assert_eq!(census(&everything(new, &owner).await), after);
}

#[tokio::test]
async fn a_drained_mailbox_keeps_its_pop3_uidls_at_the_old_server_and_at_the_new() {
    let Some(two) = Two::new().await else {
        return;
    };
    let (stage, old, new) = (&two.real.stage, &two.real.doors, &two.new);
    let owner = two.real.owner(Kind::PopImap).await;
    awkward::fill(&mut two.real.imap(&owner).await.unwrap(), 40).await;
    let uidls = async |doors: &Doors| {
        let mut pop3 = Pop3::login(doors, &owner.address, PASSWORD).await.unwrap();
        let uidls = pop3.uidl().await.unwrap();
        pop3.quit().await;
        uidls
    };
    let before = uidls(old).await;
    let drain = NewBatch {
        server: Some("mail-2".to_owned()),
        ..batch_of(&[&owner.local], Kind::PopImap)
    };
    let started = try_start(stage, drain).await.unwrap();
    carry_on(&stage.context).await;
    two.until_over(&started).await;
    assert_eq!(uidls(new).await, before);
    assert_eq!(uidls(old).await, before);
    let letter = b"Subject: out\r\n\r\n";
    smtp::submit(old, &owner.address, PASSWORD, &owner.address, letter)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_panel_that_dies_during_a_move_is_carried_on_by_another_and_loses_nothing() {
    let Some(two) = Two::new().await else {
        return;
    };
    let stage = &two.real.stage;
    let mut died_at = vec![];
    for millis in [30, 120, 250, 400, 600, 800, 1000, 1300, 1700, 2200] {
        let owner = two.real.owner(Kind::PopImap).await;
        awkward::fill(&mut two.real.imap(&owner).await.unwrap(), 40).await;
        let before = census(&everything(&two.real.doors, &owner).await);
        let started = try_start(stage, batch_of(&[&owner.local], Kind::Exchange))
            .await
            .unwrap();
        let mortal = stage.context.clone();
        let work = tokio::spawn(async move { carry_on(&mortal).await });
        tokio::time::sleep(Duration::from_millis(millis)).await;
        work.abort();
        let _ = work.await;
        died_at.push(item(stage, &started).await.place);
        stage.world.clock.advance(TimeDelta::seconds(61));
        carry_on(&another(stage, "second").await).await;
        two.until_over(&started).await;
        assert_eq!(census(&everything(&two.new, &owner).await), before);
    }
    let names: Vec<_> = died_at.iter().map(|place: &Place| place.as_str()).collect();
    eprintln!("died at {names:?}");
}
