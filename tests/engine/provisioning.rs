//! From what is asked for to what is on the server.
use pilothouse::app::{mailboxes, users};
use pilothouse::authz::{
    CheckMailboxes, EditMailboxes, PurgeMailboxes, RemoveMailboxes, ResetPasswords,
    SuspendMailboxes, ViewMailboxes,
};
use pilothouse::backends::MailServer as _;
use pilothouse::domain::effective::SwitchValue;
use pilothouse::domain::mailserver::{Change, PasswordMark};
use pilothouse::domain::{Kind, MailboxState, Protocol, Protocols};
use pilothouse::engine::reconciler::{Outcome, bring};
use pilothouse::store::engine::servers;

use crate::stage::{Stage, address, key, registered, until};
use crate::support::database::rows;
use crate::support::world::cheap_hash;

const ON: SwitchValue = SwitchValue {
    on: true,
    until: None,
};
const OFF: SwitchValue = SwitchValue {
    on: false,
    until: None,
};

#[tokio::test]
async fn a_new_mailbox_becomes_ready_and_lets_its_owner_in() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    let asked = stage.add("ann", Kind::PopImap).await;
    assert_eq!(asked.state, MailboxState::Pending);
    let mailbox = stage.until_state("ann", MailboxState::Ready).await;
    assert_eq!(mailbox.seen_generation, mailbox.asked_generation);
    assert_eq!(mailbox.seen_open, Some(Kind::PopImap.starts_on()));
    assert_eq!((mailbox.problem, mailbox.drift.len()), (None, 0));
    stage
        .server
        .sign_in(&address("ann"), Protocol::Imap)
        .unwrap();
    stage
        .server
        .deliver(&address("ann"), b"Subject: hi\r\n\r\n")
        .unwrap();
}

#[tokio::test]
async fn nothing_is_ready_before_the_server_was_read_back() {
    let stage = Stage::new().await;
    let mailbox = stage.add("ann", Kind::PopImap).await;
    let outcome = bring(&stage.context, mailbox.id).await.unwrap();
    assert!(
        matches!(outcome, Outcome::Ready { generation: 1 }),
        "{outcome:?}"
    );
    assert!(
        stage
            .server
            .calls(pilothouse::backends::memory::Call::Observe)
            >= 2
    );
    // Bringing what is there already changes nothing.
    let changes = stage.server.changes().len();
    bring(&stage.context, mailbox.id).await.unwrap();
    assert_eq!(stage.server.changes().len(), changes);
}

#[tokio::test]
async fn a_closed_door_shows_out_whoever_is_inside() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    stage.ready("ann", Kind::Exchange).await;
    let ann = address("ann");
    stage.server.sign_in(&ann, Protocol::Imap).unwrap();
    let work = stage.work::<EditMailboxes>("acme").await;
    mailboxes::set_switch(work, ann.as_str(), Protocol::Imap, OFF, None)
        .await
        .unwrap();
    let mailbox = stage.until_state("ann", MailboxState::Ready).await;
    assert!(!mailbox.seen_open.unwrap().has(Protocol::Imap));
    assert!(stage.server.sessions(&ann).is_empty());
    let why = stage.server.sign_in(&ann, Protocol::Imap).unwrap_err();
    assert!(why.contains("This is an Exchange mailbox"), "{why}");
    let work = stage.work::<EditMailboxes>("acme").await;
    mailboxes::set_switch(work, ann.as_str(), Protocol::Imap, ON, None)
        .await
        .unwrap();
    stage.until_state("ann", MailboxState::Ready).await;
    stage.server.sign_in(&ann, Protocol::Imap).unwrap();
}

#[tokio::test]
async fn a_new_password_reaches_the_server_and_ends_sessions() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    stage.ready("ann", Kind::PopImap).await;
    stage
        .server
        .sign_in(&address("ann"), Protocol::Imap)
        .unwrap();
    let hash = cheap_hash("second password");
    let work = stage.work::<ResetPasswords>("acme").await;
    users::set_password(work, address("ann").as_str(), hash.clone())
        .await
        .unwrap();
    stage.until_state("ann", MailboxState::Ready).await;
    let account = stage.server.account(&address("ann")).unwrap();
    assert_eq!(account.password, Some(PasswordMark::of(Some(&hash))));
    assert_eq!(stage.server.sessions(&address("ann")), []);
}

#[tokio::test]
async fn a_suspended_mailbox_is_closed_and_still_receives() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    stage.ready("ann", Kind::PopImap).await;
    let ann = address("ann");
    let work = stage.work::<SuspendMailboxes>("acme").await;
    mailboxes::suspend(work, ann.as_str(), "unpaid")
        .await
        .unwrap();
    stage.until_state("ann", MailboxState::Suspended).await;
    let why = stage.server.sign_in(&ann, Protocol::Imap).unwrap_err();
    assert!(why.contains("unpaid"), "{why}");
    stage.server.deliver(&ann, b"Subject: hi\r\n\r\n").unwrap();
    let work = stage.work::<SuspendMailboxes>("acme").await;
    mailboxes::restore(work, ann.as_str()).await.unwrap();
    let mailbox = stage.until_state("ann", MailboxState::Ready).await;
    assert_eq!(mailbox.seen_open, Some(Kind::PopImap.starts_on()));
}

#[tokio::test]
async fn a_purged_mailbox_leaves_the_server_then_the_panel_and_stays_in_the_log() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    stage.ready("ann", Kind::PopImap).await;
    let ann = address("ann");
    let work = stage.work::<RemoveMailboxes>("acme").await;
    mailboxes::retain(work, ann.as_str()).await.unwrap();
    stage
        .until("ann", |mailbox| mailbox.seen_open == Some(Protocols::NONE))
        .await;
    assert!(stage.server.deliver(&ann, b"\r\n").is_err());
    let work = stage.work::<PurgeMailboxes>("acme").await;
    mailboxes::purge(work, ann.as_str()).await.unwrap();
    until("the account is gone", || {
        stage.server.account(&ann).is_none()
    })
    .await;
    let conn = stage.world.database.back_door().await;
    let destroyed = "SELECT actor_label FROM audit_events WHERE action = 'mailbox.destroyed'";
    for _ in 0..400 {
        if !rows(&conn, destroyed).await.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let log = rows(&conn, destroyed).await;
    let by: String = log.first().unwrap().try_get("", "actor_label").unwrap();
    assert_eq!(by, "reconciler");
    assert!(rows(&conn, "SELECT id FROM mailboxes").await.is_empty());
}

#[tokio::test]
async fn size_and_last_logins_are_read_soon_after_the_mailbox_was_made() {
    let mut stage = Stage::new().await;
    stage.context.pace.usage_every = std::time::Duration::from_secs(1);
    let _engine = stage.start();
    stage.ready("ann", Kind::PopImap).await;
    let ann = address("ann");
    let first = stage
        .until("ann", |mailbox| mailbox.usage_at.is_some())
        .await;
    assert_eq!((first.messages, first.last_used.len()), (0, 0));
    stage
        .server
        .deliver(&ann, b"Subject: hi\r\n\r\nhello")
        .unwrap();
    stage.server.sign_in(&ann, Protocol::Pop3).unwrap();
    let _time = stage.flow(10);
    let later = stage.until("ann", |mailbox| mailbox.messages == 1).await;
    assert!(later.used_bytes > 0);
    assert!(later.last_used.contains_key(&Protocol::Pop3));
}

#[tokio::test]
async fn a_live_check_is_answered_for_each_open_protocol() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    stage.ready("ann", Kind::PopImap).await;
    let ann = address("ann");
    let work = stage.work::<CheckMailboxes>("acme").await;
    let check = mailboxes::request_check(work, ann.as_str()).await.unwrap();
    assert!(!check.done);
    for _ in 0..400 {
        let work = stage.work::<ViewMailboxes>("acme").await;
        let check = mailboxes::find_check(&work, ann.as_str(), check.id)
            .await
            .unwrap();
        if check.done {
            assert_eq!(check.answers.len(), 3);
            assert!(check.answers.iter().all(|answer| answer.reachable));
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("never answered");
}

#[tokio::test]
async fn the_domain_is_made_known_before_its_accounts_and_only_once() {
    let stage = Stage::new().await;
    for n in 0..20 {
        stage.add(&format!("user{n}"), Kind::PopImap).await;
    }
    let _engine = stage.start();
    for n in 0..20 {
        stage
            .until_state(&format!("user{n}"), MailboxState::Ready)
            .await;
    }
    let is_domain = |change: &Change| matches!(change, Change::PutDomain { accepts: true, .. });
    let changes = stage.server.changes();
    assert!(is_domain(&changes[0]));
    assert_eq!(changes.iter().filter(|change| is_domain(change)).count(), 1);
}

#[tokio::test]
async fn registering_a_server_again_changes_nothing_and_its_secrets_open_only_with_the_key() {
    let stage = Stage::new().await;
    let again = registered(&stage.world, "mail-1", &stage.server).await;
    assert_eq!(again, stage.id);
    let known = servers::all(&stage.world.engine).await.unwrap();
    let [server] = known.as_slice() else {
        panic!("{known:?}")
    };
    assert!(server.unseal(&key()).is_ok());
    let other = pilothouse::store::seal::Key::from_bytes([8; 32]);
    assert!(server.unseal(&other).is_err());
    assert!(stage.server.offers().has(Protocol::Imap));
}
