//! Doors that open and close at once, for those outside and those inside.
use std::time::Duration;

use pilothouse::domain::mailserver::Aspect;
use pilothouse::domain::{EmailAddress, Protocol, Protocols};

use crate::clients::activesync::Phone;
use crate::clients::dav::Dav;
use crate::clients::imap::Imap;
use crate::clients::{Doors, smtp, webmail};
use crate::support::{EXCHANGE, PASSWORD, POP_IMAP, Session, Subject, contract, hash};

/// How often a door is shut before those who are just coming in.
const ROUNDS: usize = 8;

contract! {
    a_closed_door_says_why,
    ending_sessions_drops_those_who_are_inside,
    a_mailbox_that_does_not_receive_refuses_mail,
    usage_counts_messages_bytes_and_the_last_use,
    every_offered_protocol_can_be_checked,
}

async fn a_closed_door_says_why(subject: Subject) {
    let mut desired = subject.desired("ann");
    let id = subject.create(&desired).await;
    for protocol in [Protocol::Imap, Protocol::Pop3] {
        assert!(
            subject
                .sign_in(&desired.address, protocol, PASSWORD)
                .await
                .is_ok()
        );
    }
    desired.open = Protocols::NONE;
    desired.closed_reason = Some("Your mailbox is an Exchange mailbox now.".to_owned());
    subject
        .update(&id, &desired, &[Aspect::Open, Aspect::ClosedReason])
        .await
        .unwrap();
    for protocol in [Protocol::Imap, Protocol::Pop3] {
        let said = subject
            .sign_in(&desired.address, protocol, PASSWORD)
            .await
            .err()
            .unwrap();
        assert!(
            said.contains("Exchange mailbox now"),
            "{protocol:?}: {said}"
        );
    }
    desired.open = POP_IMAP;
    subject
        .update(&id, &desired, &[Aspect::Open])
        .await
        .unwrap();
    for protocol in [Protocol::Imap, Protocol::Pop3] {
        assert!(
            subject
                .sign_in(&desired.address, protocol, PASSWORD)
                .await
                .is_ok()
        );
    }
}

async fn ending_sessions_drops_those_who_are_inside(subject: Subject) {
    let desired = subject.desired("ann");
    let id = subject.create(&desired).await;
    // Nobody is there: fine.
    subject.end_sessions(&id, &desired).await;
    let mut sessions = Vec::new();
    for protocol in [Protocol::Imap, Protocol::Pop3] {
        let session = subject.sign_in(&desired.address, protocol, PASSWORD).await;
        sessions.push(session.unwrap_or_else(|said| panic!("{protocol:?}: {said}")));
    }
    for session in &mut sessions {
        assert!(session.is_alive().await);
    }
    subject.end_sessions(&id, &desired).await;
    for session in &mut sessions {
        assert!(!session.is_alive().await);
    }
}

async fn a_mailbox_that_does_not_receive_refuses_mail(subject: Subject) {
    let mut desired = subject.desired("ann");
    let id = subject.create(&desired).await;
    subject
        .deliver(&desired.address, b"Subject: first\r\n\r\n")
        .await
        .unwrap();
    desired.receives = false;
    subject
        .update(&id, &desired, &[Aspect::Receives])
        .await
        .unwrap();
    assert!(
        subject
            .deliver(&desired.address, b"Subject: second\r\n\r\n")
            .await
            .is_err()
    );
    desired.receives = true;
    subject
        .update(&id, &desired, &[Aspect::Receives])
        .await
        .unwrap();
    subject
        .deliver(&desired.address, b"Subject: third\r\n\r\n")
        .await
        .unwrap();
    subject.put_domain(false).await;
    assert!(
        subject
            .deliver(&desired.address, b"Subject: fourth\r\n\r\n")
            .await
            .is_err()
    );
    assert_eq!(subject.usage(&desired.address).await.messages, 2);
}

async fn usage_counts_messages_bytes_and_the_last_use(subject: Subject) {
    let desired = subject.desired("ann");
    subject.create(&desired).await;
    let fresh = subject.usage(&desired.address).await;
    assert_eq!((fresh.messages, fresh.used_bytes), (0, 0));
    assert!(fresh.last_used.is_empty(), "{:?}", fresh.last_used);

    let other = subject.desired("bob");
    subject.create(&other).await;
    subject
        .append(
            &desired.address,
            "Kept",
            &[],
            b"Subject: x\r\n\r\n12345\r\n",
        )
        .await;
    subject
        .sign_in(&desired.address, Protocol::Pop3, PASSWORD)
        .await
        .map(|_| ())
        .unwrap();
    let nobody = subject.address("nobody");
    let asked = [desired.address.clone(), nobody, other.address.clone()];
    // A server may note a login a moment after it let somebody in.
    let mut tries = 0;
    let used = loop {
        let all = subject.server.usage(&asked).await.unwrap();
        assert_eq!(all.len(), 2);
        let mut all = all.into_iter();
        let used = all.find(|usage| usage.address == desired.address).unwrap();
        tries += 1;
        if used.last_used.contains_key(&Protocol::Pop3) || tries > 20 {
            break used;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert_eq!((used.messages, used.used_bytes), (1, 21));
    assert!(
        used.last_used.contains_key(&Protocol::Pop3),
        "{:?}",
        used.last_used
    );
    assert!(
        !used.last_used.contains_key(&Protocol::Smtp),
        "{:?}",
        used.last_used
    );
}

async fn every_offered_protocol_can_be_checked(subject: Subject) {
    let health = subject.server.health().await.unwrap();
    assert!(!health.version.is_empty());
    for protocol in Protocol::ALL {
        let offered = subject.server.offers().has(protocol);
        let answer = subject.server.check(protocol).await;
        assert_eq!(answer.reachable, offered, "{answer:?}");
        assert!(!answer.detail.is_empty());
        let listeners = subject.server.listeners();
        assert_eq!(
            listeners.iter().any(|l| l.protocol == protocol),
            offered,
            "{protocol:?}"
        );
    }
}

/// What each of `SOGo`'s doors says to this password: a status of `ActiveSync` and of DAV, and
/// whether webmail lets in.
async fn sogo(subject: &Subject, user: &str, password: &str) -> (u16, u16, bool) {
    let doors = subject.doors();
    let phone = Phone::new(doors, user, password, "DOORS1");
    let dav = Dav::new(doors, user, password);
    let web = webmail::login(doors, user, password).await;
    (
        phone.options().await.unwrap(),
        dav.propfind().await.unwrap(),
        web.is_ok(),
    )
}

/// A password takes a while to verify, and the door may be shut meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_under_way_does_not_outlive_its_door() {
    let Some(subject) = Subject::real() else {
        return;
    };
    let mut desired = subject.desired("ann");
    let id = subject.create(&desired).await;
    for _ in 0..ROUNDS {
        desired.open = POP_IMAP;
        subject
            .update(&id, &desired, &[Aspect::Open])
            .await
            .unwrap();
        let knocking: Vec<_> = (0..3)
            .map(|_| tokio::spawn(knock(subject.doors().clone(), desired.address.clone())))
            .collect();
        tokio::time::sleep(Duration::from_millis(250)).await;
        desired.open = Protocols::NONE;
        subject
            .update(&id, &desired, &[Aspect::Open])
            .await
            .unwrap();
        subject.end_sessions(&id, &desired).await;
        for knocking in knocking {
            for mut session in knocking.await.unwrap() {
                assert!(!session.is_alive().await, "it goes on behind a shut door");
            }
        }
    }
}

/// Signs in again and again, until nobody is let in any more.
async fn knock(doors: Doors, address: EmailAddress) -> Vec<Session> {
    let mut inside = vec![];
    while let Ok(session) = Session::real(&doors, &address, Protocol::Imap, PASSWORD).await {
        inside.push(session);
    }
    inside
}

/// What a client had begun is done, or never will be, when its session has been ended.
#[tokio::test]
async fn nothing_changes_any_more_when_sessions_have_been_ended() {
    let Some(subject) = Subject::real() else {
        return;
    };
    let desired = subject.desired("ann");
    let id = subject.create(&desired).await;
    subject
        .append(&desired.address, "Work", &[], b"Subject: x\r\n\r\n")
        .await;
    let mut client = Imap::login(subject.doors(), desired.address.as_str(), PASSWORD)
        .await
        .unwrap();
    // Each copy is larger than all before; the last takes half a second or more.
    let copies = ["COPY 1:* Work", "NOOP"].repeat(16);
    client.begin("Work", &copies, 20).await.unwrap();
    subject.end_sessions(&id, &desired).await;
    let then = subject.usage(&desired.address).await.messages;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let later = subject.usage(&desired.address).await.messages;
    assert_eq!(then, later);
}

#[tokio::test]
async fn sogo_forgets_at_once_what_it_had_cached() {
    let Some(subject) = Subject::real() else {
        return;
    };
    let mut desired = subject.desired("ann");
    desired.open = EXCHANGE;
    let id = subject.create(&desired).await;
    let user = desired.address.as_str().to_owned();
    assert_eq!(sogo(&subject, &user, PASSWORD).await, (200, 207, true));

    desired.password_hash = Some(hash("a new one"));
    subject
        .update(&id, &desired, &[Aspect::Password])
        .await
        .unwrap();
    assert_eq!(sogo(&subject, &user, "a new one").await, (200, 207, true));
    assert_eq!(sogo(&subject, &user, PASSWORD).await, (401, 401, false));

    desired.open = POP_IMAP;
    subject
        .update(&id, &desired, &[Aspect::Open])
        .await
        .unwrap();
    assert_eq!(sogo(&subject, &user, "a new one").await, (401, 401, false));

    desired.open = EXCHANGE;
    subject
        .update(&id, &desired, &[Aspect::Open])
        .await
        .unwrap();
    assert_eq!(sogo(&subject, &user, "a new one").await, (200, 207, true));
}

#[tokio::test]
async fn a_new_password_counts_at_once_and_no_password_means_nobody() {
    let Some(subject) = Subject::real() else {
        return;
    };
    let mut desired = subject.desired("ann");
    let id = subject.create(&desired).await;
    for protocol in [Protocol::Imap, Protocol::Pop3] {
        assert!(
            subject
                .sign_in(&desired.address, protocol, PASSWORD)
                .await
                .is_ok()
        );
    }
    desired.password_hash = Some(hash("a new one"));
    subject
        .update(&id, &desired, &[Aspect::Password])
        .await
        .unwrap();
    for protocol in [Protocol::Imap, Protocol::Pop3] {
        assert!(
            subject
                .sign_in(&desired.address, protocol, "a new one")
                .await
                .is_ok()
        );
        assert!(
            subject
                .sign_in(&desired.address, protocol, PASSWORD)
                .await
                .is_err()
        );
    }
    desired.password_hash = None;
    subject
        .update(&id, &desired, &[Aspect::Password])
        .await
        .unwrap();
    for password in ["a new one", PASSWORD, "", "*", "!"] {
        let said = subject
            .sign_in(&desired.address, Protocol::Imap, password)
            .await;
        assert!(said.is_err(), "“{password}” opens a locked mailbox");
    }
}

#[tokio::test]
async fn closed_submission_says_why() {
    let Some(subject) = Subject::real() else {
        return;
    };
    let mut desired = subject.desired("ann");
    let id = subject.create(&desired).await;
    let user = desired.address.as_str().to_owned();
    let letter = format!("From: {user}\r\nTo: {user}\r\nSubject: sent\r\n\r\nhello\r\n");
    let send = || smtp::submit(subject.doors(), &user, PASSWORD, &user, letter.as_bytes());
    send().await.unwrap();

    desired.open = Protocols::of(&[Protocol::Imap]);
    desired.closed_reason = Some("Use the Exchange account.".to_owned());
    subject
        .update(&id, &desired, &[Aspect::Open, Aspect::ClosedReason])
        .await
        .unwrap();
    let said = send().await.unwrap_err();
    assert!(said.contains("Use the Exchange account."), "{said}");
}
