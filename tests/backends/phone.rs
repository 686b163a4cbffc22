//! The trap that would show a converted phone an empty mailbox: in folders that only POP/IMAP
//! clients used, Dovecot keeps no change counters, and `ActiveSync` then syncs nothing.
use std::collections::BTreeMap;

use pilothouse::domain::mailserver::Aspect;
use pilothouse::domain::snapshot::compare;

use crate::clients::activesync::Phone;
use crate::support::{EXCHANGE, PASSWORD, Subject};

#[tokio::test]
async fn a_phone_sees_all_mail_in_folders_that_only_pop_and_imap_clients_used() {
    let Some(subject) = Subject::real() else {
        return;
    };
    let mut desired = subject.desired("ann");
    let id = subject.create(&desired).await;
    let expected = [("INBOX", 3), ("Sent", 1), ("Old", 4), ("Old/2025", 2)];
    for (folder, count) in expected {
        for n in 0..count {
            let body = format!("Subject: {folder} {n}\r\nFrom: a@b.test\r\n\r\nx\r\n");
            subject
                .append(&desired.address, folder, &["\\Seen"], body.as_bytes())
                .await;
        }
    }
    let before = subject.snapshot(&desired.address, None).await;
    desired.open = EXCHANGE;
    subject
        .update(&id, &desired, &[Aspect::Open])
        .await
        .unwrap();
    subject.end_sessions(&id, &desired).await;

    let phone = Phone::new(
        subject.doors(),
        desired.address.as_str(),
        PASSWORD,
        "PHONE1",
    );
    let mut seen = BTreeMap::new();
    for folder in phone.folders().await.unwrap() {
        if matches!(folder.kind, 2 | 5 | 12) {
            let synced = phone.sync(&folder.id).await.unwrap();
            seen.insert(folder.name, synced.added.len());
        }
    }
    for (folder, count) in expected {
        let name = folder.rsplit('/').next().unwrap();
        assert_eq!(seen.get(name), Some(&count), "{folder}: {seen:?}");
    }
    let after = subject.snapshot(&desired.address, Some(&before)).await;
    assert_eq!(compare(&before, &after).differences, Vec::<String>::new());
}
