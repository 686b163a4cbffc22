//! Accounts and domains: made, changed, listed, removed.
use pilothouse::backends::ServerError;
use pilothouse::domain::filters::Filters;
use pilothouse::domain::mailserver::{
    Aspect, Change, DesiredMailbox, Observed, PasswordMark, wire_sentence,
};
use pilothouse::domain::{EmailAddress, MailboxId, Protocol, Protocols};

use crate::support::{EXCHANGE, Subject, contract, hash};

contract! {
    what_is_unknown_is_observed_as_nothing,
    a_domain_is_opened_and_closed,
    creating_twice_is_creating_once,
    an_account_needs_its_domain,
    an_address_of_somebody_else_is_refused,
    every_aspect_can_be_changed_by_itself,
    an_account_follows_its_new_address,
    an_unknown_account_cannot_be_changed,
    what_is_not_offered_cannot_be_opened,
    a_reason_that_no_protocol_can_say_is_refused,
    removing_twice_is_removing_once,
    accounts_are_listed_page_by_page_in_order,
    filter_scripts_are_kept_byte_for_byte_and_one_is_in_force,
}

async fn what_is_unknown_is_observed_as_nothing(subject: Subject) {
    assert_eq!(
        subject.observe(&subject.address("nobody")).await,
        Observed::default()
    );
    assert!(subject.server.observe(&[]).await.unwrap().is_empty());
}

async fn a_domain_is_opened_and_closed(subject: Subject) {
    for accepts in [true, true, false, false, true] {
        subject.put_domain(accepts).await;
        let seen = subject.observe(&subject.address("nobody")).await;
        assert_eq!(seen.domain_accepts, Some(accepts));
    }
}

/// Everything of the account that the panel decides.
async fn assert_as_desired(subject: &Subject, desired: &DesiredMailbox) {
    let seen = subject
        .observe(&desired.address)
        .await
        .account
        .expect("an account");
    assert_eq!(seen.marker, Some(desired.id));
    assert_eq!(seen.address, desired.address);
    assert_eq!(seen.display_name, desired.display_name);
    assert_eq!(
        seen.password,
        Some(PasswordMark::of(desired.password_hash.as_ref()))
    );
    assert_eq!(seen.open, desired.open);
    assert_eq!(seen.receives, desired.receives);
    assert_eq!(seen.closed_reason, desired.closed_reason);
    assert_eq!(seen.quota_bytes, desired.quota_bytes);
}

async fn creating_twice_is_creating_once(subject: Subject) {
    let mut desired = subject.desired("ann");
    let first = subject.create(&desired).await;
    assert_as_desired(&subject, &desired).await;
    "Ann Archer".clone_into(&mut desired.display_name);
    let second = subject.create(&desired).await;
    assert_eq!(first, second);
    assert_as_desired(&subject, &desired).await;
}

async fn an_account_needs_its_domain(subject: Subject) {
    let made = subject
        .server
        .apply(&Change::Create(subject.desired("ann")))
        .await;
    let fault = made.unwrap_err();
    assert!(!fault.passes(), "{fault}");
    assert!(
        fault.to_string().contains(subject.domain.as_str()),
        "{fault}"
    );
}

async fn an_address_of_somebody_else_is_refused(subject: Subject) {
    let ann = subject.desired("ann");
    subject.create(&ann).await;
    let mut thief = subject.desired("ann");
    thief.id = MailboxId::new();
    let fault = subject
        .server
        .apply(&Change::Create(thief))
        .await
        .unwrap_err();
    assert!(matches!(fault, ServerError::Refused(_)), "{fault}");
    assert!(fault.to_string().contains(ann.address.as_str()), "{fault}");

    let bob = subject.desired("bob");
    let id = subject.create(&bob).await;
    let mut moved = bob.clone();
    moved.address = ann.address.clone();
    let fault = subject
        .update(&id, &moved, &[Aspect::Address])
        .await
        .unwrap_err();
    assert!(matches!(fault, ServerError::Refused(_)), "{fault}");
    assert_as_desired(&subject, &ann).await;
    assert_as_desired(&subject, &bob).await;
}

type Edit = fn(&mut DesiredMailbox);

async fn every_aspect_can_be_changed_by_itself(subject: Subject) {
    let mut desired = subject.desired("ann");
    let id = subject.create(&desired).await;
    let changes: [(Aspect, Edit); 7] = [
        (Aspect::DisplayName, |d| {
            "Ann “é” O'Hara".clone_into(&mut d.display_name);
        }),
        (Aspect::Password, |d| {
            d.password_hash = Some(hash("another one"));
        }),
        (Aspect::Password, |d| d.password_hash = None),
        (Aspect::Open, |d| d.open = EXCHANGE),
        (Aspect::Receives, |d| d.receives = false),
        (Aspect::ClosedReason, |d| {
            d.closed_reason = Some("Ask your admin.".to_owned());
        }),
        (Aspect::Quota, |d| d.quota_bytes = 7 * 1024 * 1024),
    ];
    for (aspect, change) in changes {
        change(&mut desired);
        for _ in 0..2 {
            let updated = subject.update(&id, &desired, &[aspect]).await;
            assert_eq!(updated.unwrap(), Some(id.clone()), "{aspect:?}");
        }
        assert_as_desired(&subject, &desired).await;
    }
    // An adopted account becomes ours by its marker.
    desired.id = MailboxId::new();
    subject
        .update(&id, &desired, &[Aspect::Marker])
        .await
        .unwrap();
    assert_as_desired(&subject, &desired).await;
    // What is not named stays.
    let mut other = subject.desired("ann");
    other.id = desired.id;
    other.quota_bytes = 1;
    other.open = Protocols::NONE;
    subject
        .update(&id, &other, &[Aspect::DisplayName])
        .await
        .unwrap();
    desired.display_name = other.display_name;
    assert_as_desired(&subject, &desired).await;
}

async fn an_account_follows_its_new_address(subject: Subject) {
    let mut desired = subject.desired("ann");
    let id = subject.create(&desired).await;
    let old = desired.address.clone();
    subject
        .deliver(&old, b"Subject: kept\r\n\r\nhello\r\n")
        .await
        .unwrap();
    let before = subject.snapshot(&old, None).await;

    desired.address = subject.address("ann.new");
    for _ in 0..2 {
        subject
            .update(&id, &desired, &[Aspect::Address])
            .await
            .unwrap();
    }
    assert_as_desired(&subject, &desired).await;
    assert_eq!(subject.observe(&old).await.account, None);
    assert_eq!(subject.snapshot(&desired.address, None).await, before);
    assert!(
        subject
            .deliver(&old, b"Subject: lost\r\n\r\n")
            .await
            .is_err()
    );
}

async fn an_unknown_account_cannot_be_changed(subject: Subject) {
    subject.put_domain(true).await;
    let desired = subject.desired("ann");
    let unknown = "u00000000000000000000000000000000";
    let fault = subject
        .update(unknown, &desired, &[Aspect::Quota])
        .await
        .unwrap_err();
    assert!(matches!(fault, ServerError::Refused(_)), "{fault}");
    assert_eq!(subject.observe(&desired.address).await.account, None);
}

async fn what_is_not_offered_cannot_be_opened(subject: Subject) {
    let mut desired = subject.desired("ann");
    let id = subject.create(&desired).await;
    desired.open = desired.open.with(Protocol::Jmap);
    let fault = subject
        .update(&id, &desired, &[Aspect::Open])
        .await
        .unwrap_err();
    assert!(matches!(fault, ServerError::Refused(_)), "{fault}");
    let made = subject.server.apply(&Change::Create(desired.clone())).await;
    assert!(matches!(made, Err(ServerError::Refused(_))), "{made:?}");
}

async fn a_reason_that_no_protocol_can_say_is_refused(subject: Subject) {
    let mut desired = subject.desired("ann");
    let id = subject.create(&desired).await;
    for reason in ["bezahlt ist’s nicht", "two\r\nlines", &"x".repeat(201)] {
        desired.closed_reason = Some(reason.to_owned());
        let fault = subject
            .update(&id, &desired, &[Aspect::ClosedReason])
            .await
            .unwrap_err();
        assert!(matches!(fault, ServerError::Refused(_)), "{fault}");
        desired.closed_reason = Some(wire_sentence(reason));
        subject
            .update(&id, &desired, &[Aspect::ClosedReason])
            .await
            .unwrap();
    }
}

async fn removing_twice_is_removing_once(subject: Subject) {
    let desired = subject.desired("ann");
    let id = subject.create(&desired).await;
    subject
        .deliver(&desired.address, b"Subject: old\r\n\r\n")
        .await
        .unwrap();
    let remove = Change::Remove {
        address: desired.address.clone(),
        remote_id: id.clone(),
    };
    for _ in 0..2 {
        subject.server.apply(&remove).await.unwrap();
        assert_eq!(subject.observe(&desired.address).await.account, None);
        subject.end_sessions(&id, &desired).await;
    }
    assert!(
        subject
            .server
            .usage(std::slice::from_ref(&desired.address))
            .await
            .unwrap()
            .is_empty()
    );
    // The next mailbox of that address is another one, and empty.
    let again = subject.create(&subject.desired("ann")).await;
    assert_ne!(again, id);
    let snapshot = subject.snapshot(&desired.address, None).await;
    assert_eq!(snapshot.summary().messages, 0);
}

async fn accounts_are_listed_page_by_page_in_order(subject: Subject) {
    // Byte by byte, a dot and a hyphen come before letters, whatever the locale says.
    let mut ours: Vec<EmailAddress> = Vec::new();
    for local in ["bb", "a-z", "a.z", "az", "b"] {
        let desired = subject.desired(local);
        subject.create(&desired).await;
        ours.push(desired.address);
    }
    ours.sort();
    let mut after: Option<EmailAddress> = None;
    let mut seen = Vec::new();
    loop {
        let page = subject.server.list(after.as_ref(), 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.address.clone());
        seen.extend(page.into_iter().map(|account| account.address));
    }
    assert!(seen.is_sorted(), "{seen:?}");
    seen.retain(|address| address.domain() == subject.domain);
    assert_eq!(seen, ours);
}

async fn filter_scripts_are_kept_byte_for_byte_and_one_is_in_force(subject: Subject) {
    let desired = subject.desired("ann");
    subject.create(&desired).await;
    let (of, server) = (&desired.address, &subject.server);
    assert_eq!(server.filters(of).await.unwrap(), Some(Filters::default()));
    let scripts = [
        (
            "Sortiert x & y",
            "require [\"fileinto\"];\r\n# Füße \"q\" \\ \t 🎉\r\nfileinto \"Füße\";\r\n",
        ),
        ("away", "stop;\n"),
    ];
    let mut wanted = Filters {
        scripts: scripts
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        active: Some("Sortiert x & y".to_owned()),
    };
    for active in [Some("Sortiert x & y"), Some("away"), None] {
        wanted.active = active.map(str::to_owned);
        for _ in 0..2 {
            server.put_filters(of, &wanted).await.unwrap();
            assert_eq!(server.filters(of).await.unwrap().as_ref(), Some(&wanted));
        }
    }
    wanted.scripts.remove("Sortiert x & y");
    server.put_filters(of, &wanted).await.unwrap();
    assert_eq!(server.filters(of).await.unwrap(), Some(wanted));
}
