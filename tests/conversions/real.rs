//! Conversions on the real mail stack, judged by clients that are none of the panel's: IMAP, POP3,
//! SMTP, ActiveSync, CalDAV, CardDAV and webmail.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use pilothouse::backends;
use pilothouse::domain::{Batch, ItemState, Kind, MailboxId, Place, Receipt};
use pilothouse::engine::reconciler::{Outcome, bring};
use pilothouse::engine::servers::Servers;
use pilothouse::engine::{Context, conversion};

use crate::awkward;
use crate::clients::activesync::Phone;
use crate::clients::dav::Dav;
use crate::clients::imap::{Folders, Imap};
use crate::clients::pop3::Pop3;
use crate::clients::{self, Doors, smtp, webmail};
use crate::stage::Stage;
use crate::theatre::{another, carry_on, item, start};

pub const PASSWORD: &str = "first password";

/// The stage, with the real server in the place of the one in memory.
pub struct Real {
    pub stage: Stage,
    pub doors: Doors,
}

/// One mailbox on it, of which nobody else knows.
pub struct Owner {
    pub local: String,
    pub address: String,
}

#[expect(
    clippy::disallowed_methods,
    reason = "how a test run is told where its stack is"
)]
pub fn stack_info() -> Option<serde_json::Value> {
    if std::env::var("PILOTHOUSE_TEST_REAL").as_deref() == Ok("0") {
        return None;
    }
    let path = std::env::var("PILOTHOUSE_TEST_STACK_INFO").unwrap_or_else(|_| {
        panic!(
            "No mail stack to test against. Start one (BASE=/some/dir PORT_BASE=38000 \
             mailstack/stack.sh up) and set PILOTHOUSE_TEST_STACK_INFO=/some/dir/info.json, \
             or leave the real half out with PILOTHOUSE_TEST_REAL=0."
        )
    });
    let text = std::fs::read_to_string(path).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

impl Real {
    /// `None` only when the real half is left out on purpose.
    pub async fn new() -> Option<Self> {
        let info = stack_info()?;
        clients::install_crypto();
        let doors = serde_json::from_value(info.clone()).unwrap();
        let (settings, secrets) = backends::dovecot_sogo::split_stack_info(info).unwrap();
        let server = backends::adapter("dovecot_sogo", settings, secrets).unwrap();
        let mut stage = Stage::new().await;
        let servers = Servers::default();
        servers.put(stage.id, server);
        stage.context.servers = servers;
        Some(Self { stage, doors })
    }

    pub async fn owner(&self, kind: Kind) -> Owner {
        let local = format!("u{}", MailboxId::new().0.simple());
        let mailbox = self.stage.add(&local, kind).await;
        let brought = bring(&self.stage.context, mailbox.id).await.unwrap();
        assert!(matches!(brought, Outcome::Ready { .. }), "{brought:?}");
        let address = mailbox.address.as_str().to_owned();
        Owner { local, address }
    }

    pub async fn imap(&self, owner: &Owner) -> Result<Imap, String> {
        Imap::login(&self.doors, &owner.address, PASSWORD).await
    }

    pub async fn everything(&self, owner: &Owner) -> Folders {
        self.imap(owner).await.unwrap().read_all().await.unwrap()
    }

    async fn uidls(&self, owner: &Owner) -> Vec<(u32, String)> {
        let mut pop3 = Pop3::login(&self.doors, &owner.address, PASSWORD)
            .await
            .unwrap();
        let uidls = pop3.uidl().await.unwrap();
        pop3.quit().await;
        uidls
    }

    /// Converts and returns the receipt of a conversion that succeeded.
    async fn convert(&self, owner: &Owner, to: Kind) -> Receipt {
        let started = start(&self.stage, &[&owner.local], to).await;
        carry_on(&self.stage.context).await;
        self.receipt(&started).await
    }

    pub async fn receipt(&self, started: &Batch) -> Receipt {
        let item = item(&self.stage, started).await;
        assert_eq!(
            item.state,
            ItemState::Done,
            "{:?} {:?}",
            item.waiting_for,
            item.error
        );
        let receipt = item.receipt.unwrap();
        assert!(receipt.identical, "{receipt:?}");
        receipt
    }

    fn phone(&self, owner: &Owner) -> Phone {
        Phone::new(&self.doors, &owner.address, PASSWORD, "PHONE1")
    }

    fn dav(&self, owner: &Owner) -> Dav {
        Dav::new(&self.doors, &owner.address, PASSWORD)
    }

    async fn post(&self, owner: &Owner, subject: &str) {
        let message = format!("From: x@elsewhere.test\r\nSubject: {subject}\r\n\r\nHello.\r\n");
        smtp::deliver(
            &self.doors,
            "x@elsewhere.test",
            &owner.address,
            message.as_bytes(),
        )
        .await
        .unwrap();
    }
}

fn count(folders: &Folders) -> usize {
    folders.values().map(|folder| folder.messages.len()).sum()
}

/// Every folder and message of `before`, unchanged; what came after is returned as a number.
pub fn nothing_is_lost(before: &Folders, after: &Folders) -> usize {
    for (name, old) in before {
        let new = after.get(name).unwrap_or_else(|| panic!("{name} is gone"));
        assert_eq!(old.uidvalidity, new.uidvalidity, "{name}");
        for (uid, mark) in &old.messages {
            assert_eq!(Some(mark), new.messages.get(uid), "{name} {uid}");
        }
    }
    count(after) - count(before)
}

/// What a phone counts in each folder with mail, by the last part of its name.
async fn on_the_phone(phone: &Phone) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for folder in phone.folders().await.unwrap() {
        if matches!(folder.kind, 2..=5 | 12) {
            let synced = phone.sync(&folder.id).await.unwrap();
            if !synced.added.is_empty() {
                seen.insert(folder.name, synced.added.len());
            }
        }
    }
    seen
}

/// What it should count: all that is not marked as deleted, which ActiveSync does not show.
fn visible(folders: &Folders) -> BTreeMap<String, usize> {
    let deleted = |flags: &[String]| flags.iter().any(|flag| flag == "\\Deleted");
    let mut visible = BTreeMap::new();
    for (wire, people) in awkward::FOLDERS {
        let shown = folders[wire]
            .messages
            .values()
            .filter(|mark| !deleted(&mark.flags));
        visible.insert(people.to_owned(), shown.count());
    }
    visible
}

#[tokio::test]
async fn three_hundred_awkward_messages_go_there_and_back_unchanged() {
    let Some(real) = Real::new().await else {
        return;
    };
    let owner = real.owner(Kind::PopImap).await;
    let mut program = real.imap(&owner).await.unwrap();
    awkward::fill(&mut program, 300).await;
    let (before, uidls) = (real.everything(&owner).await, real.uidls(&owner).await);
    assert_eq!(count(&before), 300);

    let begun = Instant::now();
    let receipt = real.convert(&owner, Kind::Exchange).await;
    let took = begun.elapsed();
    let bytes = receipt.before.bytes;
    eprintln!("300 messages, {bytes} bytes, to Exchange in {took:?}");
    // Under 2 s on an idle machine; tests run side by side.
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(
        (receipt.before.messages, receipt.arrived_meanwhile),
        (300, 0)
    );
    program
        .noop()
        .await
        .expect_err("a session outlived the switch");
    let exchange = real.everything(&owner).await;
    assert_eq!(nothing_is_lost(&before, &exchange), 0);

    let phone = real.phone(&owner);
    let mut wanted = visible(&before);
    let mut seen = on_the_phone(&phone).await;
    // SOGo calls the inbox by its own name.
    let inbox = wanted.remove("INBOX").unwrap();
    let shown = seen
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("inbox"));
    let shown = shown.map(|(name, count)| (name.clone(), *count)).unwrap();
    seen.remove(&shown.0);
    assert_eq!((shown.1, &seen), (inbox, &wanted));

    let begun = Instant::now();
    real.convert(&owner, Kind::PopImap).await;
    eprintln!("300 messages back to POP/IMAP in {:?}", begun.elapsed());
    assert_eq!(nothing_is_lost(&before, &real.everything(&owner).await), 0);
    assert_eq!(real.uidls(&owner).await, uidls);
}

#[tokio::test]
async fn each_kind_opens_its_own_doors_and_the_calendar_outlives_the_way_back() {
    let Some(real) = Real::new().await else {
        return;
    };
    let owner = real.owner(Kind::PopImap).await;
    real.convert(&owner, Kind::Exchange).await;
    let (phone, dav) = (real.phone(&owner), real.dav(&owner));
    assert_eq!(phone.options().await, Ok(200));
    assert!(phone.folders().await.unwrap().len() > 4);
    assert!(matches!(
        dav.put_event("party", "Party").await,
        Ok(200..=204)
    ));
    assert!(matches!(
        dav.put_contact("bo", "Bo Berg").await,
        Ok(200..=204)
    ));
    webmail::login(&real.doors, &owner.address, PASSWORD)
        .await
        .unwrap();
    real.imap(&owner).await.unwrap();
    let refused = Pop3::login(&real.doors, &owner.address, PASSWORD).await;
    let Err(refused) = refused else {
        panic!("POP3 is open")
    };
    assert!(refused.contains("POP3 access is turned off"), "{refused}");
    assert!(refused.contains("This is an Exchange mailbox"), "{refused}");
    let letter = b"Subject: out\r\n\r\n";
    let refused = smtp::submit(
        &real.doors,
        &owner.address,
        PASSWORD,
        &owner.address,
        letter,
    );
    let refused = refused.await.unwrap_err();
    assert!(refused.contains("This is an Exchange mailbox"), "{refused}");

    real.convert(&owner, Kind::PopImap).await;
    assert_eq!(phone.options().await, Ok(401));
    assert_eq!(dav.propfind().await, Ok(401));
    webmail::login(&real.doors, &owner.address, PASSWORD)
        .await
        .unwrap_err();
    Pop3::login(&real.doors, &owner.address, PASSWORD)
        .await
        .unwrap();

    real.convert(&owner, Kind::Exchange).await;
    let (status, event) = dav.get_event("party").await.unwrap();
    assert!(status == 200 && event.contains("Party"), "{status} {event}");
    let (status, contact) = dav.get_contact("bo").await.unwrap();
    assert!(
        status == 200 && contact.contains("Bo Berg"),
        "{status} {contact}"
    );
}

#[tokio::test]
async fn mail_that_comes_by_smtp_at_each_step_arrives() {
    let Some(real) = Real::new().await else {
        return;
    };
    let owner = real.owner(Kind::PopImap).await;
    real.post(&owner, "first").await;
    let started = start(&real.stage, &[&owner.local], Kind::Exchange).await;
    let mut job = conversion::claim(&real.stage.context)
        .await
        .unwrap()
        .pop()
        .unwrap();
    let mut steps = 0;
    loop {
        real.post(&owner, job.place.as_str()).await;
        // Postfix hands it over behind our back; the mailbox may be shut, so nobody can look.
        tokio::time::sleep(Duration::from_millis(300)).await;
        if job.place == Place::Mark {
            let refused = real.imap(&owner).await.err().unwrap();
            assert!(refused.contains("being switched over"), "{refused}");
        }
        steps += 1;
        if !conversion::advance(&real.stage.context, &mut job)
            .await
            .unwrap()
        {
            break;
        }
    }
    assert_eq!(steps, 8);
    let receipt = real.receipt(&started).await;
    // Before the second step was shut: four; then switch and compare; then the doors are open.
    assert_eq!(receipt.before.messages + receipt.arrived_meanwhile, 7);
    for _ in 0..50 {
        if count(&real.everything(&owner).await) == 9 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{} of 9 arrived", count(&real.everything(&owner).await));
}

#[tokio::test]
async fn a_panel_that_dies_at_any_step_loses_nothing() {
    let Some(real) = Real::new().await else {
        return;
    };
    for steps in 0..8 {
        let owner = real.owner(Kind::PopImap).await;
        awkward::fill(&mut real.imap(&owner).await.unwrap(), 16).await;
        let before = real.everything(&owner).await;
        let started = start(&real.stage, &[&owner.local], Kind::Exchange).await;
        let mut job = conversion::claim(&real.stage.context)
            .await
            .unwrap()
            .pop()
            .unwrap();
        for _ in 0..steps {
            assert!(
                conversion::advance(&real.stage.context, &mut job)
                    .await
                    .unwrap()
            );
        }
        drop(job);
        carried_on(&real, &owner, &started, &before).await;
    }
}

#[tokio::test]
async fn a_panel_that_dies_within_a_step_loses_nothing() {
    let Some(real) = Real::new().await else {
        return;
    };
    let mut cut_off = 0;
    for millis in [2, 10, 25, 50, 80, 120, 170, 230, 300, 400] {
        let owner = real.owner(Kind::PopImap).await;
        awkward::fill(&mut real.imap(&owner).await.unwrap(), 16).await;
        let before = real.everything(&owner).await;
        let started = start(&real.stage, &[&owner.local], Kind::Exchange).await;
        let mortal: Context = real.stage.context.clone();
        let work = tokio::spawn(async move { carry_on(&mortal).await });
        tokio::time::sleep(Duration::from_millis(millis)).await;
        work.abort();
        cut_off += usize::from(work.await.is_err());
        carried_on(&real, &owner, &started, &before).await;
    }
    assert!(cut_off > 2, "it was cut off only {cut_off} times");
}

/// By another panel, when the leases of the dead one have run out.
async fn carried_on(real: &Real, owner: &Owner, started: &Batch, before: &Folders) {
    real.stage.world.clock.advance(TimeDelta::seconds(61));
    carry_on(&another(&real.stage, "second").await).await;
    real.receipt(started).await;
    assert_eq!(nothing_is_lost(before, &real.everything(owner).await), 0);
    assert_eq!(real.phone(owner).options().await, Ok(200));
    assert!(
        Pop3::login(&real.doors, &owner.address, PASSWORD)
            .await
            .is_err()
    );
}
