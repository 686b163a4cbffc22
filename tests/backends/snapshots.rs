//! Snapshots: complete, cheap the second time, and without a trace.
use std::sync::Mutex;

use pilothouse::backends::{Depth, ServerError};
use pilothouse::domain::mailserver::Aspect;
use pilothouse::domain::snapshot::{Snapshot, compare};
use pilothouse::domain::{Progress, Protocols};
use sha2::{Digest as _, Sha256};

use crate::support::{Subject, contract};

contract! {
    a_snapshot_has_every_message_with_its_marks,
    a_snapshot_by_marks_equals_one_by_bodies,
    mail_that_arrives_is_told_from_mail_that_changed,
    a_snapshot_leaves_no_trace,
    a_closed_mailbox_is_read_all_the_same,
    the_snapshot_of_an_unknown_mailbox_is_refused,
}

/// Names, flags and sizes that clients and servers get wrong.
async fn fill(subject: &Subject) -> pilothouse::domain::mailserver::DesiredMailbox {
    let desired = subject.desired("ann");
    subject.create(&desired).await;
    let of = &desired.address;
    subject
        .append(
            of,
            "INBOX",
            &["\\Seen", "$Label1"],
            b"Subject: one\r\n\r\n1\r\n",
        )
        .await;
    subject
        .append(of, "INBOX", &["\\Deleted"], b"Subject: {5}\r\n\r\n)\r\n")
        .await;
    subject.append(of, "INBOX", &[], b"\r\n").await;
    subject
        .append(
            of,
            "Projects/2026 \"x\"",
            &["\\Draft"],
            b"Subject: \xff\xfe\r\n\r\nraw\r\n",
        )
        .await;
    let large = [b"Subject: large\r\n\r\n".as_slice(), &vec![b'x'; 300_000]].concat();
    subject
        .append(of, "Sent", &["\\Answered", "\\Flagged"], &large)
        .await;
    desired
}

async fn a_snapshot_has_every_message_with_its_marks(subject: Subject) {
    let desired = fill(&subject).await;
    let snapshot = subject.snapshot(&desired.address, None).await;
    let folder = |name: &str| snapshot.folders.iter().find(|f| f.name == name).unwrap();

    let inbox = folder("INBOX");
    let uids: Vec<_> = inbox.messages.iter().map(|m| m.uid).collect();
    assert_eq!((uids, inbox.uidnext), (vec![1, 2, 3], 4));
    let flags: Vec<_> = inbox.messages.iter().map(|m| m.flags.as_ref()).collect();
    assert_eq!(flags, ["$Label1 \\Seen", "\\Deleted", ""]);
    let body: [u8; 32] = Sha256::digest(b"Subject: {5}\r\n\r\n)\r\n").into();
    assert_eq!(
        (inbox.messages[1].sha256, inbox.messages[1].size),
        (body, 19)
    );

    let raw: [u8; 32] = Sha256::digest(b"Subject: \xff\xfe\r\n\r\nraw\r\n").into();
    assert_eq!(folder("Projects/2026 \"x\"").messages[0].sha256, raw);
    assert!(folder("Sent").messages[0].size >= 300_000);
    assert_eq!(snapshot.summary().messages, 5);
    assert!(folder("INBOX").uidvalidity > 0);
}

async fn a_snapshot_by_marks_equals_one_by_bodies(subject: Subject) {
    let desired = fill(&subject).await;
    let bodies = subject.snapshot(&desired.address, None).await;
    assert_eq!(
        subject.snapshot(&desired.address, Some(&bodies)).await,
        bodies
    );
    // With nothing known, marks mean that everything is read.
    let nothing = Snapshot::default();
    assert_eq!(
        subject.snapshot(&desired.address, Some(&nothing)).await,
        bodies
    );

    let told = Mutex::new(Vec::<Progress>::new());
    let each = |progress| told.lock().unwrap().push(progress);
    let read = subject
        .server
        .snapshot(&desired.address, Depth::Bodies, None, &each)
        .await;
    assert_eq!(read.unwrap(), bodies);
    let last = told
        .lock()
        .unwrap()
        .last()
        .copied()
        .expect("progress is told");
    assert_eq!((last.messages_done, last.messages_total), (5, 5));
    assert_eq!(
        (last.bytes_done, last.bytes_total),
        (bodies.summary().bytes, bodies.summary().bytes)
    );
}

async fn mail_that_arrives_is_told_from_mail_that_changed(subject: Subject) {
    let desired = fill(&subject).await;
    let before = subject.snapshot(&desired.address, None).await;
    subject
        .deliver(&desired.address, b"Subject: new\r\n\r\nnew\r\n")
        .await
        .unwrap();
    let after = subject.snapshot(&desired.address, Some(&before)).await;
    let compared = compare(&before, &after);
    assert_eq!((compared.arrived, compared.differences), (1, vec![]));

    subject
        .flag(&desired.address, "INBOX", 1, &["\\Flagged"])
        .await;
    let compared = compare(
        &before,
        &subject.snapshot(&desired.address, Some(&before)).await,
    );
    assert_eq!(compared.differences.len(), 1, "{:?}", compared.differences);
    assert!(
        compared.differences[0].contains("flags"),
        "{:?}",
        compared.differences
    );
}

async fn a_snapshot_leaves_no_trace(subject: Subject) {
    let desired = fill(&subject).await;
    subject
        .deliver(&desired.address, b"Subject: unread\r\n\r\n")
        .await
        .unwrap();
    let used = subject.usage(&desired.address).await;
    let first = subject.snapshot(&desired.address, None).await;
    assert_eq!(subject.snapshot(&desired.address, None).await, first);
    assert_eq!(subject.usage(&desired.address).await, used);
    let unread = first.folders.iter().flat_map(|f| &f.messages);
    assert_eq!(unread.filter(|m| !m.flags.contains("\\Seen")).count(), 5);
}

async fn a_closed_mailbox_is_read_all_the_same(subject: Subject) {
    let mut desired = fill(&subject).await;
    let before = subject.snapshot(&desired.address, None).await;
    let id = subject
        .observe(&desired.address)
        .await
        .account
        .unwrap()
        .remote_id;
    desired.open = Protocols::NONE;
    desired.receives = false;
    desired.password_hash = None;
    let aspects = [Aspect::Open, Aspect::Receives, Aspect::Password];
    subject.update(&id, &desired, &aspects).await.unwrap();
    subject.put_domain(false).await;
    assert_eq!(subject.snapshot(&desired.address, None).await, before);
}

async fn the_snapshot_of_an_unknown_mailbox_is_refused(subject: Subject) {
    subject.put_domain(true).await;
    let nobody = subject.address("nobody");
    let read = subject
        .server
        .snapshot(&nobody, Depth::Bodies, None, &|_| {})
        .await;
    assert!(matches!(read, Err(ServerError::Refused(_))), "{read:?}");
}
