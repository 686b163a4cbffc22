//! Addresses whose mailbox lives on another server.
use pilothouse::domain::Protocol;
use pilothouse::domain::mailserver::{DesiredMailbox, Entrance, Onward, Route};

use crate::support::{PASSWORD, Subject, contract};

contract! {
    an_account_that_lives_elsewhere_is_out_of_reach_until_it_lives_here,
    what_is_told_late_changes_nothing,
    a_server_may_be_told_of_others_that_it_passes_nothing_on_to,
}

/// Nobody listens there.
fn nowhere() -> Entrance {
    Entrance {
        host: "127.0.0.1".to_owned(),
        smtp: 9,
        imap: Some(9),
        pop3: Some(9),
        sieve: Some(9),
        http: Some("http://127.0.0.1:9".to_owned()),
        verified: false,
    }
}

pub fn route(of: &DesiredMailbox, generation: i64, elsewhere: bool) -> Route {
    Route {
        mailbox: of.id,
        address: of.address.clone(),
        generation,
        onward: elsewhere.then(|| Onward {
            server: "elsewhere".to_owned(),
            entrance: nowhere(),
            receives: true,
            submits: false,
            password_hash: of.password_hash.clone(),
        }),
    }
}

pub async fn gets_in(subject: &Subject, of: &DesiredMailbox) -> bool {
    let signed_in = subject.sign_in(&of.address, Protocol::Imap, PASSWORD).await;
    signed_in.is_ok()
}

async fn an_account_that_lives_elsewhere_is_out_of_reach_until_it_lives_here(subject: Subject) {
    let desired = subject.desired("ann");
    subject.create(&desired).await;
    assert!(gets_in(&subject, &desired).await);
    for _ in 0..2 {
        subject
            .server
            .route(&[route(&desired, 2, true)])
            .await
            .unwrap();
        assert!(!gets_in(&subject, &desired).await);
    }
    // Not for the panel.
    subject.snapshot(&desired.address, None).await;
    subject
        .server
        .route(&[route(&desired, 3, false)])
        .await
        .unwrap();
    assert!(gets_in(&subject, &desired).await);
}

async fn what_is_told_late_changes_nothing(subject: Subject) {
    let desired = subject.desired("ann");
    subject.create(&desired).await;
    subject
        .server
        .route(&[route(&desired, 5, true)])
        .await
        .unwrap();
    subject
        .server
        .route(&[route(&desired, 4, false)])
        .await
        .unwrap();
    assert!(!gets_in(&subject, &desired).await);
}

async fn a_server_may_be_told_of_others_that_it_passes_nothing_on_to(subject: Subject) {
    let desired = subject.desired("ann");
    subject.create(&desired).await;
    let stranger = [("stranger".to_owned(), nowhere())];
    for _ in 0..2 {
        subject.server.introduce(&stranger).await.unwrap();
    }
    assert!(gets_in(&subject, &desired).await);
}
